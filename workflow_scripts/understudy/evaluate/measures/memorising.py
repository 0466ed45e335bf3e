"""Answers that repeat the training answers word for word."""

from collections.abc import Iterable

import numpy as np

from understudy.text.markdown import AnswerMarkdown
from understudy.text.words import words_of

# A long sentence; a teacher's set phrases are shorter. The references' own share says what is usual in this channel.
LONG_RUN = 20


class TrainedRuns:
    """All runs of `length` words in the training answers, as a sorted array of 64-bit hashes: 8 bytes a word."""

    def __init__(self, answers: Iterable[str], length: int = LONG_RUN):
        self._length = length
        self._numbers: dict[str, int] = {}
        # Odd factors, so that none of a word's bits is lost; a hash of 64 bits meets another's once in 10 billion looks.
        self._factors = np.random.default_rng(0).integers(0, 2**63, length, np.uint64) * np.uint64(2) + np.uint64(1)
        runs = [self._runs_of(spoken_words(answer), learn=True) for answer in answers]
        self._runs = np.unique(np.concatenate(runs)) if runs else np.empty(0, np.uint64)

    def longest_repeat(self, answer: str) -> int:
        """The most words in a row that an answer has from the training answers, 0 for fewer than `length`.

        Runs of two training answers that overlap by all but one word count as one."""
        longest = current = 0
        for is_known in self._are_known(self._runs_of(spoken_words(answer))):
            current = current + 1 if is_known else 0
            longest = max(longest, current)
        return longest + self._length - 1 if longest else 0

    def _are_known(self, runs: np.ndarray) -> np.ndarray:
        if not len(self._runs):
            return np.zeros(len(runs), bool)
        places = np.searchsorted(self._runs, runs)
        return self._runs[np.minimum(places, len(self._runs) - 1)] == runs

    def _runs_of(self, words: list[str], learn: bool = False) -> np.ndarray:
        numbers = np.array([self._number_of(word, learn) for word in words], np.uint64)
        if len(numbers) < self._length:
            return np.empty(0, np.uint64)
        return np.lib.stride_tricks.sliding_window_view(numbers, self._length) @ self._factors

    def _number_of(self, word: str, learn: bool) -> int:
        return self._numbers.setdefault(word, len(self._numbers) + 1) if learn else self._numbers.get(word, 0)


def spoken_words(answer: str) -> list[str]:
    return words_of(AnswerMarkdown(answer).visible_text())
