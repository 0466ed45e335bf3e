"""What would spoil a training run, found before its first step."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mlx import nn
from mlx.utils import tree_flatten
from mlx_lm.tokenizer_utils import TokenizerWrapper
from mlx_lm.tuner.datasets import CacheDataset, ChatDataset
from mlx_lm.utils import get_total_parameters

from lib.errors import ConfigurationError, InputFileError
from lib.files import read_json_lines
from lib.job_log import log


@dataclass(frozen=True)
class RowLimits:
    """The settings of a run that decide whether a row can be trained on. `max_seq_length` is in tokens."""

    max_seq_length: int
    mask_prompt: bool
    batch_size: int


def checked_dataset(path: str | Path, tokenizer: TokenizerWrapper, limits: RowLimits) -> CacheDataset:
    """Read chat rows as mlx_lm trains on them, tokenized, each checked.

    Raises InputFileError, naming the file and the line, for the first row that can't be trained on."""
    numbered = read_json_lines(path)
    for line, row in numbered:
        check_messages(row, f"{path}, line {line}")
    dataset = CacheDataset(ChatDataset([row for _, row in numbered], tokenizer, mask_prompt=limits.mask_prompt))
    for index, (line, _) in enumerate(numbered):
        check_tokens(dataset, index, f"{path}, line {line}", limits)
    warn_of_truncated_rows(path, dataset, limits)
    return dataset


def check_messages(row: object, where: str) -> None:
    """Raise InputFileError unless `row` is {"messages": [..., a user's, an assistant's that says something]}."""
    messages = row.get("messages") if isinstance(row, dict) else None
    if not isinstance(messages, list) or not all(is_message(message) for message in messages):
        shape = '{"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": text}]}'
        raise InputFileError(f"{where}: a row is {shape}; this one is not.")
    roles = [message["role"] for message in messages]
    if roles[-2:] != ["user", "assistant"]:
        given = " and ".join(roles[-2:]) or "none"
        raise InputFileError(f"{where}: the last two messages must be a user's and an assistant's, not {given}.")
    if not messages[-1]["content"].strip():
        raise InputFileError(f"{where}: the answer is empty, so there is nothing to learn from. Remove the row.")


def is_message(message: object) -> bool:
    return (
        isinstance(message, dict) and isinstance(message.get("role"), str) and isinstance(message.get("content"), str)
    )


def check_tokens(dataset: CacheDataset, index: int, where: str, limits: RowLimits) -> None:
    """Raise InputFileError unless the chat template takes the row and leaves an answer token within max_seq_length."""
    try:
        tokens, prompt_length = dataset[index]
    except Exception as error:  # a template is a program: it may raise anything
        raise InputFileError(f"{where}: the base model's chat template fails on this row: {error}") from error
    # A loss over no token is 0 / 0, and the first NaN spoils all weights.
    if prompt_length >= min(len(tokens), limits.max_seq_length):
        raise InputFileError(
            f"{where}: the question takes {prompt_length} tokens and training.max_seq_length is {limits.max_seq_length}, so no "
            f"token of the answer is left to learn from. Shorten the question, remove the row, or raise the limit."
        )


def warn_of_truncated_rows(path: str | Path, dataset: CacheDataset, limits: RowLimits) -> None:
    lengths = [len(dataset[index][0]) for index in range(len(dataset))]
    truncated = sum(length > limits.max_seq_length for length in lengths)
    if truncated:
        log.warning(
            "Warning: %s: %d of %d rows (%.1f %%) lose their end: training.max_seq_length is %d, the longest has %d tokens.",
            path, truncated, len(lengths), 100 * truncated / len(lengths), limits.max_seq_length, max(lengths),
        )  # fmt: skip


def check_sizes(
    train_path: str | Path, train: Sequence, valid_path: str | Path, valid: Sequence, batch_size: int
) -> None:
    """Raise InputFileError if either set can't fill one batch."""
    if not len(train):
        raise InputFileError(f"{train_path} has no rows. See data/dataset/report.json for what became of the answers.")
    for path, rows, what_helps in [
        (train_path, train, "more rows"),
        (valid_path, valid, "a higher dataset.valid_fraction, or more rows"),
    ]:
        if len(rows) < batch_size:
            raise InputFileError(
                f"{path} has {counted(len(rows), 'row')}, fewer than training.batch_size = {batch_size}. "
                f"What helps: {what_helps}, or training.batch_size: {max(1, len(rows))}."
            )


def check_layers(model: nn.Module, num_layers: int) -> None:
    """Raise ConfigurationError if the model has fewer layers than training.num_layers."""
    if num_layers > len(model.layers):
        raise ConfigurationError(
            f"training.num_layers is {num_layers}, but the base model has {len(model.layers)}. "
            f"Use a number up to that, or -1 for all."
        )


def check_updates(iterations: int, accumulation_steps: int) -> None:
    """Raise ConfigurationError if the gradients of all iterations are too few for one optimizer update."""
    if iterations < accumulation_steps:
        raise ConfigurationError(
            f"training.grad_accumulation_steps is {accumulation_steps}, but there are only {counted(iterations, 'iteration')}, "
            f"so the adapters would never be updated. Lower it, or raise training.epochs."
        )


def log_plan(model: nn.Module, iterations: int, accumulation_steps: int) -> None:
    """Log the trainable parameters and their share, the iterations, and the optimizer updates that they make."""
    trainable = sum(values.size for _, values in tree_flatten(model.trainable_parameters()))
    total = get_total_parameters(model)
    log.info("trainable parameters: %s of %s (%.3f %%)", f"{trainable:,}", f"{total:,}", 100 * trainable / total)
    log.info("%s, %s", counted(iterations, "iteration"), counted(iterations // accumulation_steps, "optimizer update"))
    unused = iterations % accumulation_steps
    if unused:
        log.warning("Warning: the last %s of %s fill no optimizer update of training.grad_accumulation_steps = %d.",
                    f"{unused:,}", counted(iterations, "iteration"), accumulation_steps)  # fmt: skip


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
