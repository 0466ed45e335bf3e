# From the fused model to files for other programs.
# Requires: models/{name}/fused/, and data/dataset/valid.jsonl for questions to ask.
# Makes: models/{name}/hf/, models/{name}-{quant}.gguf and models/{name}/Modelfile. serve answers, and makes nothing.


rule hf:
    """Write the model as transformers loads it."""
    input:
        config=model_file("fused/config.json"),
    output:
        model_file("hf/config.json"),
    log:
        f"logs/{config['name']}/hf.log",
    benchmark:
        f"logs/benchmarks/{config['name']}/hf.tsv"
    conda:
        "../envs/export.yaml"
    script:
        "../workflow_scripts/write_hugging_face_folder.py"


rule gguf:
    """Write a GGUF file straight from the Hugging Face folder, and ask it three held-out questions in llama.cpp."""
    input:
        config=model_file("hf/config.json"),
        # ancient(): what is asked shapes no byte of the file, and other rows have made another model already.
        held_out=ancient("data/dataset/valid.jsonl"),
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


rule modelfile:
    """Write Ollama's Modelfile: the GGUF file with the template it was trained under, stop tokens and settings."""
    input:
        gguf=gguf_to_run(),
        config=model_file("hf/config.json"),
    output:
        model_file("Modelfile"),
    params:
        others=other_ggufs(),
    log:
        f"logs/{config['name']}/modelfile.log",
    benchmark:
        f"logs/benchmarks/{config['name']}/modelfile.tsv"
    conda:
        "../envs/export.yaml"
    script:
        "../workflow_scripts/write_modelfile.py"


rule serve:
    """Serve the finished model on this machine for any OpenAI client, until Ctrl-C; --config port=8081 for another port."""
    input:
        gguf=gguf_to_run(),
    log:
        f"logs/{config['name']}/serve.log",
    threads: workflow.cores
    conda:
        "../envs/export.yaml"
    script:
        "../workflow_scripts/serve.py"
