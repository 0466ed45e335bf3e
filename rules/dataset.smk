# From answers to training rows.
# Requires: data/answers/, data/transcripts/, and dataset.extra_pairs if the configuration names it.
# Makes: data/dataset/, data/review/answers.md.


rule dataset:
    """Build the chat rows, split by video; what is left out is in rejected.jsonl with its reason."""
    input:
        answers=answers_of_all_videos,
        transcripts=transcripts_of_all_videos,
        videos="data/videos.json",
        extra_pairs=extra_pairs_file,
    output:
        pairs="data/dataset/pairs.jsonl",
        rejected="data/dataset/rejected.jsonl",
        train="data/dataset/train.jsonl",
        valid="data/dataset/valid.jsonl",
        report="data/dataset/report.json",
    params:
        valid_fraction=config["dataset"]["valid_fraction"],
        seed=config["dataset"]["seed"],
    log:
        "logs/dataset.log",
    benchmark:
        "logs/benchmarks/dataset.tsv"
    conda:
        "../envs/dataset.yaml"
    script:
        "../workflow_scripts/build_dataset.py"


rule review:
    """Write every pair on one readable page."""
    input:
        pairs="data/dataset/pairs.jsonl",
    output:
        "data/review/answers.md",
    log:
        "logs/review.log",
    benchmark:
        "logs/benchmarks/review.tsv"
    conda:
        "../envs/dataset.yaml"
    script:
        "../workflow_scripts/write_review.py"
