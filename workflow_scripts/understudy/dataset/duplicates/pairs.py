"""Pairs that are nearly the same: their questions ask the same in other words, or their answers share most of their wording.

Questions: the cosine of the sets of their stems, all of the same weight, so that a verdict on two doesn't depend on the others;
meaning.py says what must agree entirely. Answers: the Jaccard index of their runs of five words. Exact repeats are folded
first: of n copies the first is named with each of the others, and alone with what is near. `choose_kept` and `similar_across`
know that what holds for one copy holds for all."""

import unicodedata
from collections.abc import Callable, Hashable, Iterable
from functools import partial

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from understudy.dataset.duplicates.meaning import meaning_of
from understudy.dataset.duplicates.sets import COSINE, JACCARD, Similar, similar_sets
from understudy.shared.errors import UnderstudyError
from understudy.text.words import words_of

RUN_WORDS = 5
# A data set in which 3,000 texts are all near each other, but no two of them the same, has as many.
MOST_SIMILAR = 5_000_000
KINDS = ("question", "answer")


class TooManySimilarError(UnderstudyError):
    """Nearly everything is similar to everything."""


def similar_pairs(pairs: pd.DataFrame, question_similarity: float, answer_similarity: float) -> pd.DataFrame:
    """Return the similar rows of `pairs` (columns question and answer; language, a code, if it is known) as a frame with the
    columns left, right (positions, left < right), what (`question`, `answer` or `both`), similarity (0 to 1) and copy (as `what`,
    or empty: in what they are the same).

    Raises TooManySimilarError when they are more than MOST_SIMILAR."""
    known = pairs["language"].tolist() if "language" in pairs else [None] * len(pairs)
    languages = [language if isinstance(language, str) else None for language in known]
    compared_questions = partial(similar_questions, languages=languages)
    found = {
        "question": similar_texts(pairs["question"].tolist(), compared_questions, question_similarity, "question"),
        "answer": similar_texts(pairs["answer"].tolist(), similar_answers, answer_similarity, "answer"),
    }
    both = found["question"].merge(found["answer"], on=["left", "right"], how="outer", suffixes=KINDS)
    near = {kind: both[f"similarity{kind}"].notna() for kind in KINDS}
    copied = {kind: both[f"copy{kind}"].eq(True) for kind in KINDS}
    return pd.DataFrame(
        {
            "left": both["left"],
            "right": both["right"],
            "what": named(near),
            "similarity": both[[f"similarity{kind}" for kind in KINDS]].max(axis=1),
            "copy": named(copied),
        }
    ).sort_values(["left", "right"], ignore_index=True)


def named(holds: dict[str, pd.Series]) -> np.ndarray:
    """For each row `both`, `question`, `answer` or nothing."""
    question, answer = (holds[kind].to_numpy() for kind in KINDS)
    return np.select([question & answer, question, answer], ["both", *KINDS], "")


def similar_texts(texts: list[str], compared: Callable, threshold: float, what: str) -> pd.DataFrame:
    """Fold what is the same, compare the rest, and return left, right, similarity and copy (whether it is the same)."""
    keys, similar_keys = compared([folded_words(text) for text in texts])
    first_of: dict[Hashable, int] = {}
    firsts = [first_of.setdefault(key, position) if key else position for position, key in enumerate(keys)]
    distinct = np.array(list(first_of.values()), int)
    try:
        near = similar_keys(list(first_of), threshold)
    except OverflowError as error:
        raise TooManySimilarError(
            f"More than {MOST_SIMILAR:,} pairs of {what}s are nearly the same, but not the same. Look into data/{what}s for "
            f"{what}s that a teacher repeats, or raise dataset.{what}_similarity from {threshold:g}."
        ) from error
    copies = np.flatnonzero(np.array(firsts, int) != np.arange(len(texts)))
    return pd.DataFrame(
        {
            "left": np.concatenate([np.array(firsts, int)[copies], distinct[near.left.astype(int)]]),
            "right": np.concatenate([copies, distinct[near.right.astype(int)]]),
            "similarity": np.concatenate([np.ones(len(copies)), near.similarity]),
            "copy": np.repeat([True, False], [len(copies), len(near.left)]),
        }
    )


def folded_words(text: str) -> tuple[str, ...]:
    """The words of a text without case, width of characters and punctuation; of a text without words its other characters."""
    folded = unicodedata.normalize("NFKC", text)
    return tuple(words_of(folded)) or tuple(mark for mark in folded if unicodedata.category(mark)[0] not in "PZC")


def similar_questions(questions: list[tuple[str, ...]], languages: list[str | None]) -> tuple[list[Hashable], Callable]:
    """Return the meanings of questions, given as their words, and a function from distinct ones to those that are similar."""
    both = zip(questions, languages, strict=True)
    return [words and meaning_of(words, language) for words, language in both], similar_meanings


def similar_meanings(meanings: list, threshold: float) -> Similar:
    number_of: dict[Hashable, int] = {}
    # A stem counts as shared only among questions that ask for the same.
    sets = [
        np.array([number_of.setdefault((stem, *meaning[1:]), len(number_of)) for stem in sorted(meaning.stems)])
        for meaning in meanings
    ]
    return without_other_subjects(similar_sets(sets, COSINE, threshold, MOST_SIMILAR), meanings)


def without_other_subjects(similar: Similar, meanings: list) -> Similar:
    """Only those where one question has all that the other one has: where each has something that the other lacks, they ask about
    another thing, however long they are."""

    def is_about_the_same(left: int, right: int) -> bool:
        one, other = meanings[left].stems, meanings[right].stems
        return one == other if meanings[left].is_exact else one <= other or other <= one

    kept = [is_about_the_same(*both) for both in zip(similar.left.astype(int), similar.right.astype(int), strict=True)]
    return Similar(*(part[np.array(kept, bool)] for part in similar))


def similar_answers(answers: list[tuple[str, ...]]) -> tuple[list[Hashable], Callable]:
    """Return answers, given as their words, and a function from distinct ones to those that are similar."""
    return answers, lambda distinct, threshold: similar_sets(runs_of(distinct), JACCARD, threshold, MOST_SIMILAR)


def runs_of(texts: list[tuple[str, ...]]) -> list[np.ndarray]:
    """The distinct runs of words of each text, as 64-bit hashes; of a shorter text one."""
    number_of: dict[str, int] = {}
    return [
        run_hashes(np.array([number_of.setdefault(word, len(number_of) + 1) for word in words], np.uint64))
        for words in texts
    ]


def run_hashes(numbers: np.ndarray) -> np.ndarray:
    """The distinct hashes of all runs of RUN_WORDS numbers: multiplied by 2^64 over the golden ratio, and mixed, one by one."""
    length = min(RUN_WORDS, len(numbers))
    mixed = np.zeros(len(numbers) - length + 1, np.uint64)
    for place in range(length):
        mixed = (mixed ^ numbers[place : len(numbers) - length + 1 + place]) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    return np.unique(mixed)


class Neighbours:
    """Who is similar to whom in a frame of `similar_pairs`: what holds for one copy holds for all."""

    def __init__(self, number_of_pairs: int, similar: pd.DataFrame):
        self._kinds = []
        for kind in KINDS:
            of_kind, copied = similar["what"].isin([kind, "both"]), similar["copy"].isin([kind, "both"])
            first = np.arange(number_of_pairs)
            first[similar.loc[copied, "right"]] = similar.loc[copied, "left"]
            near = similar.loc[of_kind & ~copied, ["left", "right"]]
            self._kinds.append((first.tolist(), neighbours_of(near), {}))
        self._added = 0

    def add(self, position: int) -> None:
        self._added += 1
        for first, neighbours, reached in self._kinds:
            for group in (first[position], *neighbours.get(first[position], ())):
                reached.setdefault(group, (self._added, position))

    def of(self, position: int) -> int:
        """The pair that is similar to this one, of several the one that was added first; -1 if there is none."""
        reached_by = [reached[first[position]] for first, _, reached in self._kinds if first[position] in reached]
        return min(reached_by)[1] if reached_by else -1

    def what(self, one: int, other: int) -> str:
        """In what two pairs are similar: `question`, `answer`, `both` or nothing."""
        alike = [
            kind
            for kind, (first, neighbours, _) in zip(KINDS, self._kinds, strict=True)
            if first[one] == first[other] or first[other] in neighbours.get(first[one], ())
        ]
        return "both" if len(alike) > 1 else "".join(alike)


def neighbours_of(near: pd.DataFrame) -> dict[int, set[int]]:
    neighbours: dict[int, set[int]] = {}
    for left, right in zip(near["left"].tolist(), near["right"].tolist(), strict=True):
        neighbours.setdefault(left, set()).add(right)
        neighbours.setdefault(right, set()).add(left)
    return neighbours


def choose_kept(number_of_pairs: int, similar: pd.DataFrame, order: Iterable[int]) -> dict[int, tuple[int, str]]:
    """Return for each pair that goes the one that stays in its place, and in what the two are similar (Neighbours.what).

    In the given order of preference a pair stays unless it is similar to one that already does: of a chain A, B, C in which
    A and C differ, both ends stay when A or C comes first."""
    kept, instead = Neighbours(number_of_pairs, similar), {}
    for position in order:
        other = kept.of(position)
        if other >= 0:
            instead[position] = (other, kept.what(position, other))
        else:
            kept.add(position)
    return instead


def similar_across(
    number_of_pairs: int, similar: pd.DataFrame, positions: Iterable[int], others: Iterable[int]
) -> dict[int, int]:
    """Return which of `positions` are similar to one of `others`, each with the first such one: what leaks across a split."""
    held_out = Neighbours(number_of_pairs, similar)
    for other in others:
        held_out.add(other)
    return {position: held_out.of(position) for position in positions if held_out.of(position) >= 0}


def clusters(similar: pd.DataFrame, number_of_pairs: int) -> list[list[int]]:
    """Groups of two pairs and more that similarity connects, in the order of their first ones, each in ascending order."""
    shape = (number_of_pairs, number_of_pairs)
    links = coo_matrix((np.ones(len(similar)), (similar["left"], similar["right"])), shape=shape)
    group_of = connected_components(links, directed=False)[1]
    linked = np.unique(similar[["left", "right"]].to_numpy(int))
    return [rows.tolist() for rows in pd.Series(linked).groupby(group_of[linked], sort=False).apply(np.array)]
