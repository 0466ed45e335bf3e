"""The verdict: better, no difference shown, worse, and on what."""

import math
from dataclasses import dataclass
from typing import Literal

from understudy.evaluate.contexts import CONTEXTS_IN_WORDS
from understudy.evaluate.intervals import Interval, possible
from understudy.shared.formats import change_text, figure_text

Outcome = Literal["better", "no_difference", "worse"]
OPENINGS = {
    "better": "Better than the base.",
    "no_difference": "No difference from the base shown.",
    "worse": "Worse than the base.",
    "mixed": "Better than the base in part, worse in part.",
}
SIGN = {"lower": -1, "higher": 1}


@dataclass(frozen=True)
class Difference:
    """A measure of base and tuned: its name, what it is in words, which way is better, and the interval of tuned minus base."""

    measure: str
    says: str
    better: Literal["lower", "higher"]
    base: float
    tuned: float
    interval: Interval
    is_share: bool = False

    @property
    def outcome(self) -> Outcome:
        """A difference is shown when its interval excludes zero."""
        low, high = self.interval.low, self.interval.high
        if low is None or high is None or low <= 0 <= high:
            return "no_difference"
        return "better" if self.interval.estimate * SIGN[self.better] > 0 else "worse"

    def in_words(self) -> str:
        """As in `loss of the reference answers 2.31 instead of 2.95 (-0.640; 95 % interval -0.710 to -0.550, 28 videos)`."""
        shown = possible(self.interval, self.base) if self.is_share else self.interval
        low, high = shown.low, shown.high
        interval = "one video has no interval"
        if low is not None and high is not None:
            percent = f"{self.interval.confidence * 100:.3g} %"
            ends = " to ".join(change_text(end, self.is_share) for end in (low, high))
            interval = f"{percent} interval {ends}, {self.interval.videos} videos"
        return (
            f"{self.says} {figure_text(self.tuned, self.is_share)} instead of {figure_text(self.base, self.is_share)} "
            f"({change_text(self.interval.estimate, self.is_share)}; {interval})"
        )


@dataclass(frozen=True)
class Bound:
    """A share that may not be more than `most`, such as the general questions that the tuned model no longer answers."""

    measure: str
    says: str
    value: float
    most: float

    @property
    def is_broken(self) -> bool:
        """Whether the value is beyond; what is no number is."""
        return math.isnan(self.value) or self.value > self.most

    def in_words(self) -> str:
        return f"{self.says} {self.value * 100:.1f} %, more than {self.most * 100:g} %"


def verdict_of(differences: list[Difference], bounds: list[Bound]) -> dict:
    """Return `status` (better, no_difference, worse, mixed), `line` (what a person reads), `opening` and `reasons` (of which the
    line is made), and the measures' names by outcome.

    A broken bound counts as worse, so nothing with one is plainly better."""
    by_outcome = {
        outcome: [each for each in differences if each.outcome == outcome]
        for outcome in ("better", "worse", "no_difference")
    }
    broken = [bound for bound in bounds if bound.is_broken]
    status = status_of(bool(by_outcome["better"]), bool(by_outcome["worse"] or broken))
    reasons = reasons_of(by_outcome, broken)
    sentences = [f"{heading}: {'; '.join(said)}." for heading, said in reasons.items()]
    return {
        "status": status,
        "line": " ".join([OPENINGS[status], *sentences]),
        "opening": OPENINGS[status],
        "reasons": reasons,
        **{outcome: [each.measure for each in found] for outcome, found in by_outcome.items()},
        "beyond_bounds": [bound.measure for bound in broken],
    }


def status_of(is_better: bool, is_worse: bool) -> str:
    if is_better and is_worse:
        return "mixed"
    return "better" if is_better else "worse" if is_worse else "no_difference"


def reasons_of(by_outcome: dict[str, list[Difference]], broken: list[Bound]) -> dict[str, list[str]]:
    parts = {
        "Better": [each.in_words() for each in by_outcome["better"]],
        "Worse": [each.in_words() for each in by_outcome["worse"]],
        "Beyond its bound": [bound.in_words() for bound in broken],
        "No difference shown": [each.in_words() for each in by_outcome["no_difference"]],
    }
    return {heading: said for heading, said in parts.items() if said}


def beside_a_prompt(differences: list[Difference], context: str) -> dict:
    """Return `status` (ahead, level, behind, mixed, unknown: the tuned model's beside the base with a good prompt), `line`, and
    `reasons`. `differences` are of voice and truth, tuned minus prompted.

    Where the tuned model is ahead in nothing, a prompt would have done, and the line says so."""
    by_outcome = {
        outcome: [each for each in differences if each.outcome == outcome]
        for outcome in ("better", "worse", "no_difference")
    }
    status = status_beside_a_prompt(differences, by_outcome)
    sentences = {
        "ahead": "It does more than a prompt.",
        "level": "A prompt would have done: no difference from the base with a good prompt is shown.",
        "behind": "A prompt would have done better.",
        "mixed": "It does more than a prompt in part, and less in part.",
        "unknown": "One talk is too little to say whether a prompt would have done.",
    }
    said = {
        "ahead of the prompted base": by_outcome["better"],
        "behind it": by_outcome["worse"],
        "level with it": by_outcome["no_difference"],
    }
    reasons = [f"{where}: {each.in_words()}" for where, found in said.items() for each in found]
    line = f"{sentences[status]} Beside the prompted base, {CONTEXTS_IN_WORDS[context]}: {'; '.join(reasons)}."
    return {"status": status, "opening": sentences[status], "line": line, "reasons": reasons}


def status_beside_a_prompt(differences: list[Difference], by_outcome: dict[Outcome, list[Difference]]) -> str:
    if all(each.interval.low is None for each in differences):
        return "unknown"
    if by_outcome["better"]:
        return "mixed" if by_outcome["worse"] else "ahead"
    return "behind" if by_outcome["worse"] else "level"
