"""Pairs that are nearly the same: their questions ask the same in other words, or their answers share most of their wording.

Questions are compared by the cosine of the TF-IDF vectors of the words that carry meaning, and are never the same if they ask for
something else (why, when, how many), name other numbers, or one negates. Answers are compared by the Jaccard index of their
runs of five words. Exact repeats are folded first, so that a thousand copies cost as much as one."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer

from lib.pair_wording import function_words_of_all_languages
from lib.words import stem_of, words_of

# Rows of the similarity matrix that are computed at a time.
CHUNK = 256
RUN_WORDS = 5
NEGATIONS = frozenset(
    [
        "not",
        "never",
        "no",
        "without",
        "nor",
        "nicht",
        "nie",
        "niemals",
        "kein",
        "keine",
        "keinen",
        "keinem",
        "keiner",
        "ohne",
        "nunca",
        "sin",
        "ni",
        "ne",
        "pas",
        "jamais",
        "sans",
    ]
)
# What a question asks for, when it is among its first words.
ASKS_FOR = frozenset(
    [
        "why",
        "when",
        "where",
        "who",
        "whom",
        "whose",
        "many",
        "much",
        "often",
        "long",
        "far",
        "old",
        "warum",
        "wieso",
        "weshalb",
        "wann",
        "wo",
        "wer",
        "wen",
        "wem",
        "viel",
        "viele",
        "oft",
        "lange",
        "qué",
        "cuándo",
        "dónde",
        "quién",
        "quiénes",
        "cuánto",
        "cuánta",
        "cuántos",
        "cuántas",
        "pourquoi",
        "quand",
        "où",
        "qui",
        "combien",
    ]
)
OPENING_WORDS = 3


class Match(NamedTuple):
    """Two positions, the first one smaller, and how similar the texts there are."""

    left: int
    right: int
    similarity: float


def similar_pairs(pairs: pd.DataFrame, question_similarity: float, answer_similarity: float) -> pd.DataFrame:
    """Return the similar rows of `pairs` (columns question and answer) as a frame with the columns left, right (positions,
    left < right), what (`question`, `answer` or `both`) and similarity (0 to 1).

    Of n exact copies the first is paired with each of the others, and alone with what is near."""
    questions = similar_texts(pairs["question"].tolist(), question_matches, question_similarity)
    answers = similar_texts(pairs["answer"].tolist(), answer_matches, answer_similarity)
    found = pd.concat([questions.assign(what="question"), answers.assign(what="answer")], ignore_index=True)
    if found.empty:
        return pd.DataFrame({"left": [], "right": [], "what": [], "similarity": []}).astype({"left": int, "right": int})
    grouped = found.groupby(["left", "right"], as_index=False)
    return grouped.agg(
        what=("what", lambda kinds: "both" if len(kinds) > 1 else kinds.iloc[0]), similarity=("similarity", "max")
    )


def similar_texts(texts: list[str], matches: Callable, threshold: float) -> pd.DataFrame:
    """Fold exact repeats, compare the rest by `matches`, and return left, right and similarity."""
    first_of: dict[tuple[str, ...], int] = {}
    found: list[Match] = []
    for position, words in enumerate(map(folded_words, texts)):
        first = first_of.setdefault(words, position) if words else position
        if first != position:
            found.append(Match(first, position, 1.0))
    distinct = list(first_of.values())
    compared = matches(list(first_of), threshold) if len(distinct) > 1 else []
    found += [Match(distinct[match.left], distinct[match.right], match.similarity) for match in compared]
    return pd.DataFrame(found, columns=Match._fields)


def folded_words(text: str) -> tuple[str, ...]:
    """The words of a text without case, width of characters and punctuation; of a text without words its characters."""
    folded = unicodedata.normalize("NFKC", text)
    return tuple(words_of(folded)) or tuple(folded.split())


def question_matches(questions: list[tuple[str, ...]], threshold: float) -> list[Match]:
    """Questions, as their words, whose TF-IDF vectors have a cosine of `threshold` or more and that ask for the same."""
    vectors = TfidfVectorizer(analyzer=meaning_words, dtype=np.float32).fit_transform(questions)
    asked = [what_it_asks_for(words) for words in questions]
    return [
        match
        for match in rows_above(vectors, np.ones(len(questions)), threshold)
        if asked[match.left] == asked[match.right]
    ]


def meaning_words(words: tuple[str, ...]) -> list[str]:
    """The words that carry meaning, by their first letters; all of them if none does."""
    carrying = [stem_of(word) for word in words if word.removesuffix("'s") not in function_words_of_all_languages()]
    return carrying or list(words)


def what_it_asks_for(words: tuple[str, ...]) -> tuple[frozenset[str], frozenset[str], bool]:
    """What makes two questions different whatever else they share: the question word, the numbers, a negation."""
    numbers = frozenset(word for word in words if re.search(r"\d", word))
    negates = any(word in NEGATIONS or word.endswith("n't") for word in words)
    return frozenset(words[:OPENING_WORDS]) & ASKS_FOR, numbers, negates


def answer_matches(answers: list[tuple[str, ...]], threshold: float) -> list[Match]:
    """Answers, as their words, whose sets of runs of five words have a Jaccard index of `threshold` or more."""
    runs, sizes = shared_runs(answers)
    return rows_above(runs, sizes, threshold)


def shared_runs(answers: list[tuple[str, ...]]) -> tuple[csr_matrix, np.ndarray]:
    """Return which runs of words each answer has, those of one answer alone left out, and how many it has in all.

    Shapes: (answers, runs) of ones, and (answers,). A run is known by a 64-bit hash of its words."""
    number_of: dict[str, int] = {}
    hashes = [
        run_hashes(np.array([number_of.setdefault(word, len(number_of) + 1) for word in words], np.uint64))
        for words in answers
    ]
    sizes = np.array([max(1, len(of_one)) for of_one in hashes], np.float32)
    _, columns, counts = np.unique(np.concatenate(hashes), return_inverse=True, return_counts=True)
    rows = np.repeat(np.arange(len(answers)), [len(of_one) for of_one in hashes])
    shared = counts[columns] > 1
    kept, columns = np.unique(columns[shared], return_inverse=True)
    ones = np.ones(len(columns), np.float32)
    return csr_matrix((ones, (rows[shared], columns)), shape=(len(answers), max(1, len(kept)))), sizes


def run_hashes(numbers: np.ndarray) -> np.ndarray:
    """The distinct hashes of all runs of words; of a shorter text one hash."""
    length = min(RUN_WORDS, len(numbers))
    mixed = np.zeros(len(numbers) - length + 1, np.uint64)
    for place in range(length):
        mixed = (mixed ^ numbers[place : len(numbers) - length + 1 + place]) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    return np.unique(mixed)


def rows_above(vectors: csr_matrix, sizes: np.ndarray, threshold: float) -> list[Match]:
    """Pairs of rows that are similar by `threshold` or more: shared / (size + size - shared), where shared is their dot product.

    With sizes of one and unit vectors that grows with the cosine, which is then compared itself. Shapes: (texts, features),
    (texts,)."""
    transposed, found = vectors.T.tocsr(), []
    for start in range(0, vectors.shape[0], CHUNK):
        products = (vectors[start : start + CHUNK] @ transposed).tocoo()
        later = products.row + start < products.col
        left, right, similarity = products.row[later] + start, products.col[later], products.data[later]
        if sizes.max() > 1:
            similarity = similarity / (sizes[left] + sizes[right] - similarity)
        near = similarity >= threshold
        columns = (left[near].tolist(), right[near].tolist(), similarity[near].tolist())
        found += [Match(a, b, min(1.0, score)) for a, b, score in zip(*columns, strict=True)]
    return found


def choose_kept(number_of_pairs: int, similar: pd.DataFrame, order: Sequence[int]) -> list[int]:
    """Return for each pair -1 if it stays, or the position of the pair that stays in its place.

    In the given order of preference a pair stays unless it is similar to one that already does: of a chain A, B, C in which
    A and C differ, both ends stay when A or C comes first."""
    neighbours: dict[int, list[int]] = {}
    for left, right in zip(similar["left"], similar["right"], strict=True):
        neighbours.setdefault(left, []).append(right)
        neighbours.setdefault(right, []).append(left)
    instead = [-1] * number_of_pairs
    stays: set[int] = set()
    for position in order:
        kept = [other for other in neighbours.get(position, ()) if other in stays]
        if kept:
            instead[position] = min(kept)
        else:
            stays.add(position)
    return instead
