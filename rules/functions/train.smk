# Inputs and settings of rules/train.smk.
from understudy.models.paths import ADAPTERS


def replay_file():
    """The file of general chat rows that are mixed into the training, or none."""
    return config["training"]["replay"]["file"] or []


def training_rows(side):
    """The rows that are trained or validated with: those of the talks, or those into which general ones are mixed."""
    return model_file(f"rows/{side}.jsonl") if replay_file() else f"data/dataset/{side}.jsonl"


def what_shapes_the_training():
    """The keys of training that decide how the adapters come out; which of them are kept is decided afterwards."""
    others = ("keep", "early_stopping_patience", "replay")
    return {key: value for key, value in config["training"].items() if key not in others}


def look_at_lora_config(wildcards):
    """No file. Without Snakemake's record, have lora.yaml written anew if it isn't what the configuration says."""
    path = model_file("lora.yaml")
    if has_no_record(path):
        from understudy.train.record import is_other_lora_config

        if is_other_lora_config(path, what_shapes_the_training(), training_rows("train"), f"{BASE}/config.json"):
            workflow.dag.forcefiles.add(path)
    return []


def look_at_adapters(wildcards):
    """No file. Without Snakemake's record, have adapters trained anew that are of other settings, rows or base."""
    path = model_file(f"adapters/{ADAPTERS}")
    if has_no_record(path):
        from understudy.train.record import are_other_adapters

        rows = [training_rows("train"), training_rows("valid")]
        patience = config["training"]["early_stopping_patience"]
        if are_other_adapters(path, model_file("lora.yaml"), rows, BASE, patience):
            workflow.dag.forcefiles.add(path)
    return []
