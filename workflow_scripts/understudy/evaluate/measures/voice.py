"""How much an answer sounds like the teacher, by a classifier of the teacher's answers against the base's.

Logistic regression on tf-idf weights of runs of letters, the usual features of authorship attribution (Stamatatos 2009, A survey
of modern authorship attribution methods, JASIST 60(3)). Both sides answer the same questions, so the subject tells nothing; only
the visible text counts, because headings and lists are form; and every answer is told by a classifier that has seen nothing of
its video."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline

from understudy.evaluate.measures.phrases import folds_by_video
from understudy.text.markdown import AnswerMarkdown
from understudy.text.words import words_of

LETTERS = (2, 4)
MOST_FEATURES = 50_000
# Vectors of length 1 in so many dimensions need a weak penalty before the probabilities leave 0.5.
INVERSE_PENALTY = 10.0


class Voice(NamedTuple):
    """`auc`: how well teacher and base are told apart, 0.5 (not at all: then the probabilities mean nothing) to 1;
    `probabilities`: by name, that each row's answer is the teacher's, 0 to 1."""

    auc: float
    probabilities: dict[str, np.ndarray]


def voice_of(
    answers: dict[str, Sequence[str]],
    video_ids: Sequence[str],
    heard: Callable[[str], str] = lambda answer: AnswerMarkdown(answer).visible_text(),
) -> Voice | None:
    """Return who sounds like the teacher, or None for a single video.

    `answers` has one answer a row under `reference` (the teacher), `base`, and any other name; `heard` is what counts of one."""
    if len(set(video_ids)) < 2:
        return None
    texts = {name: np.array([heard(answer) for answer in of_one], object) for name, of_one in answers.items()}
    probabilities = {name: np.empty(len(video_ids)) for name in answers}
    for others, rows in folds_by_video(video_ids):
        classifier = trained_classifier(texts["reference"][others], texts["base"][others])
        for name, of_one in texts.items():
            probabilities[name][rows] = classifier.predict_proba(of_one[rows])[:, 1]
    return Voice(auc_of(probabilities["reference"], probabilities["base"]), probabilities)


def words_alone(answer: str) -> str:
    """An answer without what form leaves in its text: headings, the words in bold that open a list item or a paragraph, case and
    punctuation."""
    return " ".join(words_of(AnswerMarkdown(answer).running_text()))


def trained_classifier(teacher: Sequence[str], base: Sequence[str]) -> Pipeline:
    classifier = make_pipeline(
        TfidfVectorizer(analyzer="char_wb", ngram_range=LETTERS, sublinear_tf=True, max_features=MOST_FEATURES),
        LogisticRegression(C=INVERSE_PENALTY, max_iter=1000),
    )
    return classifier.fit([*teacher, *base], [1] * len(teacher) + [0] * len(base))


def auc_of(teacher: np.ndarray, base: np.ndarray) -> float:
    """The area under the ROC curve: how often one of the teacher's answers has the higher probability, ties half."""
    return float(roc_auc_score([1] * len(teacher) + [0] * len(base), np.concatenate([teacher, base])))
