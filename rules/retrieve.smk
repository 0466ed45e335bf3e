# From transcripts to an index of passages that can be searched, and a gate that says what they answer.
# Requires: data/transcripts/; for the gate data/dataset/pairs.jsonl, too. The index needs nothing that was taught.
# Makes: data/index/, data/gate.json.


include: "functions/retrieve.smk"


localrules:
    index_block,


rule index_block:
    """List the transcripts of a block of talks with what is in them, so that the index's job has few inputs."""
    input:
        transcripts=transcripts_of_index_block,
    output:
        "data/index/blocks/{block}.json",
    log:
        "logs/index/{block}.log",
    benchmark:
        "logs/benchmarks/index/{block}.tsv"
    conda:
        "../envs/retrieve.yaml"
    script:
        "../workflow_scripts/retrieve_index_block.py"


rule index:
    """Cut the talks into passages and make them searchable, by words and, with retrieval.embedder, by meaning."""
    input:
        blocks=blocks_of_index,
        videos="data/videos.json",
        corrections=corrections_file,
        embedder=local_model_files(config["retrieval"]["embedder"]["gguf"]),
    output:
        "data/index/index.json",
    params:
        **speaker_where_set(),
        embedder=what_shapes_vectors(config["retrieval"]["embedder"]),
    log:
        "logs/index.log",
    benchmark:
        "logs/benchmarks/index.tsv"
    threads: 1 if config["retrieval"]["embedder"]["gguf"] is None else workflow.cores
    conda:
        "../envs/retrieve.yaml"
    script:
        "../workflow_scripts/retrieve_index.py"


rule gate:
    """Measure, on the training talks' own questions and on those of other fields, which questions the talks answer."""
    input:
        index="data/index/index.json",
        pairs="data/dataset/pairs.jsonl",
        others=questions_of_other_fields(),
        embedder=local_model_files(config["retrieval"]["embedder"]["gguf"]),
    output:
        "data/gate.json",
    params:
        query_prefix=config["retrieval"]["embedder"]["query_prefix"],
    log:
        "logs/gate.log",
    benchmark:
        "logs/benchmarks/gate.tsv"
    threads: 1 if config["retrieval"]["embedder"]["gguf"] is None else workflow.cores
    conda:
        "../envs/retrieve.yaml"
    script:
        "../workflow_scripts/retrieve_gate.py"
