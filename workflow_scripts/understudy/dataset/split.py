"""The split by video: shares of the rows as near to the configured ones as whole videos allow, and no video ever changes its
side.

Balance and stability together need a memory: data/dataset/split.json, which the rule reads before it writes it."""

import hashlib
import math
from collections import Counter
from itertools import permutations

from understudy.shared.errors import UnderstudyError
from understudy.shared.log import log

SIDES = ("train", "valid", "test")
# The schema's maxima of dataset.valid_fraction and dataset.test_fraction.
MOST_PERCENT = {"valid": 50, "test": 40}


class EmptySplitError(UnderstudyError):
    """The talks don't give every side a video."""


class UnusableSplitError(UnderstudyError):
    """A side has fewer rows than training takes at a time."""


def remembered_sides(record: object, seed: int, fractions: dict[str, float]) -> dict[str, str]:
    """Return the sides of an earlier split, by video_id; none, with a warning, if `record` was made with another seed or other
    fractions, or is damaged. None is a first build."""
    if record is None:
        return {}
    made_with = {"seed": seed, **{f"{side}_fraction": fraction for side, fraction in fractions.items()}}
    if not is_record(record, made_with):
        log.warning("data/dataset/split.json is damaged: the split is drawn anew, and videos may change their sides.")
        return {}
    changed = [
        f"dataset.{key} is {value}, was {record[key]}" for key, value in made_with.items() if record[key] != value
    ]
    if changed:
        log.warning("The split is drawn anew, and videos change their sides: %s.", ", ".join(changed))
        return {}
    return dict(record["videos"])


def is_record(record: object, made_with: dict) -> bool:
    return (
        isinstance(record, dict)
        and made_with.keys() <= record.keys()
        and isinstance(record.get("videos"), dict)
        and all(side in SIDES for side in map(str, record["videos"].values()))
    )


def split_of_videos(
    rows_of_video: dict[str, int], seed: int, fractions: dict[str, float], remembered: dict[str, str]
) -> dict[str, str]:
    """Return the side of every video: train, valid or test. `rows_of_video` counts rows, `fractions` has the shares of valid
    and test.

    A remembered video keeps its side, also while it has no rows. New ones go, in the order of a hash of seed and id, to the side
    that lacks most rows; then two of them are exchanged, or one moved, as long as that brings the shares nearer. Every side
    with a share gets a video: if all of one's are gone and no new one comes, the smallest of the others moves there, with a
    warning. Raises EmptySplitError if there are too few videos with rows."""
    wanted = {"train": 1 - sum(fractions.values()), **{side: share for side, share in fractions.items() if share}}
    present = {video: rows for video, rows in rows_of_video.items() if rows}
    if len(present) < len(wanted):
        raise EmptySplitError(
            f"The data set has pairs of {len(present)} video(s); a split by video into {', '.join(wanted)} needs {len(wanted)} "
            "or more. Add talks, or mend what took pairs out (docs/dataset.md)."
        )
    known = {video: side for video, side in remembered.items() if side in wanted}
    new = sorted(present.keys() - known.keys(), key=lambda video: place_of(video, seed))
    lacking = {side: share * sum(present.values()) for side, share in wanted.items()}
    for video in present.keys() & known.keys():
        lacking[known[video]] -= present[video]
    empty = [side for side in wanted if not any(known.get(video) == side for video in present)]
    placed = in_turn(new, present, lacking, empty)
    exchange(placed, present, lacking, empty)
    return with_no_side_empty(known | placed, present, wanted, seed)


def in_turn(new: list[str], rows: dict[str, int], lacking: dict[str, float], empty: list[str]) -> dict[str, str]:
    """Place each new video on the side that lacks most rows; when no more are left than sides are `empty`, on one of those.

    `lacking` is brought up to date."""
    placed: dict[str, str] = {}
    for left, video in zip(range(len(new), 0, -1), new, strict=True):
        still_empty = [side for side in empty if side not in placed.values()]
        candidates = still_empty if len(still_empty) >= left else list(lacking)
        placed[video] = max(candidates, key=lambda side: lacking[side])
        lacking[placed[video]] -= rows[video]
    return placed


def exchange(placed: dict[str, str], rows: dict[str, int], lacking: dict[str, float], empty: list[str]) -> None:
    """Move a placed video, or exchange two, as long as that lessens the squares of what the sides lack; a side in `empty` keeps
    one.

    The first video of each size stands for all of its size, so that a step costs the number of sizes squared."""
    while True:
        first_of_size: dict[str, dict[int, str]] = {side: {0: ""} for side in lacking}
        for video, side in placed.items():
            first_of_size[side].setdefault(rows[video], video)
        most = Counter(placed.values())
        steps = [
            (gain(lacking, one, other, out - back), one, other, first_of_size[one][out], first_of_size[other][back])
            for one, other in permutations(lacking, 2)
            for out in first_of_size[one]
            for back in first_of_size[other]
            if out > back and (back or one not in empty or most[one] > 1)
        ]
        best = max(steps, key=lambda step: step[0], default=(0,))
        # Rounding alone is no gain.
        if best[0] <= 1e-6:
            return
        _, one, other, out, back = best
        moved = rows[out] - rows.get(back, 0)
        lacking[one] += moved
        lacking[other] -= moved
        placed[out] = other
        if back:
            placed[back] = one


def gain(lacking: dict[str, float], one: str, other: str, moved: int) -> float:
    """By how much the squares of what two sides lack shrink when `moved` rows go from one to the other."""
    before = lacking[one] ** 2 + lacking[other] ** 2
    return before - (lacking[one] + moved) ** 2 - (lacking[other] - moved) ** 2


def with_no_side_empty(
    sides: dict[str, str], present: dict[str, int], wanted: dict[str, float], seed: int
) -> dict[str, str]:
    """Move one video to each side whose own are all gone: the smallest of the side that has most videos."""
    sides = dict(sides)
    for side in wanted:
        if not any(sides[video] == side for video in present):
            fullest = Counter(sides[video] for video in sorted(present)).most_common(1)[0][0]
            movable = [video for video in present if sides[video] == fullest]
            moved = min(movable, key=lambda video: (present[video], place_of(video, seed)))
            log.warning("No video of %s is left: %s moves there from %s.", side, moved, fullest)
            sides[moved] = side
    return sides


def place_of(video_id: str, seed: int) -> str:
    """A place among videos that depends on seed and id alone."""
    return hashlib.sha256(f"{seed}:{video_id}".encode()).hexdigest()


def check_usable(
    rows: dict[str, int], rows_of_video: dict[str, int], batch_size: int, fractions: dict[str, float], seed: int
) -> None:
    """Raise UnusableSplitError if mlx_lm could not make a single batch of a side, with what would do.

    `rows` counts the rows of each side, `rows_of_video` those of each video. A share that the error names is one with which
    the split has been tried."""
    for side in ("valid", "train", *(["test"] if fractions.get("test") else [])):
        if rows.get(side, 0) < batch_size:
            smaller = f"lower training.batch_size to {rows[side]}" if rows.get(side) else "add talks"
            share = share_that_would_do(side, rows_of_video, batch_size, fractions, seed)
            raise UnusableSplitError(
                f"data/dataset/{side}.jsonl would have {rows.get(side, 0)} rows, and training.batch_size is {batch_size}: "
                "mlx_lm can't use fewer rows than a batch. "
                + (
                    f"Raise dataset.{side}_fraction from {fractions[side]:g} to {share:.2f}, or {smaller}."
                    if share
                    else f"Add {batch_size - rows.get(side, 0)} rows or more, by further talks, or {smaller}. "
                    "logs/dataset.log says what was left out."
                )
            )


def share_that_would_do(
    side: str, rows_of_video: dict[str, int], batch_size: int, fractions: dict[str, float], seed: int
) -> float | None:
    """Return the smallest larger share of `side`, in hundredths, with which every side has a batch; None if there is none, or
    the side has no share."""
    if sum(map(bool, rows_of_video.values())) < len(SIDES):
        # Of two videos each side has one, whatever the share.
        return None
    for percent in range(math.floor(100 * fractions.get(side, 1)) + 1, MOST_PERCENT.get(side, 0) + 1):
        tried = {**fractions, side: percent / 100}
        if sum(tried.values()) >= 1:
            return None
        if sum(rows_of_video.values()) * percent < batch_size * 100:
            continue
        counted: Counter[str] = Counter()
        for video, assigned in split_of_videos(rows_of_video, seed, tried, {}).items():
            counted[assigned] += rows_of_video[video]
        if all(counted[each] >= batch_size for each in ("train", *(name for name in tried if tried[name]))):
            return percent / 100
    return None
