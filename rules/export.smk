# From the fused model to files for other programs.
# Requires: models/{name}/fused/, and data/dataset/valid.jsonl for questions to ask.
# Makes: models/{name}/hf/, models/{name}-{quant}.gguf, models/{name}/mlx-{bits}bit/, and export.json, export.svg and Modelfile in
# models/{name}/.


include: "functions/export.smk"


localrules:
    ladder_picture,
    modelfile,


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
        "../workflow_scripts/export_hf.py"


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
        "../workflow_scripts/export_gguf.py"


rule mlx:
    """Write the fused model with its weights in 4 to 8 bits, as mlx_lm and LM Studio load it on a Mac."""
    input:
        model_file("fused/config.json"),
    output:
        model_file("mlx-{bits}bit/config.json"),
    log:
        f"logs/{config['name']}/mlx-{{bits}}bit.log",
    benchmark:
        f"logs/benchmarks/{config['name']}/mlx-{{bits}}bit.tsv"
    threads: workflow.cores
    conda:
        "../envs/ladder.yaml"
    script:
        "../workflow_scripts/export_mlx.py"


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
        mlx=mlx_folders(),
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
        "../workflow_scripts/export_ladder.py"


rule ladder_picture:
    """Draw what each step of the export did to the model."""
    input:
        model_file("export.json"),
    output:
        report(
            model_file("export.svg"),
            caption="../report/ladder.rst",
            category="Export",
            labels={"picture": "what each step did"},
        ),
    log:
        f"logs/{config['name']}/ladder_picture.log",
    benchmark:
        f"logs/benchmarks/{config['name']}/ladder_picture.tsv"
    conda:
        "../envs/ladder.yaml"
    script:
        "../workflow_scripts/export_ladder_picture.py"


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
        "../workflow_scripts/export_modelfile.py"
