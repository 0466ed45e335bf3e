# The base model.
# Requires: base_model of the configuration.
# Makes: models/base/{base}/, in Hugging Face layout. The data set takes its tokenizer, the training its weights.


localrules:
    base_model,


rule base_model:
    """Bring the base model into Hugging Face layout: from the hub, a folder or a GGUF file."""
    input:
        local_model_files(config["base_model"]),
    output:
        config=f"{BASE}/config.json",
    params:
        source=config["base_model"],
        revision=config["base_model_revision"],
    log:
        f"logs/{BASE}.log",
    benchmark:
        f"logs/benchmarks/{BASE}.tsv"
    conda:
        "../envs/train.yaml"
    script:
        "../workflow_scripts/base_base_model.py"
