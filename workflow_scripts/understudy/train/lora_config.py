"""Write models/{name}/lora.yaml: exactly what `python -m mlx_lm lora --config FILE` takes, every value written out."""

import math
from pathlib import Path

import yaml

from understudy.rows.lora_config import MLX_LM_DEFAULTS
from understudy.shared.errors import ConfigurationError
from understudy.shared.files import read_json_lines, write_text
from understudy.train.updates import at_an_update

NOT_FOR_MLX_LM = {"epochs"}
HEADER = """\
# Made by Understudy from `training` in config.yaml; paths are relative to the project. Train by hand with
#   python -m mlx_lm lora --config {path}
"""


def write_lora_config(training: dict, train: str, base: str, output: str) -> None:
    """Write `output` for the rows of `train` (JSONL) and the base model whose config.json is `base`.

    Raises ConfigurationError for a value of `training` that mlx_lm has no use for."""
    rows = len(read_json_lines(train))
    config = lora_config(training, rows, Path(train).parent, Path(base).parent, Path(output).parent / "adapters")
    write_text(output, HEADER.format(path=output) + yaml.safe_dump(config, sort_keys=False, allow_unicode=True))


def lora_config(training: dict, rows: int, data: Path, model: Path, adapter_path: Path) -> dict:
    """Return mlx_lm's configuration for `rows` training rows."""
    unknown = sorted(set(training) - set(MLX_LM_DEFAULTS) - NOT_FOR_MLX_LM)
    if unknown:
        raise ConfigurationError(f"training.{unknown[0]} is not one of mlx_lm's keys: {', '.join(MLX_LM_DEFAULTS)}.")
    own = {key: value for key, value in training.items() if key not in NOT_FOR_MLX_LM}
    config = {
        "model": model.as_posix(),
        "train": True,
        "data": data.as_posix(),
        "adapter_path": adapter_path.as_posix(),
        "iters": iterations(training["epochs"], rows, own["batch_size"]),
        **MLX_LM_DEFAULTS,
        **own,
    }
    return {
        **config,
        **numbers(config),
        "save_every": at_an_update(config["save_every"], config["grad_accumulation_steps"]),
    }


def iterations(epochs: float, rows: int, batch_size: int) -> int:
    """Return the number of batches in `epochs` passes over the rows, one at least; an epoch's last one may not be full."""
    return max(1, round(epochs * math.ceil(rows / batch_size)))


def numbers(config: dict) -> dict:
    """Return the values that must be numbers as numbers: YAML 1.1 reads a hand-written `1e-5` as text."""
    lora = dict(config["lora_parameters"])
    for key in ("scale", "dropout"):
        lora[key] = number(f"training.lora_parameters.{key}", lora[key])
    return {"learning_rate": number("training.learning_rate", config["learning_rate"]), "lora_parameters": lora}


def number(key: str, value: object) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ConfigurationError(f"{key} is {value!r}; it takes a number, such as 1.0e-5.") from None
