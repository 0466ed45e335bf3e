"""What would spoil a training, found before its first step: one place to import the checks from."""

from collections.abc import Iterable

from mlx import nn

from lib.errors import ConfigurationError
from lib.forgetting import forgetting_warning, warn_of_forgetting
from lib.job_log import log
from lib.machine import MachineMemory, SwapWatch, memory_of_machine
from lib.plain_numbers import counted
from lib.training_memory import memory_complaint, shape_of, what_would_fit, with_settings
from lib.training_rows import (
    RowLimits,
    account_of,
    check_sizes,
    checked_dataset,
    padded_length,
    rows_of,
)
from lib.training_settings import (
    check_context,
    check_keep,
    check_layers,
    check_updates,
    log_plan,
    parameters_of,
    plan_lines,
    saved_iterations,
)

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
    "counted",
    "forgetting_warning",
    "log_plan",
    "longest_batch",
    "parameters_of",
    "plan_lines",
    "rows_of",
    "saved_iterations",
    "warn_of_forgetting",
]


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
