# From the fused model to files for other programs.
# Requires: models/{name}/fused/.
# Makes: models/{name}/hf/ and models/{name}-{quant}.gguf.


rule hf:
    """Write the model as transformers loads it."""
    input:
        config=model_file("fused/config.json"),
        base=f"{BASE}/config.json",
        adapters=model_file("adapters/adapters.safetensors"),
        rows=training_rows("train"),
    output:
        model_file("hf/config.json"),
    params:
        version=WORKFLOW_VERSION,
    log:
        f"logs/{config['name']}/hf.log",
    benchmark:
        f"logs/benchmarks/{config['name']}/hf.tsv"
    conda:
        "../envs/export.yaml"
    script:
        "../workflow_scripts/write_hugging_face_folder.py"


rule gguf:
    """Write a GGUF file straight from the Hugging Face folder, and ask it a question in llama.cpp."""
    input:
        config=model_file("hf/config.json"),
    output:
        f"models/{config['name']}-{{quant}}.gguf",
    log:
        f"logs/{config['name']}/gguf-{{quant}}.log",
    benchmark:
        f"logs/benchmarks/{config['name']}/gguf-{{quant}}.tsv"
    threads: workflow.cores
    conda:
        "../envs/export.yaml"
    script:
        "../workflow_scripts/write_gguf.py"
