"""Rows as a training masks them: which of their tokens a model has to predict."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mlx_lm.tokenizer_utils import TokenizerWrapper

from understudy.rows.row_tokens import RowTokens
from understudy.rows.training import RowLimits, checked_dataset, rows_of
from understudy.shared.files import read_json_lines


@dataclass(frozen=True)
class ScoredRow:
    """A row under the chat template. `tokens[first:]` are to be predicted, each from all before it.

    `pieces` are the text of all messages, cut where each piece is tokenized by itself, `whole` its tokens before anything is cut
    off, `prompt` those of all messages but the answer."""

    name: str
    messages: list[dict[str, str]]
    pieces: list[str]
    whole: list[int]
    prompt: list[int]
    tokens: list[int]
    first: int

    @property
    def positions(self) -> int:
        return len(self.tokens) - self.first


def scored_rows(path: str | Path, tokenizer: TokenizerWrapper, limits: RowLimits) -> list[ScoredRow]:
    """Read chat rows, cut off and masked as mlx_lm trains on them, but for the padding of which it counts one token a row.

    Raises InputFileError, naming the file and the line, for a row that can't be trained on."""
    dataset, row_tokens = checked_dataset(path, tokenizer, limits), RowTokens(tokenizer)
    return [
        ScoredRow(
            name=f"{path}, line {line}",
            messages=row["messages"],
            pieces=row_tokens.pieces(row["messages"]),
            whole=tokens,
            prompt=row_tokens.prompt(row["messages"]),
            tokens=tokens[: limits.max_seq_length],
            first=max(1, prompt_length),
        )
        for (line, row), (tokens, prompt_length) in zip(read_json_lines(path), rows_of(dataset), strict=True)
    ]


def some_rows(rows: list[ScoredRow], positions: int, seed: int = 0) -> list[ScoredRow]:
    """Draw whole rows until there are that many positions, all of them if there are no more; in their order."""
    drawn: list[int] = []
    for index in np.random.default_rng(seed).permutation(len(rows)).tolist():
        if positions <= 0:
            break
        drawn.append(index)
        positions -= rows[index].positions
    return [rows[index] for index in sorted(drawn)]
