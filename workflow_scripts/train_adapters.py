"""Train LoRA adapters with mlx_lm's own training loop, in the run's own folder; the result is copied from there."""

from lib.optimised_blas import blas_in_use, is_blas_optimised, run_with_optimised_blas

if __name__ == "__main__":
    run_with_optimised_blas()

import logging
import math
import shutil
from pathlib import Path

import mlx.core as mx
import mlx.optimizers as optim
import numpy as np
import yaml
from mlx import nn
from mlx_lm.lora import yaml_loader
from mlx_lm.tokenizer_utils import TokenizerWrapper
from mlx_lm.tuner.utils import build_schedule, linear_to_lora_layers

from lib.errors import InputFileError
from lib.files import read_json, write_json
from lib.job_log import log
from lib.mlx_models import device_in_use, load_base
from lib.preflight import (
    RowLimits,
    check_context,
    check_keep,
    check_layers,
    check_memory,
    check_sizes,
    check_updates,
    checked_dataset,
    log_plan,
    longest_batch,
    parameters_of,
    saved_iterations,
    warn_of_forgetting,
)
from lib.row_batches import batches_per_epoch
from lib.training_loop import TrainingLoop
from lib.training_run import ADAPTER_CONFIG, ADAPTERS, METRICS, finished_run, mark_finished, publish, run_identity
from lib.training_state import iterations_of_states, remove_states
from lib.training_watch import Watcher

OPTIMIZERS = {
    "adam": optim.Adam,
    "adamw": optim.AdamW,
    "muon": optim.Muon,
    "sgd": optim.SGD,
    "adafactor": optim.Adafactor,
}


def train_adapters(
    lora_config: str,
    train_rows: str,
    valid_rows: str,
    base_folder: str,
    outputs: dict[str, str],
    keep: str | int = "best",
    patience: int = 0,
) -> None:
    """Train as `lora_config` (mlx_lm's YAML) says, go on with a run that was stopped, or take the finished one of the same
    settings, rows and base.

    `outputs` maps adapters.safetensors, adapter_config.json and metrics.csv to the paths that they are copied to; `keep` (best,
    last, or the iteration of a checkpoint) says which adapters; after `patience` looks at the held-out rows without a lower loss
    the training ends (0: never). Raises InputFileError for rows that can't be trained on, ConfigurationError for settings that
    can't be, TrainingDiverged, TrainingInterrupted, SaveFailed."""
    config = read_lora_config(lora_config)
    if not patience:
        check_keep(keep, saved_iterations(config["iters"], config["save_every"], config["grad_accumulation_steps"]))
    shaping = {**config, "early_stopping_patience": patience} if patience else config
    folder = Path(lora_config).parent / "runs" / run_identity(shaping, [train_rows, valid_rows], base_folder)
    record = finished_run(folder)
    if record:
        log.info("%s holds this training already (same settings, rows and base model); delete it to train anew", folder)
    else:
        record = train_in(started_run(folder), config, train_rows, valid_rows, base_folder, patience)
    tell(publish(folder, record, keep, outputs))


def tell(kept: dict) -> None:
    """Say which adapters were kept, and warn if none is better than the base."""
    log.info(
        "kept: the adapters after iteration %s (%s), validation loss %.3f at the start, %.3f at the best (iteration %s), "
        "%.3f at the end (iteration %s)",
        f"{kept['kept']['iteration']:,}", kept["kept"]["keep"], kept["first_valid_loss"], kept["best"]["valid_loss"],
        f"{kept['best']['iteration']:,}", kept["last"]["valid_loss"], f"{kept['last']['iteration']:,}",
    )  # fmt: skip
    if kept["best"]["valid_loss"] >= kept["first_valid_loss"]:
        log.warning("Warning: no adapters were better on the held-out rows than the base model without any.")


def read_lora_config(path: str) -> dict:
    """Read mlx_lm's configuration as mlx_lm does (its loader takes `1e-5` for a number).

    Raises InputFileError if it is not YAML, or lacks a key."""
    try:
        return yaml.load(Path(path).read_text(encoding="utf-8"), yaml_loader)
    except yaml.YAMLError as error:
        raise InputFileError(f"{path} is not YAML: {error}") from None


def started_run(folder: Path) -> Path:
    """Return the folder of a run that was stopped as it is, any other one empty."""
    if not iterations_of_states(folder):
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def train_in(folder: Path, config: dict, train_rows: str, valid_rows: str, base_folder: str, patience: int) -> dict:
    """Train in `folder`, from its last save if there is one, and return the record that marks it finished."""
    log.info(device_in_use())
    log.log(logging.INFO if is_blas_optimised() else logging.WARNING, blas_in_use())
    model_config = read_json(Path(base_folder) / "config.json")
    check_context(model_config, config["max_seq_length"])
    # The order in mlx_lm.lora.run: numpy shuffles the rows, MLX draws the adapters' start.
    np.random.seed(config["seed"])
    model, tokenizer = load_base(base_folder)
    limits = RowLimits(config["max_seq_length"], config["mask_prompt"], config["batch_size"])
    train_set, valid_set = (checked_dataset(path, tokenizer, limits) for path in (train_rows, valid_rows))
    check_sizes(train_rows, train_set, valid_rows, valid_set, limits.batch_size)
    check_updates(config["iters"], config["grad_accumulation_steps"])
    mx.random.seed(config["seed"])
    add_adapters(model, config)
    check_memory(model, model_config, config, longest_batch([train_set, valid_set], config["max_seq_length"]))
    log_plan(model, config["iters"], config["grad_accumulation_steps"], config["batch_size"])
    warn_of_forgetting(config, len(train_set), len(model.layers), parameters_of(model)[1])
    write_json(folder / ADAPTER_CONFIG, dict(sorted(config.items())))
    per_epoch = batches_per_epoch(len(train_set), config["batch_size"])
    guessing = math.log(vocabulary_size(tokenizer))
    watcher = Watcher(config["iters"], per_epoch, config["steps_per_report"], patience, guessing)
    last = TrainingLoop(folder, config, model, make_optimizer(config), train_set, valid_set, watcher).run()
    record = finished_record(watcher, last)
    mark_finished(folder, record)
    remove_states(folder)
    return record


def finished_record(watcher: Watcher, last: int) -> dict:
    best_at, best = watcher.best()
    return {
        "first_valid_loss": watcher.valid_losses[0][1],
        "best": {"iteration": best_at, "valid_loss": best},
        "last": {"iteration": last, "valid_loss": watcher.valid_losses[-1][1]},
        "seconds": round(watcher.seconds(), 1),
        "environment": [device_in_use(), blas_in_use(), f"mlx {mx.__version__}"],
    }


def vocabulary_size(tokenizer: TokenizerWrapper) -> int:
    return max(2, len(tokenizer.get_vocab()))


def add_adapters(model: nn.Module, config: dict) -> None:
    """Put LoRA layers, the only trainable ones, into the last `num_layers` layers of the model."""
    model.freeze()
    check_layers(model, config["num_layers"])
    linear_to_lora_layers(
        model, config["num_layers"], config["lora_parameters"], use_dora=config["fine_tune_type"] == "dora"
    )


def make_optimizer(config: dict) -> optim.Optimizer:
    schedule = config["lr_schedule"]
    learning_rate = build_schedule(schedule) if schedule else config["learning_rate"]
    name = config["optimizer"].lower()
    return OPTIMIZERS[name](learning_rate=learning_rate, **config["optimizer_config"].get(name, {}))


if __name__ == "__main__":
    from lib.job_log import start_job_log

    start_job_log(snakemake.log[0])
    train_adapters(
        snakemake.input.lora_config,
        snakemake.input.train,
        snakemake.input.valid,
        str(Path(snakemake.input.base).parent),
        {
            ADAPTERS: snakemake.output.adapters,
            ADAPTER_CONFIG: snakemake.output.adapter_config,
            METRICS: snakemake.output.metrics,
        },
        keep=snakemake.params.keep,
        patience=snakemake.params.patience,
    )
