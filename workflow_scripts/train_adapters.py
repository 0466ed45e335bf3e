"""Train LoRA adapters with mlx_lm's own training loop, in the run's own folder; the result is copied from there."""

from lib.optimised_blas import blas_in_use, is_blas_optimised, run_with_optimised_blas

if __name__ == "__main__":
    run_with_optimised_blas()

import logging
import math
import time
from contextlib import redirect_stdout
from pathlib import Path

import mlx.core as mx
import mlx.optimizers as optim
import numpy as np
import yaml
from mlx import nn
from mlx_lm.lora import yaml_loader
from mlx_lm.tuner.callbacks import TrainingCallback
from mlx_lm.tuner.datasets import CacheDataset
from mlx_lm.tuner.trainer import TrainingArgs, train
from mlx_lm.tuner.utils import build_schedule, linear_to_lora_layers

from lib.errors import InputFileError, UnderstudyError
from lib.files import write_json
from lib.job_log import log
from lib.metrics import MetricsFile
from lib.mlx_models import device_in_use, load_base
from lib.preflight import RowLimits, check_layers, check_sizes, check_updates, checked_dataset, counted, log_plan
from lib.training_run import (
    ADAPTER_CONFIG,
    ADAPTERS,
    METRICS,
    finished_run,
    fresh_run_folder,
    mark_finished,
    publish,
    run_identity,
)

OPTIMIZERS = {
    "adam": optim.Adam,
    "adamw": optim.AdamW,
    "muon": optim.Muon,
    "sgd": optim.SGD,
    "adafactor": optim.Adafactor,
}


class TrainingDiverged(UnderstudyError):
    """The loss is no number any more; going on would only cost time."""


def train_adapters(
    lora_config: str, train_rows: str, valid_rows: str, base_folder: str, outputs: dict[str, str]
) -> None:
    """Train as `lora_config` (mlx_lm's YAML) says, or take the finished run of the same settings, rows and base.

    `outputs` maps adapters.safetensors, adapter_config.json and metrics.csv to the paths that they are copied to.
    Raises InputFileError for rows that can't be trained on, TrainingDiverged if the loss is no number any more."""
    config = read_lora_config(lora_config)
    identity = run_identity(config, [train_rows, valid_rows], base_folder)
    folder = Path(lora_config).parent / "runs" / identity
    record = finished_run(folder)
    if record:
        log.info("%s holds this training already (same settings, rows and base model); delete it to train anew", folder)
    else:
        record = train_in(fresh_run_folder(folder), config, train_rows, valid_rows, base_folder)
    for name, output in outputs.items():
        publish(folder / name, output)
    log.info(
        "validation loss %.2f -> %.2f on %s",
        record["first_valid_loss"], record["last_valid_loss"], counted(record["valid_rows"], "held-out row"),
    )  # fmt: skip


def read_lora_config(path: str) -> dict:
    """Read mlx_lm's configuration as mlx_lm does (its loader takes `1e-5` for a number).

    Raises InputFileError if it is not YAML, or lacks a key."""
    try:
        return yaml.load(Path(path).read_text(encoding="utf-8"), yaml_loader)
    except yaml.YAMLError as error:
        raise InputFileError(f"{path} is not YAML: {error}") from None


def train_in(folder: Path, config: dict, train_rows: str, valid_rows: str, base_folder: str) -> dict:
    """Train in `folder` and return the record that marks it finished."""
    log.info(device_in_use())
    log.log(logging.INFO if is_blas_optimised() else logging.WARNING, blas_in_use())
    # The order in mlx_lm.lora.run: numpy shuffles the rows, MLX draws the adapters' start.
    np.random.seed(config["seed"])
    model, tokenizer = load_base(base_folder)
    limits = RowLimits(config["max_seq_length"], config["mask_prompt"], config["batch_size"])
    train_set, valid_set = (checked_dataset(path, tokenizer, limits) for path in (train_rows, valid_rows))
    check_sizes(train_rows, train_set, valid_rows, valid_set, limits.batch_size)
    check_updates(config["iters"], config["grad_accumulation_steps"])
    mx.random.seed(config["seed"])
    add_adapters(model, config)
    log_plan(model, config["iters"], config["grad_accumulation_steps"])
    write_json(folder / ADAPTER_CONFIG, dict(sorted(config.items())))
    started = time.monotonic()
    losses = train_and_watch(model, config, train_set, valid_set, folder)
    record = {
        **losses,
        "valid_rows": len(valid_set) // limits.batch_size * limits.batch_size,
        "iterations": config["iters"],
        "seconds": round(time.monotonic() - started, 1),
        "environment": [device_in_use(), blas_in_use(), f"mlx {mx.__version__}"],
    }
    mark_finished(folder, record)
    return record


def add_adapters(model: nn.Module, config: dict) -> None:
    """Put LoRA layers, the only trainable ones, into the last `num_layers` layers of the model."""
    model.freeze()
    check_layers(model, config["num_layers"])
    linear_to_lora_layers(
        model, config["num_layers"], config["lora_parameters"], use_dora=config["fine_tune_type"] == "dora"
    )


def train_and_watch(
    model: nn.Module, config: dict, train_set: CacheDataset, valid_set: CacheDataset, folder: Path
) -> dict:
    """Run mlx_lm's training loop; its weights and metrics go to `folder`, its styled tables to mlx_lm.log there.

    Returns the first and the last validation loss (mean negative log-likelihood a token, in nats)."""
    watcher = Watcher(config["iters"], MetricsFile(folder / METRICS))
    with open(folder / "mlx_lm.log", "w", encoding="utf-8") as mlx_lm_log, redirect_stdout(mlx_lm_log):
        train(
            model=model,
            optimizer=make_optimizer(config),
            train_dataset=train_set,
            val_dataset=valid_set,
            args=training_args(config, folder),
            training_callback=watcher,
        )
    return {"first_valid_loss": watcher.valid_losses[0], "last_valid_loss": watcher.valid_losses[-1]}


def training_args(config: dict, folder: Path) -> TrainingArgs:
    return TrainingArgs(
        batch_size=config["batch_size"],
        iters=config["iters"],
        val_batches=config["val_batches"],
        steps_per_report=config["steps_per_report"],
        steps_per_eval=config["steps_per_eval"],
        steps_per_save=config["save_every"],
        adapter_file=str(folder / ADAPTERS),
        max_seq_length=config["max_seq_length"],
        grad_checkpoint=config["grad_checkpoint"],
        grad_accumulation_steps=config["grad_accumulation_steps"],
        clear_cache_threshold=config["clear_cache_threshold"],
    )


def make_optimizer(config: dict) -> optim.Optimizer:
    schedule = config["lr_schedule"]
    learning_rate = build_schedule(schedule) if schedule else config["learning_rate"]
    name = config["optimizer"].lower()
    return OPTIMIZERS[name](learning_rate=learning_rate, **config["optimizer_config"].get(name, {}))


class Watcher(TrainingCallback):
    """Writes each of mlx_lm's reports to the metrics file and the log, and stops a run whose loss is no number."""

    def __init__(self, iterations: int, metrics: MetricsFile):
        self.iterations = iterations
        self.metrics = metrics
        self.started = time.monotonic()
        self.reported = 0
        self.valid_losses: list[float] = []

    def on_train_loss_report(self, train_info: dict) -> None:
        iteration, loss = train_info["iteration"], train_info["train_loss"]
        self.metrics.add_training(train_info)
        if not math.isfinite(loss):
            self.stop(f"training loss became {loss} between iterations {self.reported + 1} and {iteration}")
        self.reported = iteration
        log.info(
            "iteration %s/%s, training loss %.2f, %.0f tokens/s, %s",
            f"{iteration:,}", f"{self.iterations:,}", loss, train_info["tokens_per_second"], self.time_left(iteration),
        )  # fmt: skip

    def on_val_loss_report(self, val_info: dict) -> None:
        iteration, loss = val_info["iteration"], val_info["val_loss"]
        self.metrics.add_validation(val_info)
        if not math.isfinite(loss):
            self.stop(f"validation loss is {loss} after iteration {iteration}")
        self.valid_losses.append(loss)
        log.info("iteration %s/%s, validation loss %.2f", f"{iteration:,}", f"{self.iterations:,}", loss)

    def time_left(self, iteration: int) -> str:
        seconds = (time.monotonic() - self.started) / iteration * (self.iterations - iteration)
        return f"{seconds / 60:.0f} min left" if seconds >= 90 else f"{seconds:.0f} s left"

    def stop(self, what: str) -> None:
        raise TrainingDiverged(
            f"The {what}. A lower training.learning_rate (a third of it, say) or a lower training.lora_parameters.scale "
            f"is what usually helps; {self.metrics.path} has the losses until then."
        )


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
    )
