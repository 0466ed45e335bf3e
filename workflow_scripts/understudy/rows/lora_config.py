"""lora.yaml, by which mlx_lm trains: its keys, and reading it as mlx_lm does."""

from pathlib import Path

import yaml
from mlx_lm.lora import yaml_loader

from understudy.shared.errors import InputFileError

# mlx_lm.lora.CONFIG_DEFAULTS without what this workflow decides; a test fails when mlx_lm changes them.
MLX_LM_DEFAULTS = {
    "fine_tune_type": "lora",
    "optimizer": "adam",
    "optimizer_config": {"adam": {}, "adamw": {}, "muon": {}, "sgd": {}, "adafactor": {}},
    "seed": 0,
    "num_layers": 16,
    "batch_size": 4,
    "val_batches": 25,
    "learning_rate": 1e-5,
    "steps_per_report": 10,
    "steps_per_eval": 200,
    "resume_adapter_file": None,
    "save_every": 100,
    "test": False,
    "test_batches": 500,
    "max_seq_length": 2048,
    "grad_checkpoint": False,
    "grad_accumulation_steps": 1,
    "clear_cache_threshold": 0,
    "lr_schedule": None,
    "lora_parameters": {"rank": 8, "dropout": 0.0, "scale": 20.0},
    "mask_prompt": False,
    "report_to": None,
    "project_name": None,
    "trust_remote_code": False,
}


def read_lora_config(path: str) -> dict:
    """Read mlx_lm's configuration as mlx_lm does (its loader takes `1e-5` for a number).

    Raises InputFileError if it is not YAML, or lacks a key."""
    try:
        config = yaml.load(Path(path).read_text(encoding="utf-8"), yaml_loader)
    except yaml.YAMLError as error:
        raise InputFileError(f"{path} is not YAML: {error}") from None
    known = config if isinstance(config, dict) else {}
    if missing := [key for key in ("model", "data", "adapter_path", "iters", *MLX_LM_DEFAULTS) if key not in known]:
        raise InputFileError(
            f"{path} has no {missing[0]}. `understudy run -f {path}` writes it anew, from config.yaml."
        )
    return config
