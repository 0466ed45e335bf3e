# From a base model and rows to a fused model.
# Requires: models/base/{base}/, data/dataset/train.jsonl and valid.jsonl.
# Makes: models/{name}/lora.yaml, commands.sh, adapters/, metrics.csv, loss.svg and fused/. preflight tells, and makes nothing.


include: "functions/train.smk"


localrules:
    replay_rows,
    lora_config,
    commands,
    loss_curve,


rule replay_rows:
    """Mix general chat rows into the training rows, against forgetting; only where training.replay names a file."""
    input:
        train="data/dataset/train.jsonl",
        valid="data/dataset/valid.jsonl",
        replay=replay_file(),
    output:
        train=model_file("rows/train.jsonl"),
        valid=model_file("rows/valid.jsonl"),
    params:
        share=config["training"]["replay"]["share"],
        seed=config["training"]["seed"],
    log:
        f"logs/{config['name']}/replay_rows.log",
    benchmark:
        f"logs/benchmarks/{config['name']}/replay_rows.tsv"
    conda:
        "../envs/train.yaml"
    script:
        "../workflow_scripts/train_replay_rows.py"


rule lora_config:
    """Write the configuration of the training, as `python -m mlx_lm lora --config` takes it."""
    input:
        train=training_rows("train"),
        base=f"{BASE}/config.json",
        nothing=look_at_lora_config,
    output:
        model_file("lora.yaml"),
    params:
        training=what_shapes_the_training(),
    log:
        f"logs/{config['name']}/lora_config.log",
    benchmark:
        f"logs/benchmarks/{config['name']}/lora_config.tsv"
    conda:
        "../envs/train.yaml"
    script:
        "../workflow_scripts/train_lora_config.py"


rule commands:
    """Write mlx_lm's commands for going on by hand with what was trained."""
    input:
        lora_config=model_file("lora.yaml"),
        base=f"{BASE}/config.json",
    output:
        model_file("commands.sh"),
    log:
        f"logs/{config['name']}/commands.log",
    benchmark:
        f"logs/benchmarks/{config['name']}/commands.tsv"
    conda:
        "../envs/train.yaml"
    script:
        "../workflow_scripts/train_commands.py"


rule preflight:
    """Tell what the training will do, take and risk, after a few steps: rows, memory, time, disk, settings that can't work."""
    input:
        lora_config=model_file("lora.yaml"),
        train=training_rows("train"),
        valid=training_rows("valid"),
        base=f"{BASE}/config.json",
    params:
        keep=config["training"]["keep"],
        exports=config["export"]["quantizations"] + mlx_names(),
        patience=config["training"]["early_stopping_patience"],
    log:
        f"logs/{config['name']}/preflight.log",
    threads: workflow.cores
    conda:
        "../envs/train.yaml"
    script:
        "../workflow_scripts/train_preflight.py"


rule adapters:
    """Train the LoRA adapters; a training that was stopped goes on from its last save."""
    input:
        lora_config=model_file("lora.yaml"),
        train=training_rows("train"),
        valid=training_rows("valid"),
        base=f"{BASE}/config.json",
        nothing=look_at_adapters,
    output:
        adapters=model_file("adapters/adapters.safetensors"),
        adapter_config=model_file("adapters/adapter_config.json"),
        metrics=model_file("metrics.csv"),
    params:
        keep=config["training"]["keep"],
        patience=config["training"]["early_stopping_patience"],
    log:
        f"logs/{config['name']}/adapters.log",
    benchmark:
        f"logs/benchmarks/{config['name']}/adapters.tsv"
    threads: workflow.cores
    conda:
        "../envs/train.yaml"
    script:
        "../workflow_scripts/train_adapters.py"


rule loss_curve:
    """Draw the losses of the training."""
    input:
        model_file("metrics.csv"),
    output:
        report(
            model_file("loss.svg"),
            caption="../report/loss_curve.rst",
            category="Training",
            labels={"picture": "loss curve"},
        ),
    log:
        f"logs/{config['name']}/loss_curve.log",
    benchmark:
        f"logs/benchmarks/{config['name']}/loss_curve.tsv"
    conda:
        "../envs/train.yaml"
    script:
        "../workflow_scripts/train_loss_curve.py"


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
        "../workflow_scripts/train_fused.py"
