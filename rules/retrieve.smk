# From transcripts to an index of passages that can be searched.
# Requires: data/transcripts/; nothing that was taught.
# Makes: data/index/.


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
        embedder=local_model_files(config["retrieval"]["embedder"]["gguf"]),
    output:
        "data/index/index.json",
    params:
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
