"""What the report draws of an evaluation: differences as a forest plot, form and voice as strips, shares as bars.

Places are in percent of a picture's width; the page's template makes SVG of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from understudy.evaluate.figures import REFERENCE
from understudy.evaluate.intervals import Interval, possible
from understudy.evaluate.verdict import SIGN, Difference
from understudy.report.truth_table import LABELS, label
from understudy.shared.formats import change_text, figure_text

OUTCOMES = {"better": "better", "worse": "worse", "no_difference": "no difference shown", "mixed": "better and worse"}
STRIPS = ("tokens", "words_per_sentence", "headings", "bold", "list_items", "paragraphs")
JUDGE_FIGURES = {
    "win_rate": "the tuned model's answer is preferred",
    "win_rate_at_equal_length": "the same, with the length taken out",
    "agreement": "the judge says the same in both orders",
    "first_wins": "what is shown first is preferred",
}
TENTHS = (10, 90)
# Half the width of a picture, less room for a dot.
HALF = 46


def forest(evaluation: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Return one line a figure: its words, both values, the difference with its interval, and where they are drawn.

    To the right is better where one way is, and more otherwise; each line has a scale of its own."""
    model = evaluation["models"][name]
    other = evaluation["models"][model["compared_with"]]["figures"]
    judged = {figure for outcome in OUTCOMES for figure in model["verdict"].get(outcome, ())}
    return [
        {
            **forest_line(evaluation["figures"][figure], other[figure], model["figures"][figure], Interval(**interval)),
            "is_judged": figure in judged,
        }
        for figure, interval in model["differences"].items()
    ]


def forest_line(figure: dict[str, Any], base: float, tuned: float, interval: Interval) -> dict[str, Any]:
    is_share, better = figure["is_share"], figure["better"]
    outcome = Difference("", "", better, base, tuned, interval).outcome if better else None
    interval = possible(interval, base) if is_share else interval
    ends = [value for value in (interval.low, interval.high) if value is not None] or [interval.estimate]
    scale = max(map(abs, [interval.estimate, *ends])) or 1.0
    drawn = [place(value * SIGN.get(better, 1) / scale) for value in ends]
    return {
        "says": figure["says"],
        "better": better,
        "outcome": outcome,
        "outcome_in_words": OUTCOMES[outcome] if outcome else "neither way is better",
        "base": figure_text(base, is_share),
        "tuned": figure_text(tuned, is_share),
        "difference": change_text(interval.estimate, is_share),
        "interval": interval_text(interval, is_share),
        "low": min(drawn),
        "high": max(drawn),
        "at": place(interval.estimate * SIGN.get(better, 1) / scale),
    }


def interval_text(interval: Interval, is_share: bool) -> str:
    """As in `-5.3 to +2.8 points`."""
    if interval.low is None or interval.high is None:
        return "one talk has no interval"
    low, high = (change_text(end, is_share) for end in (interval.low, interval.high))
    return f"{low.removesuffix(' points')} to {high}"


def place(value: float) -> float:
    """Where a value from -1 to 1 is drawn."""
    return round(50 + HALF * value, 2)


def form_strips(evaluation: dict[str, Any]) -> list[dict[str, Any]]:
    """Return one picture a figure of the form: the references' and each model's mean, and where eight in ten answers lie."""
    rows = evaluation["rows"]
    counted = {REFERENCE: [row["reference_form"] for row in rows]} | {
        name: [row["answers"][name]["form"] for row in rows] for name in evaluation["models"]
    }
    return [
        strip(
            evaluation["figures"][figure], {name: [form[figure] for form in forms] for name, forms in counted.items()}
        )
        for figure in STRIPS
    ]


def voice_strip(evaluation: dict[str, Any]) -> dict[str, Any] | None:
    """Return the same of the probability of being the teacher's; None where one talk trained no classifier.

    The references' own is a mean alone: their rows have no probability."""
    if "voice" not in evaluation["figures"] or "voice" not in evaluation["references"]["figures"]:
        return None
    of_references = [evaluation["references"]["figures"]["voice"]]
    of_models = {name: [row["answers"][name]["voice"] for row in evaluation["rows"]] for name in evaluation["models"]}
    return strip(evaluation["figures"]["voice"], {REFERENCE: of_references, **of_models}, most=1.0)


def strip(figure: dict[str, Any], values: dict[str, Sequence[float]], most: float | None = None) -> dict[str, Any]:
    ends = {name: np.percentile(each, TENTHS) for name, each in values.items()}
    means = {name: float(np.mean(each)) for name, each in values.items()}
    most = most or max([*means.values(), *(high for _, high in ends.values())]) or 1.0
    return {
        "says": figure["says"],
        "reference": along(means[REFERENCE], most),
        "lines": [
            {
                "name": label(name),
                "kind": name if name in LABELS else "other",
                "mean": figure_text(means[name], figure["is_share"]),
                "range": " to ".join(figure_text(float(end), figure["is_share"]) for end in ends[name]),
                "low": along(ends[name][0], most),
                "high": along(ends[name][1], most),
                "at": along(means[name], most),
            }
            for name in values
        ],
    }


def along(value: float, most: float) -> float:
    """Where a value from 0 to `most` is drawn."""
    return round(4 + 92 * float(value) / most, 2)


def judge_lines(judge: dict[str, Any]) -> list[dict[str, Any]]:
    """Return one line a figure of judge.json, shares with their intervals; none without a complete row."""
    found = {says: Interval(**judge[figure]) for figure, says in JUDGE_FIGURES.items() if judge[figure]}
    return [
        {
            "says": says,
            "value": figure_text(interval.estimate, is_share=True),
            "interval": share_range(interval),
            "at": along(interval.estimate, 1),
            "low": along(interval.estimate if interval.low is None else max(interval.low, 0), 1),
            "high": along(interval.estimate if interval.high is None else min(interval.high, 1), 1),
        }
        for says, interval in found.items()
    ]


def share_range(interval: Interval) -> str:
    if interval.low is None or interval.high is None:
        return "one talk has no interval"
    return " to ".join(figure_text(end, is_share=True) for end in (interval.low, interval.high))


def general_bars(evaluation: dict[str, Any]) -> list[dict[str, Any]]:
    """Return one line a category of the general questions: how many each model answers rightly."""
    models = {name: model["general_questions"]["by_category"] for name, model in evaluation["models"].items()}
    return [
        {
            "category": category.replace("_", " "),
            "questions": asked["questions"],
            "models": [
                {
                    "name": label(name),
                    "kind": name if name in LABELS else "other",
                    "right": by_category[category]["right"],
                    "share": round(100 * by_category[category]["right"] / asked["questions"], 1),
                }
                for name, by_category in models.items()
            ],
        }
        for category, asked in models["base"].items()
    ]
