"""What would spoil a training, found before its first step: one place to import the checks from."""

from collections.abc import Iterable

from mlx import nn
from mlx_lm.tuner.datasets import CacheDataset

from understudy.models.mlx.load import load_its_tokenizer
from understudy.rows.training import (
    RowLimits,
    account_of,
    check_endings,
    check_sizes,
    checked_dataset,
    padded_length,
    rows_of,
)
from understudy.shared.errors import ConfigurationError
from understudy.shared.formats import counted, in_gigabytes, in_thousands
from understudy.shared.log import log
from understudy.train.machine import MachineMemory, SwapWatch, memory_of_machine
from understudy.train.preflight.forgetting import forgetting_warning, warn_of_forgetting
from understudy.train.preflight.memory import memory_complaint, shape_of, what_would_fit, with_settings
from understudy.train.preflight.settings import (
    check_context,
    check_keep,
    check_layers,
    check_updates,
    iterations_that_stay,
    parameters_of,
    plan_lines,
)
from understudy.train.updates import saved_iterations

__all__ = [
    "RowLimits",
    "SwapWatch",
    "account_of",
    "check_context",
    "check_keep",
    "check_layers",
    "check_memory",
    "check_sizes",
    "check_updates",
    "checked_dataset",
    "checked_sets",
    "counted",
    "disk_line",
    "forgetting_warning",
    "iterations_that_stay",
    "limits_of",
    "longest_batch",
    "parameters_of",
    "plan_lines",
    "rows_lines",
    "rows_of",
    "saved_iterations",
    "warn_of_forgetting",
]


def checked_sets(
    config: dict, model_config: dict, train_rows: str, valid_rows: str, base_folder: str
) -> tuple[CacheDataset, CacheDataset]:
    """Read the rows to train on and to validate with as the base model's tokenizer makes them; check them, and the settings of
    `config` (mlx_lm's lora.yaml) that they decide on. `model_config` is the base's config.json.

    Raises InputFileError or ConfigurationError."""
    check_context(model_config, config["max_seq_length"])
    tokenizer = load_its_tokenizer(base_folder)
    limits = limits_of(config)
    train_set, valid_set = (checked_dataset(path, tokenizer, limits) for path in (train_rows, valid_rows))
    check_endings(train_rows, train_set, limits)
    check_sizes(train_rows, train_set, valid_rows, valid_set, limits.batch_size)
    check_updates(config["iters"], config["grad_accumulation_steps"])
    return train_set, valid_set


def limits_of(config: dict) -> RowLimits:
    return RowLimits(config["max_seq_length"], config["mask_prompt"], config["batch_size"])


def rows_lines(train_set: CacheDataset, valid_set: CacheDataset, config: dict) -> dict[str, str]:
    """Return what is learned from, by name."""
    account = account_of(train_set, limits_of(config))
    return {
        "rows": f"{counted(account.rows, 'row')} to train on, {len(valid_set):,} to validate with",
        "longest row": f"{counted(account.longest, 'token')}; training.max_seq_length is {config['max_seq_length']}, which cuts "
        f"{counted(account.truncated, 'row')} ({account.truncated_share:.1%})",
        "tokens": f"{in_thousands(account.tokens)}, of which {account.answer_share:.0%} are learned from; "
        f"{account.tokens / account.rows:.0f} a row on average",
    }


def disk_line(needed: dict[str, int], free: int) -> str:
    """Say what room the things of `needed` take, in bytes by name, and warn if there is less."""
    total = sum(needed.values())
    if total > free:
        log.warning("Warning: this takes %s on the disk, and %s are free.", in_gigabytes(total), in_gigabytes(free))
    named = ", ".join(f"{name} {in_gigabytes(size)}" for name, size in needed.items())
    return f"{in_gigabytes(total)} for {named}; {in_gigabytes(free)} are free"


def longest_batch(datasets: Iterable, max_seq_length: int) -> int:
    """Return the tokens of the longest row that is computed, padding included."""
    longest = max(len(tokens) for dataset in datasets for tokens, _ in rows_of(dataset))
    return padded_length(longest, max_seq_length)


def check_memory(
    model: nn.Module, model_config: dict, config: dict, longest: int, machine: MachineMemory | None = None
) -> None:
    """Warn if the training of `model`, its adapters in place, needs more memory than is free; `longest` is the longest row.

    `model_config` is the base's config.json, `config` mlx_lm's lora.yaml.
    Raises ConfigurationError, naming settings that would fit, if it can't run on this machine."""
    machine = machine or memory_of_machine()
    shape = shape_of(model, model_config)
    settings = {**config, "max_seq_length": longest}
    predicted = with_settings(shape, settings)
    complaint = memory_complaint(predicted, machine, what_would_fit(shape, settings, machine.usable))
    if complaint is None:
        return
    impossible, text = complaint
    if impossible:
        raise ConfigurationError(text)
    log.warning("Warning: %s", text)
