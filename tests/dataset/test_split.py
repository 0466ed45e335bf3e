"""The split by video: balanced, the same every time, and no video ever changes its side."""

import logging
import re
from itertools import product
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.dataset.split import (
    EmptySplitError,
    UnusableSplitError,
    check_usable,
    remembered_sides,
    split_of_videos,
)

FRACTIONS = {"valid": 0.2, "test": 0.0}
ids = st.text("abcXYZ019_-", min_size=11, max_size=11)
counts = st.dictionaries(ids, st.integers(0, 15), min_size=4, max_size=40).filter(
    lambda rows: sum(map(bool, rows.values())) >= 4
)
two_or_more = st.dictionaries(ids, st.integers(1, 30), min_size=3, max_size=25)
seeds = st.integers(0, 1000)
fractions = st.builds(
    lambda valid, test: {"valid": valid, "test": test}, st.floats(0.05, 0.5), st.sampled_from([0.0, 0.1, 0.3])
)


def rows_by_side(rows: dict[str, int], sides: dict[str, str]) -> dict[str, int]:
    counted = {"train": 0, "valid": 0, "test": 0}
    for video, count in rows.items():
        if count:
            counted[sides[video]] += count
    return counted


def sides_with_rows(rows: dict[str, int], sides: dict[str, str]) -> set[str]:
    return {side for side, count in rows_by_side(rows, sides).items() if count}


@given(counts, seeds, fractions)
def test_every_side_has_a_video_and_the_shares_are_met_within_one_video(rows, seed, shares):
    sides = split_of_videos(rows, seed, shares, {})
    wanted = {"train": 1 - sum(shares.values()), **{side: share for side, share in shares.items() if share}}
    found = rows_by_side(rows, sides)
    assert {side for side, count in found.items() if count} == set(wanted)
    total, largest = sum(rows.values()), max(rows.values())
    for side, share in wanted.items():
        assert abs(found[side] - share * total) <= largest * len(wanted), side


@given(counts, seeds, fractions)
def test_it_is_the_same_every_time_whatever_the_order(rows, seed, shares):
    backwards = dict(reversed(rows.items()))
    assert split_of_videos(rows, seed, shares, {}) == split_of_videos(backwards, seed, shares, {})


@given(counts, counts, counts, seeds, fractions)
def test_no_video_moves_when_others_come_and_go(first, second, third, seed, shares):
    before = split_of_videos(first, seed, shares, {})
    after = split_of_videos({**first, **second}, seed, shares, before)
    assert before.items() <= after.items()
    # What is gone is remembered; a side of which all is gone takes one video from another side.
    without = split_of_videos(third, seed, shares, after)
    moved = [video for video in after if without[video] != after[video]]
    assert len(moved) <= 2
    assert sides_with_rows(third, without) == sides_with_rows(first, before)


def test_the_shares_are_those_that_whole_videos_allow():
    rows = {f"video{number:06d}": 10 + number % 5 for number in range(148)}
    held_out = rows_by_side(rows, split_of_videos(rows, 42, FRACTIONS, {}))["valid"]
    assert abs(held_out / sum(rows.values()) - 0.2) < 14 / sum(rows.values())
    nine = {f"video{number:06d}": 11 for number in range(9)}
    assert rows_by_side(nine, split_of_videos(nine, 9, FRACTIONS, {})) == {"train": 77, "valid": 22, "test": 0}


def test_the_memory_counts_only_for_the_same_seed_and_fractions():
    record = {"seed": 1, "valid_fraction": 0.2, "test_fraction": 0.0, "videos": {"a": "valid"}}
    assert remembered_sides(record, 1, FRACTIONS) == {"a": "valid"}
    assert remembered_sides(record, 2, FRACTIONS) == {}
    assert remembered_sides(record, 1, {"valid": 0.3, "test": 0.0}) == {}
    for damaged in (None, [], {**record, "videos": ["a"]}, {**record, "videos": {"a": "both"}}):
        assert remembered_sides(damaged, 1, FRACTIONS) == {}


@pytest.mark.parametrize(
    ("rows", "shares", "needed"), [({"a": 5, "b": 0}, FRACTIONS, 2), ({"a": 1, "b": 1}, {"valid": 0.2, "test": 0.2}, 3)]
)
def test_too_few_videos_are_no_split(rows, shares, needed):
    with pytest.raises(EmptySplitError, match=f"needs {needed} or more"):
        split_of_videos(rows, 1, shares, {})


@pytest.mark.parametrize(
    ("rows", "batch_size", "says"),
    [
        ([90, 90, 3], 4, r"valid.jsonl would have 3 rows, and training.batch_size is 4.*to 3"),
        ([3] * 10, 8, r"Raise dataset.valid_fraction from 0.2 to 0.2[5-9], or lower training.batch_size to 6"),
        ([3, 3], 4, r"valid.jsonl would have 3 rows.*Add 1 rows or more"),
    ],
)
def test_fewer_rows_than_a_batch_are_an_error_with_what_would_do(rows, batch_size, says):
    rows_of_video = {f"video{number:06d}": count for number, count in enumerate(rows)}
    counted = rows_by_side(rows_of_video, split_of_videos(rows_of_video, 1, FRACTIONS, {}))
    with pytest.raises(UnusableSplitError, match=says):
        check_usable(counted, rows_of_video, batch_size, FRACTIONS, 1)
    check_usable({"train": 8, "valid": 8}, {}, 8, FRACTIONS, 1)


def test_a_side_without_rows_wants_talks():
    with pytest.raises(UnusableSplitError, match=r"valid.jsonl would have 0 rows.*add talks"):
        check_usable({"train": 3}, {"a": 3}, 1, FRACTIONS, 1)


def distance(rows: dict[str, int], sides: dict[str, str], shares: dict[str, float]) -> float:
    """The sum of the squares of the rows that each side lacks or has too many."""
    found, total = rows_by_side(rows, sides), sum(rows.values())
    wanted = {"train": 1 - sum(shares.values()), **shares}
    return sum((found[side] - wanted[side] * total) ** 2 for side in wanted)


def every_split(rows: dict[str, int]) -> list[dict[str, str]]:
    """All splits into train and valid with a video on both."""
    splits = [dict(zip(rows, sides, strict=True)) for sides in product(["train", "valid"], repeat=len(rows))]
    return [split for split in splits if set(split.values()) == {"train", "valid"}]


@settings(deadline=None)
@given(st.lists(two_or_more, min_size=2, max_size=6), st.integers(0, 99), fractions)
def test_over_any_builds_a_video_moves_only_to_a_side_that_would_be_empty(builds, seed, shares):
    remembered: dict[str, str] = {}
    for rows in builds:
        sides = split_of_videos(rows, seed, shares, remembered)
        present = {sides[video] for video in rows}
        assert present == {"train", "valid", *(["test"] if shares["test"] else [])}
        moved = [video for video in remembered if sides[video] != remembered[video]]
        for video in moved:
            assert not any(remembered.get(other) == sides[video] for other in rows)
        without = present - {remembered[video] for video in rows if video in remembered} if remembered else set()
        assert len(moved) <= max(0, len(without) - len(rows.keys() - remembered.keys()))
        assert set(sides) == set(remembered) | set(rows)
        remembered = sides


@settings(deadline=None)
@given(st.dictionaries(ids, st.integers(1, 30), min_size=2, max_size=8), st.floats(0.05, 0.5), st.integers(0, 99))
def test_few_videos_are_split_nearly_as_well_as_they_can_be(rows, valid, seed):
    shares = {"valid": valid, "test": 0.0}
    best = min(distance(rows, split, shares) for split in every_split(rows))
    found = distance(rows, split_of_videos(rows, seed, shares, {}), shares)
    assert found**0.5 <= best**0.5 + max(rows.values())


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(8, 15), min_size=40, max_size=150), st.floats(0.1, 0.5), st.integers(0, 99))
def test_no_share_is_missed_by_more_than_a_video(sizes, valid, seed):
    """As long as two sides differ by more than the smallest video of the fuller one, moving that one helps."""
    rows = {f"video{number:06d}": size for number, size in enumerate(sizes)}
    shares = {"valid": valid, "test": 0.1}
    found, total = rows_by_side(rows, split_of_videos(rows, seed, shares, {})), sum(sizes)
    surplus = [found[side] - share * total for side, share in {"train": 0.9 - valid, **shares}.items()]
    assert max(surplus) - min(surplus) <= max(sizes) + 1e-6


@pytest.mark.parametrize("seed", range(20))
def test_a_channel_meets_the_shares_within_a_row(seed):
    random = Random(seed)
    rows = {f"video{number:06d}": random.randint(8, 15) for number in range(148)}
    for shares in ({"valid": 0.2, "test": 0.0}, {"valid": 0.1, "test": 0.1}):
        found, total = rows_by_side(rows, split_of_videos(rows, seed, shares, {})), sum(rows.values())
        assert all(abs(found[side] - share * total) <= 1 for side, share in shares.items())


def test_the_seed_chooses_among_videos_that_all_differ_in_size():
    rows = {f"video{number:06d}": 10 + number for number in range(50)}
    splits = [split_of_videos(rows, seed, FRACTIONS, {}) for seed in range(40)]
    held_out = [frozenset(video for video, side in split.items() if side == "valid") for split in splits]
    assert len(set(held_out)) == 40
    # Every video, the largest too, is held out by some seed.
    assert frozenset().union(*held_out) == set(rows)


def test_a_large_and_a_small_video_are_the_right_way_round():
    for seed in range(20):
        assert split_of_videos({"large": 100, "small": 5}, seed, FRACTIONS, {}) == {
            "large": "train",
            "small": "valid",
        }


def test_new_videos_fill_a_side_that_is_gone_before_an_old_one_moves(caplog):
    remembered = {"a": "train", "b": "train", "gone": "valid"}
    assert split_of_videos({"a": 9, "b": 9, "new": 1}, 1, FRACTIONS, remembered) == {**remembered, "new": "valid"}
    # Also one that is much larger than the share.
    assert split_of_videos({"a": 9, "b": 9, "new": 99}, 1, FRACTIONS, remembered) == {**remembered, "new": "valid"}
    assert not caplog.records
    with caplog.at_level(logging.WARNING):
        moved = split_of_videos({"a": 9, "b": 5}, 1, FRACTIONS, remembered)
    assert moved == {**remembered, "b": "valid"}
    assert "No video of valid is left: b moves there from train." in caplog.text


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"seed": 2}, "dataset.seed is 1, was 2"),
        ({"valid_fraction": 0.3}, "dataset.valid_fraction is 0.2, was 0.3"),
        ({"videos": None}, "split.json is damaged"),
        ({"videos": {"a": ["valid"]}}, "split.json is damaged"),
    ],
)
def test_a_memory_that_is_not_used_is_said(changes, says, caplog):
    record = {"seed": 1, "valid_fraction": 0.2, "test_fraction": 0.0, "videos": {"a": "valid"}}
    with caplog.at_level(logging.WARNING):
        assert remembered_sides({**record, **changes}, 1, FRACTIONS) == {}
    assert says in caplog.text


def test_a_first_build_and_a_used_memory_are_silent(caplog):
    record = {"seed": 1, "valid_fraction": 0.2, "test_fraction": 0.0, "videos": {"a": "valid"}}
    assert remembered_sides(None, 1, FRACTIONS) == {}
    assert remembered_sides(record, 1, FRACTIONS) == {"a": "valid"}
    assert not caplog.records


@settings(deadline=None)
@given(two_or_more, st.integers(2, 30), st.floats(0.02, 0.4), st.integers(0, 99))
def test_the_fraction_that_an_error_names_would_do(rows, batch_size, valid, seed):
    shares = {"valid": valid, "test": 0.0}
    counted = rows_by_side(rows, split_of_videos(rows, seed, shares, {}))
    try:
        check_usable(counted, rows, batch_size, shares, seed)
    except UnusableSplitError as error:
        named = re.search(r"valid_fraction from \S+ to (\S+),", str(error))
        if named:
            better = {"valid": float(named[1]), "test": 0.0}
            check_usable(rows_by_side(rows, split_of_videos(rows, seed, better, {})), rows, batch_size, better, seed)
        lower = re.search(r"batch_size to (\d+)", str(error))
        assert not lower or int(lower[1]) < batch_size
