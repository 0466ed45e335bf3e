"""The rows of a training as mlx_lm tokenizes them, each checked under the base model's own chat template."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mlx_lm.tokenizer_utils import TokenizerWrapper
from mlx_lm.tuner.datasets import CacheDataset

from understudy.rows.row_tokens import RowDataset, RowNotWritten, RowTokens
from understudy.shared.errors import ConfigurationError, InputFileError
from understudy.shared.files import read_json_lines
from understudy.shared.formats import counted
from understudy.shared.log import log

# mlx_lm pads a batch to a multiple of this, and one more (tuner.trainer.iterate_batches).
PADDED_TO = 32


@dataclass(frozen=True)
class RowLimits:
    """The settings of a run that decide whether a row can be trained on. `max_seq_length` is in tokens."""

    max_seq_length: int
    mask_prompt: bool
    batch_size: int


@dataclass(frozen=True)
class RowAccount:
    """What is in a set of rows, in tokens: `answer_tokens` are those to learn from, `longest` is before anything is cut off."""

    rows: int
    tokens: int
    answer_tokens: int
    longest: int
    truncated: int

    @property
    def answer_share(self) -> float:
        return self.answer_tokens / self.tokens

    @property
    def truncated_share(self) -> float:
        return self.truncated / self.rows


def checked_dataset(path: str | Path, tokenizer: TokenizerWrapper, limits: RowLimits) -> CacheDataset:
    """Read chat rows as mlx_lm trains on them, tokenized, each checked.

    Raises InputFileError, naming the file and the line, for the first row that can't be trained on, ConfigurationError if
    max_seq_length leaves nothing of any row."""
    numbered = read_json_lines(path)
    for line, row in numbered:
        check_messages(row, f"{path}, line {line}")
    rows = [row for _, row in numbered]
    dataset = CacheDataset(RowDataset(rows, RowTokens(tokenizer), limits.mask_prompt))
    places = [f"{path}, line {line}" for line, _ in numbered]
    for index, where in enumerate(places):
        check_template(dataset, index, rows[index]["messages"], tokenizer, where)
    check_limit(path, dataset, limits)
    for index, where in enumerate(places):
        check_tokens(dataset[index], where, limits)
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


def check_template(
    dataset: CacheDataset, index: int, messages: list[dict], tokenizer: TokenizerWrapper, where: str
) -> None:
    """Raise InputFileError unless the chat template takes the row, and a row can be made that begins with the prompt."""
    try:
        dataset[index]
    except RowNotWritten:
        tokens = tokenizer.apply_chat_template(messages, return_dict=False)
        prompt = tokenizer.apply_chat_template(messages[:-1], add_generation_prompt=True, return_dict=False)
        common = common_length(tokens, prompt)
        before = tokenizer.decode(prompt[max(0, common - 8) : common])
        in_prompt, in_row = (tokenizer.decode(part[common : common + 8]) for part in (prompt, tokens))
        raise InputFileError(
            f"{where}: the base model's chat template writes the question in a row otherwise than before an answer. After "
            f"{before!r} the row goes on with {in_row!r}, the prompt with {in_prompt!r}, so the model would learn what it "
            f"is never asked. Choose another base_model, or mend the chat template of models/base/."
        ) from None
    except Exception as error:  # a template is a program: it may raise anything
        raise InputFileError(f"{where}: the base model's chat template fails on this row: {error}") from error


def common_length(one: Sequence[int], other: Sequence[int]) -> int:
    """Return how many tokens the two have in common from the start on."""
    pairs = zip(one, other, strict=False)
    return next((index for index, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def check_limit(path: str | Path, dataset: CacheDataset, limits: RowLimits) -> None:
    """Raise ConfigurationError if max_seq_length cuts the whole answer off every row."""
    if len(dataset) > 1 and all(not has_answer(row, limits) for row in rows_of(dataset)):
        prompts = [prompt_length for _, prompt_length in rows_of(dataset)]
        longest = max(len(tokens) for tokens, _ in rows_of(dataset))
        raise ConfigurationError(
            f"training.max_seq_length is {limits.max_seq_length}, but the shortest question of {path} takes {min(prompts)} "
            f"tokens, so nothing is left to learn from. {longest} would hold every row."
        )


def check_tokens(row: tuple[list[int], int], where: str, limits: RowLimits) -> None:
    """Raise InputFileError unless the row keeps a token of its answer within max_seq_length."""
    # A loss over no token is 0 / 0, and the first NaN spoils all weights.
    if not has_answer(row, limits):
        tokens, prompt_length = row
        raise InputFileError(
            f"{where}: the question takes {prompt_length} tokens and training.max_seq_length is {limits.max_seq_length}, so no "
            f"token of the answer is left to learn from. Shorten the question, remove the row, or raise the limit: {len(tokens)} "
            f"would hold the row."
        )


def check_endings(path: str | Path, dataset: CacheDataset, limits: RowLimits) -> None:
    """Raise ConfigurationError if max_seq_length cuts the end off every row: the model would learn to answer without an end."""
    lengths = lengths_of(dataset)
    if lengths and min(lengths) > limits.max_seq_length:
        raise ConfigurationError(
            f"training.max_seq_length is {limits.max_seq_length}, and every row of {path} is longer: all lose the end of "
            f"their answer, so the model would never learn to end one. {max(lengths)} would hold every row, {middle_of(lengths)} "
            "half of them."
        )


def middle_of(lengths: list[int]) -> int:
    return sorted(lengths)[(len(lengths) - 1) // 2]


def has_answer(row: tuple[list[int], int], limits: RowLimits) -> bool:
    tokens, prompt_length = row
    return prompt_length < min(len(tokens), limits.max_seq_length)


def rows_of(dataset: CacheDataset) -> list[tuple[list[int], int]]:
    """Return (tokens, length of the prompt) of each row; the length is 0 without mask_prompt."""
    return [dataset[index] for index in range(len(dataset))]


def lengths_of(dataset: CacheDataset) -> list[int]:
    """Return the rows' lengths in tokens."""
    return [len(tokens) for tokens, _ in rows_of(dataset)]


def account_of(dataset: CacheDataset, limits: RowLimits) -> RowAccount:
    """Count what is in a set."""
    kept = [
        (min(len(tokens), limits.max_seq_length), prompt_length, len(tokens))
        for tokens, prompt_length in rows_of(dataset)
    ]
    return RowAccount(
        rows=len(kept),
        tokens=sum(length for length, _, _ in kept),
        answer_tokens=sum(length - prompt_length for length, prompt_length, _ in kept),
        longest=max((whole for _, _, whole in kept), default=0),
        truncated=sum(whole > limits.max_seq_length for _, _, whole in kept),
    )


def warn_of_truncated_rows(path: str | Path, dataset: CacheDataset, limits: RowLimits) -> None:
    account = account_of(dataset, limits)
    if account.truncated:
        log.warning(
            "Warning: %s: %d of %d rows (%.1f %%) lose their end: training.max_seq_length is %d, the longest has %d tokens.",
            path, account.truncated, account.rows, 100 * account.truncated_share, limits.max_seq_length, account.longest,
        )  # fmt: skip


def padded_length(tokens: int, max_seq_length: int) -> int:
    """Return the length, in tokens, that mlx_lm pads a batch to whose longest row has `tokens`."""
    return min(1 + PADDED_TO * -(-tokens // PADDED_TO), max_seq_length)


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
                f"What helps: {what_helps}" + (f", or training.batch_size: {len(rows)}." if len(rows) else ".")
            )
