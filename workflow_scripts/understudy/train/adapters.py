"""Train LoRA adapters with mlx_lm's own training loop, in the run's own folder; the result is copied from there."""

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mlx.core as mx
import mlx.optimizers as optim
import numpy as np
from mlx import nn
from mlx_lm.tokenizer_utils import TokenizerWrapper
from mlx_lm.tuner.datasets import CacheDataset
from mlx_lm.tuner.utils import build_schedule, linear_to_lora_layers

from understudy.models.blas import blas_in_use, is_blas_optimised
from understudy.models.mlx.load import check_positions, device_in_use, load_base
from understudy.rows.lora_config import read_lora_config
from understudy.shared.errors import ConfigurationError
from understudy.shared.files import read_json, write_json
from understudy.shared.folder_lock import alone_in
from understudy.shared.log import log
from understudy.train.batches import batches_per_epoch
from understudy.train.checkpoints import (
    ADAPTER_CONFIG,
    finished_run,
    mark_finished,
    publish,
    remove_best_but,
    run_identity,
    run_in_use,
    saving,
)
from understudy.train.loop import TrainingLoop
from understudy.train.machine import free_disk
from understudy.train.preflight.checks import (
    check_keep,
    check_layers,
    check_memory,
    checked_sets,
    disk_line,
    iterations_that_stay,
    longest_batch,
    parameters_of,
    plan_lines,
    rows_lines,
    saved_iterations,
    warn_of_forgetting,
)
from understudy.train.preflight.disk import disk_of_adapters
from understudy.train.record import shaping_settings
from understudy.train.resume import remove_states
from understudy.train.watch import Watcher

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
    can't be, TrainingDiverged, TrainingInterrupted, SaveFailed, RunInUse."""
    config = read_lora_config(lora_config)
    check_keep(keep, iterations_that_stay(config, patience))
    check_positions(base_folder)
    identity = run_identity(shaping_settings(lora_config, patience), [train_rows, valid_rows], base_folder)
    folder = Path(lora_config).parent / "runs" / identity
    folder.mkdir(parents=True, exist_ok=True)
    with alone_in(folder, run_in_use(folder)):
        record = finished_run(folder)
        if record:
            log.info(
                "%s holds this training already (same settings, rows, base model); delete it to train anew", folder
            )
        else:
            record = train_in(folder, config, train_rows, valid_rows, base_folder, patience)
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


def train_in(folder: Path, config: dict, train_rows: str, valid_rows: str, base_folder: str, patience: int) -> dict:
    """Train in `folder`, from its last save if there is one, and return the record that marks it finished."""
    log.info(device_in_use())
    log.log(logging.INFO if is_blas_optimised() else logging.WARNING, blas_in_use())
    model_config = read_json(Path(base_folder) / "config.json")
    train_set, valid_set = checked_sets(config, model_config, train_rows, valid_rows, base_folder)
    # As mlx_lm.lora.run seeds them: numpy shuffles the rows, MLX draws the adapters' start.
    np.random.seed(config["seed"])
    model, tokenizer = load_base(base_folder)
    mx.random.seed(config["seed"])
    add_adapters(model, config)
    check_memory(model, model_config, config, longest_batch([train_set, valid_set], config["max_seq_length"]))
    log_plan(model, config, train_set, valid_set, folder)
    warn_of_forgetting(config, len(train_set), len(model.layers), parameters_of(model)[1])
    with saving(folder / ADAPTER_CONFIG):
        write_json(folder / ADAPTER_CONFIG, dict(sorted(config.items())))
    per_epoch = batches_per_epoch(len(train_set), config["batch_size"])
    guessing = math.log(vocabulary_size(tokenizer))
    watcher = Watcher(config["iters"], per_epoch, config["steps_per_report"], patience, guessing)
    last = TrainingLoop(folder, config, model, make_optimizer(config), train_set, valid_set, watcher).run()
    record = finished_record(watcher, last)
    mark_finished(folder, record)
    remove_states(folder)
    remove_best_but(folder, {record["best"]["iteration"]})
    return record


def log_plan(
    model: nn.Module, config: dict, train_set: CacheDataset, valid_set: CacheDataset, folder: str | Path
) -> None:
    """Log what is learned from, in how many steps, and the disk that it takes."""
    saves = saved_iterations(config["iters"], config["save_every"], config["grad_accumulation_steps"])
    needed = disk_of_adapters(parameters_of(model)[0], len(saves), config["optimizer"])
    lines = {
        **rows_lines(train_set, valid_set, config),
        **plan_lines(model, config["iters"], config["grad_accumulation_steps"], config["batch_size"]),
        "disk": disk_line(needed, free_disk(folder)),
    }
    for name, value in lines.items():
        log.info("%s: %s", name, value)


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
    kind = config["fine_tune_type"]
    try:
        linear_to_lora_layers(model, config["num_layers"], config["lora_parameters"], use_dora=kind == "dora")
    except ValueError as error:
        raise ConfigurationError(
            f"training.fine_tune_type is {kind}, which this base model's layers don't take ({error}) Use lora."
        ) from None


def make_optimizer(config: dict) -> optim.Optimizer:
    """Return the optimizer of `config`, mlx_lm's lora.yaml.

    Raises ConfigurationError if MLX doesn't know what it is given."""
    name, schedule = config["optimizer"].lower(), config["lr_schedule"]
    options = config["optimizer_config"].get(name, {})
    with arguments_of("training.lr_schedule"):
        learning_rate = build_schedule(schedule) if schedule else config["learning_rate"]
    with arguments_of(f"training.optimizer_config.{name}"):
        optimizer = OPTIMIZERS[name](learning_rate=learning_rate, **options)
    if name == "adafactor" and optimizer.relative_step:
        log.warning(
            "Warning: adafactor chooses its own step size and ignores training.learning_rate and lr_schedule, unless "
            "training.optimizer_config.adafactor has relative_step: false."
        )
    return optimizer


@contextmanager
def arguments_of(key: str) -> Iterator[None]:
    """Raise ConfigurationError, naming the key, if MLX refuses what it is called with."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"{key} can't be used: {error}") from None
