"""The verdict says better, no difference shown, worse, and on what; nothing with a broken bound is plainly better."""

import json

import pytest

from understudy.evaluate.intervals import Interval
from understudy.evaluate.verdict import Bound, Difference, verdict_of


def difference(measure="loss", better="lower", low=-0.71, high=-0.55, videos=28, **others):
    estimate = (low + high) / 2 if low is not None else -0.6
    values = {"says": "loss of the reference answers", "base": 2.95, "tuned": 2.95 + estimate, **others}
    return Difference(measure, better=better, interval=Interval(estimate, low, high, 0.95, videos), **values)


MEMORISING = Bound("memorising", "answers that repeat training answers", 0.31, 0.05)
FORGETTING = Bound("forgetting", "general questions no longer answered right", 0.02, 0.05)


@pytest.mark.parametrize(
    ("better", "low", "high", "outcome"),
    [
        ("lower", -2, -1, "better"),
        ("lower", 1, 2, "worse"),
        ("higher", 1, 2, "better"),
        ("higher", -2, -1, "worse"),
        ("lower", -1, 0.1, "no_difference"),
        ("higher", 0, 0, "no_difference"),
        ("lower", -1, 0, "no_difference"),
        ("lower", None, None, "no_difference"),
    ],
)
def test_a_difference_is_shown_when_its_interval_excludes_zero(better, low, high, outcome):
    assert difference(better=better, low=low, high=high).outcome == outcome


@pytest.mark.parametrize(
    ("outcomes", "bound", "status"),
    [
        (["better", "no_difference"], FORGETTING, "better"),
        (["no_difference", "no_difference"], FORGETTING, "no_difference"),
        (["worse", "no_difference"], FORGETTING, "worse"),
        (["better", "worse"], FORGETTING, "mixed"),
        (["better", "better"], MEMORISING, "mixed"),
        (["no_difference", "no_difference"], MEMORISING, "worse"),
        ([], FORGETTING, "no_difference"),
    ],
)
def test_the_status_weighs_all_of_them(outcomes, bound, status):
    bounds = {"better": (-2, -1), "worse": (1, 2), "no_difference": (-1, 1)}
    differences = [
        difference(f"m{place}", low=bounds[outcome][0], high=bounds[outcome][1])
        for place, outcome in enumerate(outcomes)
    ]
    verdict = verdict_of(differences, [bound])
    assert verdict["status"] == status
    for outcome in bounds:
        assert verdict[outcome] == [f"m{place}" for place, found in enumerate(outcomes) if found == outcome]
    assert verdict["beyond_bounds"] == (["memorising"] if bound is MEMORISING else [])
    json.dumps(verdict, allow_nan=False)


def test_the_line_says_on_what_and_by_how_much():
    endless = difference(
        "endless", low=0.1, high=0.3, says="answers without an end", base=0.0, tuned=0.2, is_share=True
    )
    line = verdict_of([difference(), endless], [MEMORISING, FORGETTING])["line"]
    assert line == (
        "Better than the base in part, worse in part. "
        "Better: loss of the reference answers 2.32 instead of 2.95 (-0.63; 95 % interval -0.71 to -0.55, 28 videos). "
        "Worse: answers without an end 20.0 % instead of 0.0 % (+20.0 points; 95 % interval +10.0 points to +30.0 points, "
        "28 videos). "
        "Beyond its bound: answers that repeat training answers 31.0 %, more than 5 %."
    )


def test_a_single_video_is_said():
    line = verdict_of([difference(low=None, high=None, videos=1)], [])["line"]
    assert line.startswith("No difference from the base shown. No difference shown: loss")
    assert "one video has no interval" in line


def test_a_bound_is_broken_beyond_it_and_by_what_is_no_number():
    assert not Bound("x", "x", 0.05, 0.05).is_broken
    assert Bound("x", "x", 0.051, 0.05).is_broken
    assert Bound("x", "x", float("nan"), 0.05).is_broken
