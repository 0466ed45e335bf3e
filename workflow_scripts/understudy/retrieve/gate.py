"""Calibrate the gate: which figures of retrieval tell questions that the talks answer from those that they don't.

Answered are the training talks' own questions. Not answered are the same questions while the index lacks their talk, and
questions of other fields. People tell more than they ask, and in other words than the talk's; so each question counts alone and,
more often, with one of another field in front of it or behind it, and the threshold is taken from those."""

import contextlib
import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from understudy.passages.embedder import Embedder, embedder_for
from understudy.passages.evidence import Evidence, evidence
from understudy.passages.gate import BY_WORDS, VERSION, WITH_VECTORS, index_of, values_of
from understudy.passages.search import Search
from understudy.passages.store import PASSAGES, Store, totals_of, writable
from understudy.passages.vectors import EmbedderError
from understudy.retrieve.index import remove_database
from understudy.shared.errors import InputFileError
from understudy.shared.files import no_room_is_told, read_json_lines, write_json
from understudy.shared.log import log

# The share of the talks' own questions, with another one beside them, that lies below the threshold, so that of people's about a
# tenth does: less by words, of which people's share fewer with the talks. Chosen in sight of tests/labelled/shared.
REFUSED = {BY_WORDS: 0.05, WITH_VECTORS: 0.12}
KINDS = ("answered", "left_out", "other_fields")
BESIDE_EACH = 4
MOST_QUESTIONS, LEAST_QUESTIONS = 200, 20
FOLDS = 5
# Of all that isn't answered: how much the questions weigh whose talk is left out.
LEFT_OUT_WEIGHS = 0.5
RIDGE, STEPS = 1.0, 50
DIGITS = 4
COPY = "without_talks.sqlite"
# What the demo's talks gave, by words.
DEFAULT = {"coefficients": [0.3, 7.34, 2.12], "intercept": -7.85, "threshold": -1.17}


@dataclass(frozen=True)
class Sample:
    """A question with its figures. `kind` is answered, left_out or other_fields, `fold` the part of the talks that it belongs to,
    `beside` whether another question stands beside it."""

    kind: str
    fold: int
    beside: bool
    found: Evidence


def build_gate(pairs: str, others: str, index: str, output: str, embedder: dict, threads: int | None = None) -> None:
    """Write data/gate.json from pairs.jsonl, a file of questions of other fields, and index.json with passages.sqlite beside it.

    `embedder` is the configuration's `retrieval.embedder`. Raises InputFileError for a file that isn't one of these, IndexFault,
    and EmbedderError."""
    folder = Path(index).parent
    questions = questions_of_talks(pairs)
    folds = {talk: number % FOLDS for number, talk in enumerate(sorted(set(questions.values()), key=drawn))}
    other = [question for _, question in records_with_questions(others)]
    with copied(folder) as store, embedder_for(embedder, threads) as opened:
        if len(questions) < LEAST_QUESTIONS or len(folds) < 2:
            record = default_gate(len(questions), len(folds))
        else:
            record = calibrated_gate(list(measured(store, opened, questions, folds, other)), opened is not None)
    write_json(output, {"version": VERSION, "index": index_of(Path(index)), **record})
    log.info("%s: %s", output, record["says"])


def drawn(text: str) -> str:
    """A place in an order that depends on the text alone."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def records_with_questions(path: str) -> Iterator[tuple[dict, str]]:
    """Each line's record and its question. Raises InputFileError, naming the line, where there is none."""
    for line, record in read_json_lines(path):
        if not isinstance(record, dict) or not isinstance(record.get("question"), str):
            raise InputFileError(f"{path}, line {line}: there is no question. Make the file anew.")
        yield record, record["question"]


def questions_of_talks(pairs: str) -> dict[str, str]:
    """At most MOST_QUESTIONS questions of the training talks, each with its talk's video_id."""
    found = {
        question: record["video_id"]
        for record, question in records_with_questions(pairs)
        if record.get("split") == "train" and isinstance(record.get("video_id"), str)
    }
    return {question: found[question] for question in sorted(found, key=drawn)[:MOST_QUESTIONS]}


@contextlib.contextmanager
def copied(folder: Path) -> Iterator[Store]:
    """A copy of the index, from which talks can be taken; it is removed afterwards."""
    copy = folder / COPY
    try:
        with no_room_is_told(copy):
            shutil.copyfile(folder / PASSAGES, copy)
            with writable(copy) as store:
                yield store
    finally:
        remove_database(copy)


def measured(
    store: Store, embedder: Embedder | None, questions: dict[str, str], folds: dict[str, int], others: list[str]
) -> Iterator[Sample]:
    """The figures of all questions, alone and with another one beside them."""
    rounds = range(BESIDE_EACH + 1)
    own = [(beside(question, others, n), folds[talk], n > 0) for n in rounds for question, talk in questions.items()]
    other = [(beside(question, others, n), at % FOLDS, n > 0) for n in rounds for at, question in enumerate(others)]
    yield from samples("answered", own, store, embedder)
    yield from samples("other_fields", other, store, embedder)
    for fold in sorted(set(folds.values())):
        for talk in folds:
            if folds[talk] == fold:
                store.remove_talk(talk)
        store.set_meta(totals=json.dumps(totals_of(store)))
        yield from samples("left_out", [one for one in own if one[1] == fold], store, embedder)
        store.connection.rollback()


def beside(question: str, others: list[str], number: int) -> str:
    """The question alone for number 0, otherwise with one of `others` in front of it or behind it."""
    if number == 0 or not others:
        return question
    other = others[int(drawn(f"{number} {question}"), 16) % len(others)]
    return f"{question} {other}" if number % 2 else f"{other} {question}"


def samples(kind: str, asked: list[tuple[str, int, bool]], store: Store, embedder: Embedder | None) -> Iterator[Sample]:
    """The figures of questions (text, fold, beside) in the index as it is now. Raises EmbedderError if some lack vectors."""
    found = evidence(Search(store, embedder), [text for text, _, _ in asked])
    if embedder is not None and any(one.nearest is None for one in found):
        raise EmbedderError("retrieval.embedder can't be asked, so the gate can't be made: start it, and run it again.")
    for (_, fold, is_beside), one in zip(asked, found, strict=True):
        yield Sample(kind, fold, is_beside, one)
    log.info("Questions for the gate: %d, %s.", len(asked), kind)


def default_gate(questions: int, talks: int) -> dict:
    """What gate.json says where there are too few questions to measure by."""
    return {
        "calibrated": False,
        "says": f"The training talks have {questions} questions of {talks} talks, and {LEAST_QUESTIONS} of two are needed: these "
        "are the coefficients of the demo's talks, by words, and their error here is not known.",
        "counts": {"questions": questions, "talks": talks},
        "words": {"figures": list(BY_WORDS), **DEFAULT},
        "vectors": None,
    }


def calibrated_gate(samples: list[Sample], has_vectors: bool) -> dict:
    """What gate.json says of the samples: a rule by words and one with vectors, each with its error by cross-validation."""
    words = calibrated(samples, BY_WORDS)
    vectors = calibrated(samples, WITH_VECTORS) if has_vectors else None
    best = vectors or words
    counts = Counter(one.kind for one in samples if not one.beside)
    return {
        "calibrated": True,
        "says": f"Of the talks' own questions about {best['answered_refused']:.0%} are refused, of those whose talk was left "
        f"out {best['left_out_refused']:.0%}, of those of other fields {best['other_fields_refused']:.0%}; each with another "
        "question beside it.",
        "counts": {**counts, "beside_each": BESIDE_EACH},
        "words": words,
        "vectors": vectors,
    }


def calibrated(samples: list[Sample], figures: tuple[str, ...]) -> dict:
    """A rule on some figures, and the shares of each kind that it refuses in talks that it wasn't made of."""
    values = np.array([values_of(one.found, figures) for one in samples])
    kind = np.array([one.kind for one in samples])
    fold, is_beside = np.array([one.fold for one in samples]), np.array([one.beside for one in samples])
    weights = weights_of(kind)
    scores = np.zeros(len(samples))
    for number in np.unique(fold):
        here = fold == number
        coefficients, intercept = logistic(values[~here], kind[~here] == "answered", weights[~here])
        scores[here] = values[here] @ coefficients + intercept
    own = (kind == "answered") & is_beside
    refused = refused_elsewhere(scores, fold, own, REFUSED[figures])
    coefficients, intercept = logistic(values, kind == "answered", weights)
    return {
        "figures": list(figures),
        "coefficients": np.round(coefficients, DIGITS).tolist(),
        "intercept": round(float(intercept), DIGITS),
        "threshold": round(float(np.quantile(scores[own], REFUSED[figures])), DIGITS),
        **{f"{name}_refused": round(float(refused[(kind == name) & is_beside].mean()), 3) for name in KINDS},
        "answered_refused_alone": round(float(refused[(kind == "answered") & ~is_beside].mean()), 3),
    }


def refused_elsewhere(scores: np.ndarray, fold: np.ndarray, own: np.ndarray, share: float) -> np.ndarray:
    """Which samples lie below the threshold that cuts off a share of the lowest of the `own` scores in all folds but theirs."""
    thresholds = {number: np.quantile(scores[own & (fold != number)], share) for number in np.unique(fold)}
    return scores < np.array([thresholds[number] for number in fold.tolist()])


def weights_of(kind: np.ndarray) -> np.ndarray:
    """What each sample counts: those that are answered as much as all others, together as much as there are samples."""
    of_all = {"answered": 0.5, "left_out": 0.5 * LEFT_OUT_WEIGHS, "other_fields": 0.5 * (1 - LEFT_OUT_WEIGHS)}
    counts = Counter(kind.tolist())
    return np.array([of_all[name] * len(kind) / counts[name] for name in kind.tolist()])


def logistic(values: np.ndarray, answered: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, float]:
    """Coefficients and intercept of a weighted logistic regression with a ridge of RIDGE on the figures brought to one scale, by
    Newton's steps."""
    middle, scale = np.average(values, axis=0, weights=weights), np.maximum(values.std(axis=0), 1e-9)
    scaled = np.column_stack([np.ones(len(values)), (values - middle) / scale])
    ridge = np.diag([0.0] + [RIDGE] * values.shape[1])
    found = np.zeros(scaled.shape[1])
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-scaled @ found))
        slope = scaled.T @ (weights * (chance - answered)) + ridge @ found
        bend = (scaled * (weights * chance * (1 - chance))[:, None]).T @ scaled + ridge
        found -= np.linalg.solve(bend, slope)
    coefficients = found[1:] / scale
    return coefficients, float(found[0] - coefficients @ middle)
