"""What the talks answer and what they don't, decided before a model is asked, from what retrieval knows alone: data/gate.json."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from understudy.passages.evidence import Evidence, evidence
from understudy.passages.search import Search, joined
from understudy.passages.small_talk import is_small_talk, says_not_covered
from understudy.passages.sources import Passage
from understudy.passages.store import RECORD
from understudy.shared.errors import InputFileError
from understudy.shared.files import read_json
from understudy.text.language import language_of

GATE = Path("data/gate.json")
MAKE = "understudy run -f data/gate.json"
# Other figures make another gate.
VERSION = 1
TALKS, SMALL_TALK, NOT_COVERED = "talks", "small_talk", "not_covered"
NEAREST = 2
# No coefficient or threshold comes near it.
BEYOND_ANY = 1e6
BY_WORDS = ("meets", "covered", "asked")
WITH_VECTORS = ("meets", "asked", "nearest")


class GateFault(InputFileError):
    """The gate is missing, broken, or of another index; the message says what to type."""


@dataclass(frozen=True)
class Decision:
    """`score` is 0.0 or more for what the talks answer, None for small talk; `nearest` are passages of the two nearest talks
    where no talk answers."""

    kind: Literal["talks", "small_talk", "not_covered"]
    score: float | None
    nearest: list[Passage]


@dataclass(frozen=True)
class Rule:
    """A logistic rule on figures of Evidence; `threshold` is a score, from which on the talks answer."""

    figures: tuple[str, ...]
    coefficients: tuple[float, ...]
    intercept: float
    threshold: float

    def score(self, found: Evidence) -> float:
        """How far above the threshold a question lies."""
        values = values_of(found, self.figures)
        return self.intercept + math.fsum(map(math.prod, zip(self.coefficients, values, strict=True))) - self.threshold


def values_of(found: Evidence, figures: tuple[str, ...]) -> list[float]:
    """The figures as a rule sees them: rounded, so that every machine sees the same."""
    return [round(getattr(found, name), 4) for name in figures]


def index_of(path: Path) -> dict:
    """What of index.json a gate depends on."""
    record = read_json(path)
    return {name: record.get(name) for name in ("made_by", "transcripts_sha256", "vectors")}


class Gate:
    """A calibrated gate. `by_words` is asked where a search has no vectors, also while the embedder is off."""

    def __init__(self, path: Path, index: dict, by_words: Rule, with_vectors: Rule | None):
        self.path = path
        self.index = index
        self.by_words = by_words
        self.with_vectors = with_vectors

    @classmethod
    def read(cls, path: Path) -> "Gate":
        """Read data/gate.json. Raises GateFault, with what to type, if it is missing or no gate."""
        try:
            record = read_json(path)
            if record["version"] != VERSION:
                raise ValueError(f"version {record['version']!r}")
            words, vectors = _rule(record["words"], BY_WORDS), record["vectors"]
            index = {str(name): value for name, value in record["index"].items()}
            return cls(Path(path), index, words, None if vectors is None else _rule(vectors, WITH_VECTORS))
        except InputFileError as error:
            raise GateFault(f"{error} Make it: {MAKE}") from None
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise GateFault(f"{path} is no gate ({type(error).__name__}: {error}). Make it anew: {MAKE}") from None

    def check(self, search: Search) -> None:
        """Raise GateFault if the gate was made with another index than that of `search`."""
        try:
            made_with = index_of(search.store.path.with_name(RECORD))
        except (InputFileError, AttributeError) as error:
            raise GateFault(f"It can't be seen whether {self.path} belongs to the index: {error}") from None
        if self.index != made_with:
            raise GateFault(f"{self.path} was made with another index or embedder. Make it anew: {MAKE}")

    def decide(self, question: str, before: str | None, search: Search) -> Decision:
        """Whether the talks answer a question, which may follow the one `before`. Raises IndexFault if the index is broken."""
        if is_small_talk(question, search):
            return Decision(SMALL_TALK, None, [])
        (found,) = evidence(search, [joined(question, before)])
        rule = self.by_words if found.nearest is None or self.with_vectors is None else self.with_vectors
        score = round(rule.score(found), 4)
        if score >= 0:
            return Decision(TALKS, score, [])
        return Decision(NOT_COVERED, score, list(_of_different_talks(search.passages(question, before))))


def _of_different_talks(passages: list[Passage]) -> Iterator[Passage]:
    """The best passages of the nearest talks, one of each."""
    best = {passage.video_id: passage for passage in reversed(passages)}
    yield from [passage for passage in passages if best[passage.video_id] is passage][:NEAREST]


def _rule(record: dict, figures: tuple[str, ...]) -> Rule:
    """A rule of the file. Raises KeyError, TypeError or ValueError for anything that is none."""
    if tuple(record["figures"]) != figures:
        raise ValueError(f"figures {record['figures']!r}")
    numbers = np.array([*record["coefficients"], record["intercept"], record["threshold"]], dtype=float)
    if len(numbers) != len(figures) + 2 or not (np.abs(numbers) < BEYOND_ANY).all():
        raise ValueError("its numbers are none of a gate")
    *coefficients, intercept, threshold = numbers.tolist()
    return Rule(figures, tuple(coefficients), intercept, threshold)


def sentences_for_not_covered(question: str, search: Search) -> tuple[str, str]:
    """What is said where no talk answers, and before the nearest talks: in the question's language where that is nearly certain,
    else in that of most talks."""
    return says_not_covered(language_of(question) or next(iter(search.languages), None))
