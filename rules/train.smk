# From a base model and rows to a fused model.
# Requires: base_model of the configuration, data/dataset/train.jsonl and valid.jsonl.
# Makes: models/base/{base}/, models/{name}/lora.yaml, adapters/, metrics.csv and fused/. preflight tells, and makes nothing.


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
        "../workflow_scripts/import_base_model.py"


rule lora_config:
    """Write the configuration of the training, as `python -m mlx_lm lora --config` takes it."""
    input:
        train="data/dataset/train.jsonl",
        base=f"{BASE}/config.json",
    output:
        model_file("lora.yaml"),
    params:
        training=config["training"],
    log:
        f"logs/{config['name']}/lora_config.log",
    benchmark:
        f"logs/benchmarks/{config['name']}/lora_config.tsv"
    conda:
        "../envs/train.yaml"
    script:
        "../workflow_scripts/write_lora_config.py"


rule preflight:
    """Tell what the training will do, take and risk, after a few steps: rows, memory, time, disk, settings that can't work."""
    input:
        lora_config=model_file("lora.yaml"),
        train="data/dataset/train.jsonl",
        valid="data/dataset/valid.jsonl",
        base=f"{BASE}/config.json",
    params:
        keep=config["training"].get("keep", "best"),
        quantizations=config["export"]["quantizations"],
    log:
        f"logs/{config['name']}/preflight.log",
    threads: workflow.cores
    conda:
        "../envs/train.yaml"
    script:
        "../workflow_scripts/check_training.py"


rule adapters:
    """Train the LoRA adapters."""
    input:
        lora_config=model_file("lora.yaml"),
        train="data/dataset/train.jsonl",
        valid="data/dataset/valid.jsonl",
        base=f"{BASE}/config.json",
    output:
        # update(): the old adapters stay until the new ones are trained.
        adapters=update(model_file("adapters/adapters.safetensors")),
        adapter_config=update(model_file("adapters/adapter_config.json")),
        metrics=update(model_file("metrics.csv")),
    log:
        f"logs/{config['name']}/adapters.log",
    benchmark:
        f"logs/benchmarks/{config['name']}/adapters.tsv"
    threads: workflow.cores
    conda:
        "../envs/train.yaml"
    script:
        "../workflow_scripts/train_adapters.py"


rule fused:
    """Fuse the adapters into the base model; opens in LM Studio as it is."""
    input:
        adapters=model_file("adapters/adapters.safetensors"),
        adapter_config=model_file("adapters/adapter_config.json"),
        base=f"{BASE}/config.json",
    output:
        model_file("fused/config.json"),
    log:
        f"logs/{config['name']}/fused.log",
    benchmark:
        f"logs/benchmarks/{config['name']}/fused.tsv"
    threads: workflow.cores
    conda:
        "../envs/train.yaml"
    script:
        "../workflow_scripts/fuse_adapters.py"
