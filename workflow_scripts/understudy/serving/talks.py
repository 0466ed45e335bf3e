"""The talks' index and gate, asked in threads of their own, so that nobody waits for another's search."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from understudy.passages.gate import NOT_COVERED, SMALL_TALK, sentences_for_not_covered
from understudy.passages.sources import Passage
from understudy.passages.talks import Talks
from understudy.serving.engine import LONGEST_TOKEN
from understudy.shared.errors import UnderstudyError
from understudy.shared.log import log

if TYPE_CHECKING:
    from understudy.passages.answers.places import Checked, Places
    from understudy.passages.answers.strict import StrictAnswer

# Characters of a question that are searched with: a search takes longer with each word, and others wait for its end.
LONGEST_SEARCHED = 2_000


@dataclass(frozen=True)
class Found:
    """What the talks have for a question: the gate's decision, None without a gate, and passages, none without an index.

    Where no talk answers, `instead` is said, then `before_nearest` the nearest passages. `strict` is a strict answer."""

    decision: str | None
    passages: tuple[Passage, ...]
    instead: str | None = None
    before_nearest: str | None = None
    strict: "StrictAnswer | None" = None


class AskedTalks:
    """Talks that many may ask at once. One thread finds passages, another places of sentences, so that a long answer delays no
    source; SQLite lets both read by one connection."""

    def __init__(self, talks: Talks, count_tokens: Callable[[str], int]):
        self.talks = talks
        self._count_tokens = count_tokens
        self._finding = ThreadPoolExecutor(1, "finding")
        self._checking = ThreadPoolExecutor(1, "checking")

    @cached_property
    def _places(self) -> "Places":
        return self.talks.places()

    def close(self) -> None:
        """End the threads, after what they are at."""
        self._finding.shutdown(cancel_futures=True)
        self._checking.shutdown(cancel_futures=True)

    async def found(self, question: str, before: str | None) -> Found:
        """What the talks have for a question that may follow the one `before`. A wait that is cancelled searches nothing."""
        question, before = searched_part(question), before and searched_part(before)
        return await asyncio.get_running_loop().run_in_executor(self._finding, self._found, question, before)

    async def checked(self, sentence: str, passages: Sequence[Passage]) -> "Checked | None":
        """The sentence with its nearest place and its marks; None without an index, or where it can't be read."""
        if self.talks.search is None:
            return None
        return await asyncio.get_running_loop().run_in_executor(self._checking, self._checked, sentence, passages)

    async def count(self, texts: Sequence[str], at_most: int) -> list[int]:
        """The tokens of texts, as far as they have at most so many together."""
        return await asyncio.to_thread(self._counts, texts, at_most)

    def _found(self, question: str, before: str | None) -> Found:
        decision = self.talks.decision(question, before)
        kind = decision.kind if decision else None
        if kind == NOT_COVERED:
            instead, before_nearest = sentences_for_not_covered(question, self.talks.search)
            return Found(kind, tuple(decision.nearest), instead, before_nearest)
        if self.talks.strict:
            answer = self.talks.strict_answer(question, before)
            return Found(kind, tuple(place for _, place in answer), strict=answer)
        if kind == SMALL_TALK:
            return Found(kind, ())
        return Found(kind, tuple(self.talks.passages(question, before, self._count_tokens) or ()))

    def _checked(self, sentence: str, passages: Sequence[Passage]) -> "Checked | None":
        try:
            return self._places.of(sentence, passages)
        except UnderstudyError as error:
            log.warning("Warning: no places of sentences: %s", error)
            return None

    def _counts(self, texts: Sequence[str], at_most: int) -> list[int]:
        counts: list[int] = []
        for text in texts:
            if len(text) > at_most * LONGEST_TOKEN:
                return counts
            counts.append(self._count_tokens(text))
            if sum(counts) > at_most:
                return counts[:-1]
        return counts


def searched_part(question: str) -> str:
    """The question, or the beginning and the end of a long one: what is asked stands before or behind what is pasted."""
    if len(question) <= LONGEST_SEARCHED:
        return question
    half = LONGEST_SEARCHED // 2
    return f"{question[: half - 1]} {question[-half:]}"
