"""Tell, before a training, what it will do, take and risk: rows, steps, memory, time, disk. A few steps are really made."""

from pathlib import Path

import mlx.core as mx
from mlx import nn
from mlx_lm.tuner.datasets import CacheDataset
from tabulate import tabulate

from understudy.gguf.what_can_be_made import GGUF, HF, MLX, account_of_base, complaint_about_exports, what_can_be_made
from understudy.models.first_layers import READERS_RECORD
from understudy.models.folder import MLX_FOLDERS
from understudy.models.hub_layout import is_written_anew
from understudy.models.mlx.load import check_positions, device_in_use, is_on_cpu, load_base, load_weights
from understudy.rows.lora_config import read_lora_config
from understudy.rows.training import lengths_of
from understudy.shared.errors import ConfigurationError
from understudy.shared.files import read_json
from understudy.shared.formats import as_duration, in_gigabytes
from understudy.shared.log import log
from understudy.train.adapters import add_adapters, make_optimizer
from understudy.train.machine import MachineMemory, free_disk, memory_of_machine
from understudy.train.preflight.checks import (
    check_keep,
    check_memory,
    checked_sets,
    counted,
    disk_line,
    iterations_that_stay,
    longest_batch,
    parameters_of,
    plan_lines,
    rows_lines,
    saved_iterations,
    warn_of_forgetting,
)
from understudy.train.preflight.disk import needed_disk
from understudy.train.preflight.memory import PredictedMemory, shape_of, with_settings
from understudy.train.preflight.time import looks_at_validation, predicted_seconds
from understudy.train.preflight.trial import Trial, tokens_of_batches, try_steps


def check_training(
    lora_config: str,
    train_rows: str,
    valid_rows: str,
    base_folder: str,
    keep: str | int,
    exports: list[str],
    patience: int = 0,
    machine: MachineMemory | None = None,
    converter: str | None = None,
) -> None:
    """Log the account of the training that `lora_config` describes; `keep` and `patience` as in train_adapters, `exports` are the
    quantizations and MLX folders of the configuration, `converter` its export.converter.

    Raises InputFileError or ConfigurationError for what would stop it, or spoil it; before any weight is loaded."""
    config, model_config = read_lora_config(lora_config), read_json(Path(base_folder) / "config.json")
    check_exports(base_folder, exports, Path(lora_config).parent.name, converter)
    machine = machine or memory_of_machine()
    train_set, valid_set = checked_sets(config, model_config, train_rows, valid_rows, base_folder)
    saves = saved_iterations(config["iters"], config["save_every"], config["grad_accumulation_steps"])
    check_keep(keep, iterations_that_stay(config, patience))
    model = model_to_train(base_folder, config)
    longest = longest_batch([train_set, valid_set], config["max_seq_length"])
    check_memory(model, model_config, config, longest, machine)
    predicted = with_settings(shape_of(model, model_config), {**config, "max_seq_length": longest})
    trainable, parameters = parameters_of(model)
    warn_of_forgetting(config, len(train_set), len(model.layers), parameters)
    plan = plan_lines(model, config["iters"], config["grad_accumulation_steps"], config["batch_size"])
    needed = needed_disk(
        load_weights(base_folder, lazy=True), parameters, trainable, len(saves), config["optimizer"], exports
    )
    if is_written_anew(model_config):
        needed["hf"] = needed["fused"]
    trial = tried(base_folder, config, train_set)
    lines = {
        **rows_lines(train_set, valid_set, config),
        **plan,
        "memory": memory_line(predicted, trial, machine),
        "time": time_line(trial, train_set, valid_set, config),
        "readers": readers_line(Path(base_folder)),
        "disk": disk_line(needed, free_disk(lora_config)),
    }
    log.info("%s", tabulate(lines.items(), tablefmt="plain", disable_numparse=True))


def check_exports(base_folder: str, exports: list[str], model: str, converter: str | None) -> None:
    """Log what can be made of the base. Raises ConfigurationError if it isn't all that is configured: hf/ and `exports`."""
    outcomes = what_can_be_made(Path(base_folder), converter)
    log.info("%s", account_of_base(outcomes))
    wanted = {HF, *(MLX if name in MLX_FOLDERS else GGUF for name in exports)}
    if complaint := complaint_about_exports(outcomes, wanted, model):
        raise ConfigurationError(complaint)


def model_to_train(base_folder: str, config: dict) -> nn.Module:
    """Return the model with its adapters as the training computes it; no weight is read from the disk."""
    model = load_weights(base_folder, lazy=True)
    if is_on_cpu():
        model.set_dtype(mx.float32)
    add_adapters(model, config)
    return model


def tried(base_folder: str, config: dict, train_set: CacheDataset) -> Trial:
    """Make a few steps with the base model as it is."""
    log.info("%s; a few steps are made to see what they take", device_in_use())
    check_positions(base_folder)
    model, _ = load_base(base_folder)
    add_adapters(model, config)
    return try_steps(model, make_optimizer(config), train_set, config, lengths_of(train_set))


def memory_line(predicted: PredictedMemory, trial: Trial, machine: MachineMemory) -> str:
    parts = {"weights": predicted.weights, "activations": predicted.activations, "logits": predicted.logits}
    named = ", ".join(f"{name} {in_gigabytes(size)}" for name, size in parts.items())
    return (
        f"{in_gigabytes(predicted.peak)} predicted ({named}), {in_gigabytes(trial.peak)} seen on the longest rows; "
        f"{in_gigabytes(machine.available)} of {in_gigabytes(machine.total)} are free"
    )


def readers_line(base_folder: Path) -> str:
    """Say what the import found when MLX and llama.cpp computed the same of the base model's first layers."""
    path = base_folder / READERS_RECORD
    record = (
        read_json(path) if path.is_file() else {"not_compared": "the base model was brought in before this was done"}
    )
    if "not_compared" in record:
        return f"MLX and llama.cpp are not compared: {record['not_compared']}"
    return (
        f"MLX and llama.cpp agree on the base model's first {record['layers']} layers at {record['positions']} positions, within "
        f"{record['distance']:.4f} of the spread"
    )


def time_line(trial: Trial, train_set: CacheDataset, valid_set: CacheDataset, config: dict) -> str:
    size, limit = config["batch_size"], config["max_seq_length"]
    of_epoch, of_look = (tokens_of_batches(lengths_of(rows), size, limit) for rows in (train_set, valid_set))
    share = 1 if config["val_batches"] == -1 else min(1, config["val_batches"] / len(of_look))
    looks = looks_at_validation(config["iters"], config["steps_per_eval"])
    training, evaluation = predicted_seconds(
        trial.steps, sum(of_epoch) / len(of_epoch) * config["iters"], trial.looks, sum(of_look) * share * looks
    )
    batches = counted(round(len(of_look) * share), "validation batch", "es")
    return (
        f"about {as_duration(training + evaluation)}: {as_duration(training)} for {counted(config['iters'], 'iteration')}, "
        f"{as_duration(evaluation)} for {counted(looks, 'look')} at {batches}"
    )
