"""The form of answers as numbers, and how far it is from the form of the references."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from understudy.evaluate.intervals import Statistic
from understudy.text.markdown import AnswerMarkdown
from understudy.text.words import words_of


class AnswerForm(NamedTuple):
    """What one answer has, each a count, and `words_per_sentence`, a mean over sentences and list items."""

    headings: int
    bold: int
    list_items: int
    paragraphs: int
    words: int
    tokens: int
    words_per_sentence: float


# Words and tokens are both the length: it counts once.
FIGURES_OF_THE_DISTANCE = ("headings", "bold", "list_items", "paragraphs", "tokens", "words_per_sentence")


def form_of(answer: str, count_tokens: Callable[[str], int]) -> AnswerForm:
    """The form of an answer, from the syntax tree of its markdown."""
    markdown = AnswerMarkdown(answer)
    sentences = [count for count in (len(words_of(text)) for text in markdown.prose_of()) if count]
    return AnswerForm(
        headings=markdown.count("heading"),
        bold=markdown.count("strong"),
        list_items=markdown.count("list_item"),
        paragraphs=len(markdown.paragraphs()),
        words=len(words_of(markdown.visible_text())),
        tokens=count_tokens(answer),
        words_per_sentence=sum(sentences) / len(sentences) if sentences else 0.0,
    )


def form_distances(forms: Sequence[AnswerForm], references: Sequence[AnswerForm]) -> dict[str, Statistic]:
    """How far the answers' form is from the references', by figure, in standard deviations of the references; rows correspond.

    `overall` is the mean of FIGURES_OF_THE_DISTANCE. Where the references' deviation is below 1 (no heading anywhere), it is in
    ones: headings, words."""
    distances = {}
    for name in AnswerForm._fields:
        values, wanted = (np.array([getattr(form, name) for form in side], float) for side in (forms, references))
        distances[name] = wasserstein_distance(values, wanted, unit=max(1.0, wanted.std()))
    parts = [distances[name] for name in FIGURES_OF_THE_DISTANCE]
    return {**distances, "overall": lambda drawn: np.mean([part(drawn) for part in parts], axis=0)}


def wasserstein_distance(values: np.ndarray, references: np.ndarray, unit: float = 1.0) -> Statistic:
    """The 1-Wasserstein distance of two samples in `unit`s: the area between their distribution functions.

    As scipy.stats.wasserstein_distance, for all resamples at once; Ramdas, Garcia, Cuturi 2015 (arXiv 1509.02237)."""
    both = np.concatenate([values, references])
    order = np.argsort(both, kind="stable")
    gaps = np.diff(both[order]) / unit

    def distance(drawn: np.ndarray) -> np.ndarray:
        weights = drawn / drawn.sum(axis=1, keepdims=True)
        signed = np.concatenate([weights, -weights], axis=1)[:, order]
        return np.abs(signed.cumsum(axis=1)[:, :-1]) @ gaps

    return distance
