"""Intervals over videos: they cover at their rate, in simulations, and widen with what the rows of a video share."""

import numpy as np
import pytest

from understudy.evaluate.intervals import (
    confidence_of_each,
    difference_of,
    drawn_rows,
    half_width,
    interval_of,
    mean_of,
    median_of,
    ratio_of,
)

SIMULATIONS = 4000
# Three standard errors of a share of 95 % among so many.
TOLERANCE = 3 * (0.95 * 0.05 / SIMULATIONS) ** 0.5


def simulated(videos: int, sizes: list[int], kind: str) -> tuple[list[str], np.ndarray]:
    """The videos of the rows, and a simulation a column: rows of one video share half of their variance. Their mean is 0."""
    random = np.random.default_rng(videos)
    video_of_row = np.repeat(np.arange(videos), [sizes[video % len(sizes)] for video in range(videos)])
    of_video = {
        "normal": lambda shape: random.normal(0, 1, shape),
        "heavy tails": lambda shape: random.standard_t(3, shape),
        "skewed": lambda shape: 0.4 * (random.exponential(1, shape) - 1),
    }[kind]((videos, SIMULATIONS))
    rows = of_video[video_of_row] + random.normal(0, 1, (len(video_of_row), SIMULATIONS))
    return [f"{video:02d}" for video in video_of_row], rows


def covered(video_ids: list[str], rows: np.ndarray, confidence: float = 0.95) -> float:
    resampled = mean_of_columns(drawn_rows(video_ids), rows)
    half = half_width(resampled, len(set(video_ids)), confidence)
    return float(np.mean(np.abs(rows.mean(axis=0)) <= half))


def mean_of_columns(drawn: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return drawn @ rows / drawn.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("videos", [3, 5, 10, 30])
def test_an_interval_covers_at_its_rate(videos):
    video_ids, rows = simulated(videos, [12], "normal")
    assert covered(video_ids, rows) == pytest.approx(0.95, abs=TOLERANCE)
    assert covered(video_ids, rows, 0.8) == pytest.approx(0.8, abs=3 * (0.8 * 0.2 / SIMULATIONS) ** 0.5)


@pytest.mark.parametrize("kind", ["normal", "heavy tails", "skewed"])
@pytest.mark.parametrize("videos", [5, 10, 30])
def test_it_nearly_does_with_unequal_videos_and_other_distributions(kind, videos):
    assert 0.905 <= covered(*simulated(videos, [3, 10, 17, 24], kind)) <= 0.975


def test_what_was_not_chosen_does_not_cover():
    """Percentiles of the same resamples, and resamples of rows as if each were a video of its own."""
    video_ids, rows = simulated(5, [12], "normal")
    resampled = mean_of_columns(drawn_rows(video_ids), rows)
    low, high = np.quantile(resampled, [0.025, 0.975], axis=0)
    assert np.mean((low <= 0) & (high >= 0)) < 0.88
    assert covered([f"{row}" for row in range(len(rows))], rows) < 0.6


def test_one_figure_gets_the_interval_that_the_simulations_check():
    video_ids, rows = simulated(6, [4], "normal")
    found = interval_of(mean_of(rows[:, 0]), video_ids)
    half = half_width(mean_of_columns(drawn_rows(video_ids), rows[:, :1]), 6, 0.95)[0]
    assert (found.low, found.high) == pytest.approx((found.estimate - half, found.estimate + half))
    assert (found.estimate, found.confidence, found.videos) == (pytest.approx(rows[:, 0].mean()), 0.95, 6)
    assert found == interval_of(mean_of(rows[:, 0]), video_ids)


def test_a_mean_is_weighed_by_sizes():
    """The loss of a token, not of a row."""
    values, sizes = [2.0, 4.0, 4.0], [10, 30, 60]
    assert interval_of(mean_of(values, sizes), ["a", "b", "b"]).estimate == pytest.approx(3.8)


def test_both_sides_of_a_difference_are_drawn_together():
    base = np.array([1.0, 5.0, 9.0, 20.0])
    found = interval_of(difference_of(mean_of(base - 1), mean_of(base)), list("abcd"))
    assert (found.low, found.high) == pytest.approx((-1, -1))


def test_the_same_answers_have_a_difference_of_nothing():
    values = [0.1, 0.7, 0.30000000000000004, 0.2]
    assert interval_of(difference_of(mean_of(values), mean_of(values)), list("aabb"))[:3] == (0, 0, 0)


def test_one_video_has_no_interval():
    found = interval_of(mean_of([1, 2]), ["a", "a"])
    assert (found.estimate, found.low, found.high, found.videos) == (1.5, None, None, 1)


def test_what_is_no_number_is_not_taken_for_one():
    with pytest.raises(ValueError, match="not a finite number"):
        interval_of(mean_of([1, float("nan"), 3]), list("abc"))


def test_intervals_of_several_figures_hold_together():
    """Of six independent figures without any difference, one in twenty times some interval excludes zero, not one in four."""
    each = confidence_of_each(6)
    assert each == pytest.approx(1 - 0.05 / 6)
    video_ids, rows = simulated(10, [6], "normal")
    half = half_width(mean_of_columns(drawn_rows(video_ids), rows), 10, each)
    wrong = (np.abs(rows.mean(axis=0)) > half)[: SIMULATIONS - SIMULATIONS % 6].reshape(-1, 6).any(axis=1)
    assert wrong.mean() < 0.05 + 3 * (0.05 * 0.95 / len(wrong)) ** 0.5


def test_a_ratio_is_of_sums_and_a_resample_without_any_size_has_that_of_the_whole():
    ratio = ratio_of([1, 0, 3], [2, 0, 4])
    assert ratio(np.array([[1, 1, 1], [2, 0, 0], [0, 5, 0]])) == pytest.approx([4 / 6, 1 / 2, 4 / 6])


def test_a_median_weighs_each_row_by_how_often_it_was_drawn():
    median = median_of([3.0, 1.0, 2.0])
    assert median(np.array([[1.0, 1, 1], [3, 1, 1], [0, 1, 1], [0, 3, 1]])).tolist() == [2, 3, 1, 1]
