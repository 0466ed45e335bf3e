"""The split by video: balanced, the same every time, and no video ever changes its side."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.split import EmptySplitError, UnusableSplitError, check_usable, remembered_sides, split_of_videos

FRACTIONS = {"valid": 0.2, "test": 0.0}
ids = st.text("abcXYZ019_-", min_size=11, max_size=11)
counts = st.dictionaries(ids, st.integers(0, 15), min_size=4, max_size=40).filter(
    lambda rows: sum(map(bool, rows.values())) >= 4
)
seeds = st.integers(0, 1000)
fractions = st.builds(
    lambda valid, test: {"valid": valid, "test": test}, st.floats(0.05, 0.5), st.sampled_from([0.0, 0.1, 0.3])
)


def rows_by_side(rows: dict[str, int], sides: dict[str, str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for video, count in rows.items():
        if count:
            found[sides[video]] = found.get(sides[video], 0) + count
    return found


@given(counts, seeds, fractions)
def test_every_side_has_a_video_and_the_shares_are_met_within_one_video(rows, seed, shares):
    sides = split_of_videos(rows, seed, shares, {})
    wanted = {"train": 1 - sum(shares.values()), **{side: share for side, share in shares.items() if share}}
    found = rows_by_side(rows, sides)
    assert set(found) == set(wanted)
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
    assert set(rows_by_side(third, without)) == set(rows_by_side(first, before))


def test_the_shares_are_those_that_whole_videos_allow():
    rows = {f"video{number:06d}": 10 + number % 5 for number in range(148)}
    held_out = rows_by_side(rows, split_of_videos(rows, 42, FRACTIONS, {}))["valid"]
    assert abs(held_out / sum(rows.values()) - 0.2) < 14 / sum(rows.values())
    nine = {f"video{number:06d}": 11 for number in range(9)}
    assert rows_by_side(nine, split_of_videos(nine, 9, FRACTIONS, {})) == {"train": 77, "valid": 22}


def test_another_seed_holds_out_others():
    rows = {f"video{number:06d}": 10 for number in range(50)}
    assert split_of_videos(rows, 1, FRACTIONS, {}) != split_of_videos(rows, 2, FRACTIONS, {})


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
        (
            {"train": 90, "valid": 3},
            4,
            r"valid.jsonl would have 3 rows, and training.batch_size is 4.*lower training.batch_size to 3",
        ),
        (
            {"train": 27, "valid": 3},
            8,
            r"Raise dataset.valid_fraction from 0.2 to 0.27, or lower training.batch_size to 3",
        ),
        ({"train": 3, "valid": 30}, 4, r"train.jsonl would have 3 rows.*Add 1 rows or more"),
        ({"train": 3}, 1, r"valid.jsonl would have 0 rows.*add talks"),
    ],
)
def test_fewer_rows_than_a_batch_are_an_error_with_what_would_do(rows, batch_size, says):
    with pytest.raises(UnusableSplitError, match=says):
        check_usable(rows, batch_size, FRACTIONS)
    check_usable({"train": 8, "valid": 8}, 8, FRACTIONS)
