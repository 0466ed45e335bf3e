"""Whether lora.yaml and adapters are made of the settings, rows and base model that there are now: for a project that was copied
without .snakemake, where Snakemake has no record and notices no other setting."""

from pathlib import Path

from understudy.rows.lora_config import read_lora_config
from understudy.shared.errors import UnderstudyError
from understudy.shared.files import read_json, read_json_lines
from understudy.train.checkpoints import run_identity
from understudy.train.lora_config import lora_config

KEPT = "kept.json"


def is_other_lora_config(path: str, training: dict, train: str, base: str) -> bool:
    """Whether the rule lora_config would write another `path`; `base` is the base model's config.json.

    Not if it can't be told, because rows or base are missing."""
    if not all(Path(file).exists() for file in (path, train, base)):
        return False
    rows = len(read_json_lines(train))
    wanted = lora_config(training, rows, Path(train).parent, Path(base).parent, Path(path).parent / "adapters")
    try:
        return read_lora_config(path) != wanted
    except UnderstudyError:
        return True


def are_other_adapters(path: str, lora_config_path: str, rows: list[str], base_folder: str, patience: int) -> bool:
    """Whether the adapters at `path` come from a training of other settings, rows or base than those that there are now.

    Not if it can't be told: adapters that were trained before their record named the run, or missing files."""
    kept = Path(path).with_name(KEPT)
    if not all(Path(file).exists() for file in (path, kept, lora_config_path, *rows, f"{base_folder}/config.json")):
        return False
    run = read_json(kept).get("run")
    return run is not None and run != run_identity(shaping_settings(lora_config_path, patience), rows, base_folder)


def shaping_settings(lora_config_path: str, patience: int) -> dict:
    """What of the settings names a run: mlx_lm's configuration, and the patience of early stopping where there is one."""
    config = read_lora_config(lora_config_path)
    return {**config, "early_stopping_patience": patience} if patience else config
