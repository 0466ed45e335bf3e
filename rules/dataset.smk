# From answers to training rows.
# Requires: data/answers/, data/questions/, data/transcripts/, the base model's tokenizer, and, where there is one, dataset.extra_pairs
# and data/curation.csv: what a person decided, which no rule writes.
# Makes: data/dataset/.


include: "functions/dataset.smk"


localrules:
    dataset_block,
    test_rows,
    dataset_export,


rule dataset_block:
    """List the files of a block of talks with what is in them, so that the data set's job has few inputs."""
    input:
        answers=answers_of_block,
        questions=questions_of_block,
        transcripts=transcripts_of_block,
        reworded=reworded_of_block,
        grounded=grounded_of_block,
        reader=readings_of_block,
    output:
        "data/dataset/blocks/{block}.json",
    log:
        "logs/dataset/{block}.log",
    benchmark:
        "logs/benchmarks/dataset/{block}.tsv"
    conda:
        "../envs/dataset.yaml"
    script:
        "../workflow_scripts/dataset_dataset_block.py"


rule dataset:
    """Examine every pair and build the chat rows, split by video; what is left out is in rejected.jsonl with its reason."""
    input:
        blocks=blocks_of_dataset,
        videos="data/videos.json",
        extra_pairs=extra_pairs_file,
        curation=curation_file,
        corrections=corrections_file,
        prompts=prompts_of_dataset(),
        base=f"{BASE}/config.json",
    output:
        pairs="data/dataset/pairs.jsonl",
        rejected="data/dataset/rejected.jsonl",
        train="data/dataset/train.jsonl",
        valid="data/dataset/valid.jsonl",
        report="data/dataset/report.json",
        split="data/dataset/split.json",
    params:
        settings=what_shapes_the_dataset(),
        voice=config["answers"]["voice"],
        training={key: config["training"][key] for key in ("max_seq_length", "batch_size")},
    log:
        "logs/dataset.log",
    benchmark:
        "logs/benchmarks/dataset.tsv"
    conda:
        "../envs/dataset.yaml"
    script:
        "../workflow_scripts/dataset_dataset.py"


rule test_rows:
    """Write the rows of the test split, which no training sees."""
    input:
        "data/dataset/pairs.jsonl",
    output:
        "data/dataset/test.jsonl",
    log:
        "logs/test_rows.log",
    benchmark:
        "logs/benchmarks/test_rows.tsv"
    conda:
        "../envs/dataset.yaml"
    script:
        "../workflow_scripts/dataset_test_rows.py"


rule dataset_export:
    """Write the data set as a Hugging Face folder: Parquet and a card."""
    input:
        pairs="data/dataset/pairs.jsonl",
        report="data/dataset/report.json",
    output:
        "data/dataset/export/README.md",
    params:
        name=config["name"],
    log:
        "logs/dataset_export.log",
    benchmark:
        "logs/benchmarks/dataset_export.tsv"
    conda:
        "../envs/dataset.yaml"
    script:
        "../workflow_scripts/dataset_dataset_export.py"
