# From the fused model to files for other programs.
# Requires: models/{name}/fused/.
# Makes: models/{name}/hf/ and models/{name}-{quant}.gguf.


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


rule ladder:
    """Measure what each step of the export did to the model, up to the files that users run; a step that lost too much fails."""
    input:
        valid=training_rows("valid"),
        lora_config=model_file("lora.yaml"),
        base=f"{BASE}/config.json",
        adapters=model_file("adapters/adapters.safetensors"),
        adapter_config=model_file("adapters/adapter_config.json"),
        fused=model_file("fused/config.json"),
        hf=model_file("hf/config.json"),
        ggufs=gguf_files(),
    output:
        model_file("export.json"),
    log:
        f"logs/{config['name']}/ladder.log",
    benchmark:
        f"logs/benchmarks/{config['name']}/ladder.tsv"
    threads: workflow.cores
    conda:
        "../envs/ladder.yaml"
    script:
        "../workflow_scripts/measure_export.py"


rule ladder_picture:
    """Draw what each step of the export did to the model."""
    input:
        model_file("export.json"),
    output:
        model_file("export.svg"),
    log:
        f"logs/{config['name']}/ladder_picture.log",
    benchmark:
        f"logs/benchmarks/{config['name']}/ladder_picture.tsv"
    conda:
        "../envs/ladder.yaml"
    script:
        "../workflow_scripts/draw_export_ladder.py"
