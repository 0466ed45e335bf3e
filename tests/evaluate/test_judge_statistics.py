"""A judge's verdicts: who wins, and planted effects of order and length are found for what they are."""

import numpy as np
import pytest

from understudy.evaluate.judge.statistics import judge_statistics


def judged(rows=240, videos=20, skill=0.0, first=0.0, length=0.0, longer=0.0, ties=0.2, seed=1) -> list[dict]:
    """What a judge says who prefers A by `skill`, the first by `first`, the longer by `length` (in log-odds); A is longer by
    `longer` standard deviations."""
    random = np.random.default_rng(seed)
    records = []
    for row in range(rows):
        lengths = {"length_a": int(200 + 50 * (longer + random.normal())), "length_b": int(200 + 50 * random.normal())}
        advantage = skill + length * (lengths["length_a"] - lengths["length_b"]) / 70
        for order, sign in (("AB", 1), ("BA", -1)):
            tied, first_wins = random.random() < ties, random.random() < 1 / (1 + np.exp(-(first + sign * advantage)))
            verdict = "tie" if tied else "first" if first_wins else "second"
            records.append({"row": row, "video_id": f"v{row % videos}", "order": order, "verdict": verdict, **lengths})
    return records


def holds(interval, value: float) -> bool:
    return interval.low <= value <= interval.high


def test_without_any_effect_all_is_even():
    found = judge_statistics(judged())
    for name in ("win_rate", "win_rate_at_equal_length", "first_wins"):
        assert holds(found[name], 0.5), name
    assert (found["rows"], found["incomplete_rows"]) == (240, 0)
    assert found["wins"] + found["losses"] + found["undecided"] == 240


def test_a_better_side_wins():
    found = judge_statistics(judged(skill=1.5))
    assert found["win_rate"].low > 0.55 and found["win_rate_at_equal_length"].low > 0.55
    assert holds(found["first_wins"], 0.5)
    assert found["wins"] > 3 * found["losses"]


@pytest.mark.parametrize("first", [0.8, -0.8])
def test_a_planted_effect_of_the_order_is_found_and_does_not_decide(first):
    found = judge_statistics(judged(first=first), confidence=0.99)
    assert not holds(found["first_wins"], 0.5)
    assert (found["first_wins"].estimate > 0.5) == (first > 0)
    assert holds(found["win_rate"], 0.5)


def test_the_effect_of_the_order_is_not_found_more_often_than_its_interval_says():
    wrong = [
        not holds(judge_statistics(judged(rows=60, videos=10, seed=seed))["first_wins"], 0.5) for seed in range(100)
    ]
    assert sum(wrong) <= 0.05 * 100 + 3 * (0.05 * 0.95 * 100) ** 0.5


def test_who_wins_by_length_alone_does_not_win_at_equal_length():
    found = judge_statistics(judged(length=1.5, longer=1.0))
    assert found["win_rate"].low > 0.55
    assert holds(found["win_rate_at_equal_length"], 0.5)


def test_who_is_better_wins_at_equal_length_too_though_shorter():
    found = judge_statistics(judged(skill=1.0, length=1.5, longer=-0.7))
    assert found["win_rate_at_equal_length"].low > 0.55 > found["win_rate"].estimate


def test_the_regression_is_least_squares():
    records = judged(rows=80, skill=0.5, length=1.0)
    found = judge_statistics(records)["win_rate_at_equal_length"].estimate
    points = {"AB": {"first": 1, "tie": 0.5, "second": 0}, "BA": {"first": 0, "tie": 0.5, "second": 1}}
    scores = [np.mean([points[r["order"]][r["verdict"]] for r in records[at : at + 2]]) for at in range(0, 160, 2)]
    longer = np.array([record["length_a"] - record["length_b"] for record in records[::2]], float)
    influence = np.tanh(longer / np.sqrt((longer**2).mean()))
    assert found == pytest.approx(np.polyfit(influence, scores, 1)[1])


def test_a_judge_that_always_takes_the_first_agrees_with_itself_never():
    records = [{**record, "verdict": "first"} for record in judged(rows=30, videos=5)]
    found = judge_statistics(records)
    assert found["agreement"].estimate == 0
    assert found["first_wins"][:3] == (1, 1, 1)
    assert found["win_rate"].estimate == 0.5
    assert (found["wins"], found["losses"], found["undecided"]) == (0, 0, 30)


def test_a_row_without_its_second_order_is_left_out_and_counted():
    records = judged(rows=10, videos=5)[:-1]
    found = judge_statistics(records)
    assert (found["rows"], found["incomplete_rows"]) == (9, 1)


def test_equal_lengths_and_no_rows_break_nothing():
    same = [{**record, "length_a": 9, "length_b": 9} for record in judged(rows=12, videos=4, skill=1.0)]
    found = judge_statistics(same)
    assert found["win_rate_at_equal_length"] == pytest.approx(found["win_rate"])
    assert judge_statistics([])["win_rate"] is None
