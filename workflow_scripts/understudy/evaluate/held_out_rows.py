"""The rows that a model is evaluated on: which ones, and which talk each is from."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from understudy.passages.frame import question_of
from understudy.rows.training import check_messages
from understudy.shared.errors import InputFileError
from understudy.shared.files import read_json_lines

Item = TypeVar("Item")


@dataclass(frozen=True)
class HeldOutRow:
    """A row of a file. `video_id` is None for what belongs to no talk, such as a hand-written pair: it is a group of its own."""

    line: int
    messages: list[dict[str, str]]
    video_id: str | None

    @property
    def question(self) -> str:
        """Without the passages that may stand before it."""
        return question_of(self.messages[-2]["content"])

    @property
    def reference(self) -> str:
        return self.messages[-1]["content"]


def held_out_rows(path: str | Path, pairs: str | Path, number: int, seed: int) -> list[HeldOutRow]:
    """Return up to `number` chat rows of a file, drawn with `seed` where it has more, in the file's order.

    `pairs` is pairs.jsonl, where the talk of a row is looked up. Raises InputFileError, naming the line, for what is no row,
    and for a file without any."""
    numbered = read_json_lines(path)
    for line, row in numbered:
        check_messages(row, f"{path}, line {line}")
    if not numbered:
        raise InputFileError(f"{path} has no rows, so there is nothing to evaluate on.")
    rows = [HeldOutRow(line, row["messages"], None) for line, row in sampled(numbered, number, seed)]
    known = PairsOfRows(pairs)
    return [HeldOutRow(row.line, row.messages, (known.pair_of(row) or {}).get("video_id")) for row in rows]


class PairsOfRows:
    """The pairs of pairs.jsonl, to be found by a row."""

    def __init__(self, path: str | Path):
        pairs = [pair for _, pair in read_json_lines(path)]
        self._exact = {(pair["question"], pair["answer"]): pair for pair in pairs}
        self._by_question = {pair["question"]: pair for pair in reversed(pairs)}

    def pair_of(self, row: HeldOutRow) -> dict | None:
        """The pair of a row's question and answer; where the answer was written anew from a passage, that of its question."""
        return self._exact.get((row.question, row.reference)) or self._by_question.get(row.question)


def sampled(items: Sequence[Item], number: int, seed: int) -> list[Item]:
    """Return `number` of the items, drawn with `seed`, in their order; all of them if there are no more."""
    if number >= len(items):
        return list(items)
    return [items[index] for index in sorted(random.Random(seed).sample(range(len(items)), number))]
