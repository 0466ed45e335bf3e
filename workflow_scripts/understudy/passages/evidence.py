"""What retrieval knows about whether the talks answer a question, in a few figures that the gate judges by."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from understudy.passages.cutting import UNIT
from understudy.passages.growing import Sentences, run_ends
from understudy.passages.search import OTHER_FORM, RUNS, Search

# What a term tells is counted in twentieths, so that a distribution of sums is a short list.
PARTS = 20
LEAST_SHARE = 1e-30
# Texts that are brought to vectors and compared at a time.
AT_ONCE = 256
ENDS_QUESTION = re.compile(r"[?？؟][\"'”»」』)]*\s*$")


@dataclass(frozen=True)
class Evidence:
    """Of the run of 30, 60 or 100 words that has most of a question's terms, each of which counts by how common its word is:

    `meets`: minus the decimal logarithm of how many runs of the talks would have as much of them by chance;
    `covered`: which share of them it has, the mean over the three lengths; `asked`: the logarithm of 1 and
    their number; `nearest`: the greatest cosine with a unit, None without vectors."""

    meets: float
    covered: float
    asked: float
    nearest: float | None


def evidence(search: Search, questions: Sequence[str]) -> list[Evidence]:
    """The figures of each question. Raises IndexFault if the index is broken where it is read."""
    found = []
    for at in range(0, len(questions), AT_ONCE):
        asked = questions[at : at + AT_ONCE]
        cosines = search.nearest(list(asked))
        for number, question in enumerate(asked):
            nearest = None if cosines is None else float(cosines[number])
            found.append(Evidence(*_by_words(search, question), nearest))
    return found


def _by_words(search: Search, question: str) -> tuple[float, float, float]:
    weights = search.weights(question)
    asked = math.log1p(len(weights))
    alike = {form: search.terms_like(form) for form in weights}
    known = [form for form in weights if alike[form]]
    read = search.read_by_words(search.terms(question)) if known else None
    if read is None:
        return 0.0, 0.0, asked
    sentences, titles = read
    units = search.totals["units"]
    counts = np.array([min(sum(count for _, count in alike[form]), units) for form in known])
    counted = np.array([weights[form] for form in known])
    told = np.round(PARTS * counted * np.log(1 + (units - counts + 0.5) / (counts + 0.5))).astype(int)
    in_sentences = _parts(known, alike, [set(row) for row in sentences.terms])
    if sentences.others is not None:
        in_sentences[:, [is_no_evidence(*row) for row in zip(sentences.others, sentences.text, strict=True)]] = 0
    in_titles = _parts(known, alike, [set(titles[talk]) for talk in sentences.talk])
    meets, covered = [], []
    for size in RUNS:
        has = np.maximum(_in_runs(sentences, in_sentences, size), in_titles)
        covered.append(float((counted @ has).max()) / sum(weights.values()))
        shares = 1 - (1 - counts / units) ** (size / UNIT)
        by_chance = units * share_that_reaches(told, shares, int((told @ has).max()))
        meets.append(-math.log10(max(by_chance, LEAST_SHARE)))
    return max(meets), sum(covered) / len(covered), asked


def is_no_evidence(is_others: bool, text: str) -> bool:
    """Whether a sentence is another's than the teacher's, and no question: what a host asks leads to what the teacher replies,
    what he claims doesn't."""
    return bool(is_others) and not ENDS_QUESTION.search(text)


def _parts(forms: list[str], alike: dict[str, list[tuple[str, int]]], rows: list[set[str]]) -> np.ndarray:
    """What rows of terms have of each stem (stems, rows): all of it, OTHER_FORM of it by a term that begins alike, or nothing."""
    others = {form: {term for term, _ in alike[form]} for form in forms}
    return np.array(
        [
            [1.0 if form in row else 0.0 if others[form].isdisjoint(row) else OTHER_FORM for row in rows]
            for form in forms
        ]
    )


def _in_runs(sentences: Sentences, values: np.ndarray, size: int) -> np.ndarray:
    """The greatest of each row of `values` (terms, sentences) over the run of `size` words that begins at each sentence."""
    first, ends = np.arange(len(sentences)), run_ends(sentences, size)
    with_end = np.pad(values, ((0, 0), (0, 1)))
    return np.maximum.reduceat(with_end, np.stack([first, ends], axis=1).ravel(), axis=1)[:, ::2]


def share_that_reaches(told: np.ndarray, shares: np.ndarray, reached: int) -> float:
    """How likely it is that terms tell `reached` together; each tells `told`, by chance in its share of all runs."""
    chances = np.zeros(told.sum() + 1)
    chances[0] = 1
    for tells, share in zip(told.tolist(), shares.tolist(), strict=True):
        there = np.concatenate([np.zeros(tells), chances[: len(chances) - tells]])
        chances = (1 - share) * chances + share * there
    return float(chances[reached:].sum())
