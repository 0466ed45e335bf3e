"""The split by video: shares of the rows as near to the configured ones as whole videos allow, and no video ever changes its
side.

Balance and stability together need a memory: data/dataset/split.json, which the rule reads before it writes it."""

import hashlib
import math
from collections import Counter

from lib.errors import UnderstudyError

SIDES = ("train", "valid", "test")


class EmptySplitError(UnderstudyError):
    """The talks don't give every side a video."""


class UnusableSplitError(UnderstudyError):
    """A side has fewer rows than training takes at a time."""


def remembered_sides(record: object, seed: int, fractions: dict[str, float]) -> dict[str, str]:
    """Return the sides of an earlier split, by video_id; none if it was made with another seed or other fractions, or is
    damaged."""
    made_with = {"seed": seed, **{f"{side}_fraction": fraction for side, fraction in fractions.items()}}
    if not isinstance(record, dict) or {key: record.get(key) for key in made_with} != made_with:
        return {}
    videos = record.get("videos")
    if not isinstance(videos, dict) or not set(map(str, videos.values())) <= set(SIDES):
        return {}
    return videos


def split_of_videos(
    rows_of_video: dict[str, int], seed: int, fractions: dict[str, float], remembered: dict[str, str]
) -> dict[str, str]:
    """Return the side of every video: train, valid or test. `rows_of_video` counts rows, `fractions` has the shares of valid
    and test.

    A remembered video keeps its side, also while it has no rows. New ones go to the side that lacks most rows, the largest first
    and equal ones in the order of a hash of seed and id. Every side with a share gets a video: if all of one's are gone, the
    smallest of the others moves there. Raises EmptySplitError if there are too few videos with rows."""
    wanted = {"train": 1 - sum(fractions.values()), **{side: share for side, share in fractions.items() if share}}
    present = {video: rows for video, rows in rows_of_video.items() if rows}
    if len(present) < len(wanted):
        raise EmptySplitError(
            f"The data set has pairs of {len(present)} video(s); a split by video into {', '.join(wanted)} needs {len(wanted)} "
            "or more. Add talks, or look into data/dataset/rejected.jsonl for what was left out."
        )
    sides = {video: side for video, side in remembered.items() if side in wanted}
    filled = Counter(dict.fromkeys(wanted, 0))
    for video, side in sides.items():
        filled[side] += present.get(video, 0)
    new = sorted(
        (video for video in present if video not in sides), key=lambda video: (-present[video], place_of(video, seed))
    )
    total = sum(present.values())
    for left, video in zip(range(len(new), 0, -1), new, strict=True):
        empty = [side for side in wanted if not filled[side]]
        candidates = empty if len(empty) >= left else list(wanted)
        sides[video] = max(candidates, key=lambda side: wanted[side] * total - filled[side])
        filled[sides[video]] += present[video]
    return with_no_side_empty(sides, present, wanted, seed)


def with_no_side_empty(
    sides: dict[str, str], present: dict[str, int], wanted: dict[str, float], seed: int
) -> dict[str, str]:
    """Move one video to each side whose own are all gone: the smallest of the side that has most videos."""
    sides = dict(sides)
    for side in wanted:
        if not any(sides[video] == side for video in present):
            fullest = Counter(sides[video] for video in present).most_common(1)[0][0]
            movable = [video for video in present if sides[video] == fullest]
            sides[min(movable, key=lambda video: (present[video], place_of(video, seed)))] = side
    return sides


def place_of(video_id: str, seed: int) -> str:
    """A place among videos that depends on seed and id alone."""
    return hashlib.sha256(f"{seed}:{video_id}".encode()).hexdigest()


def check_usable(rows: dict[str, int], batch_size: int, fractions: dict[str, float]) -> None:
    """Raise UnusableSplitError if mlx_lm could not make a single batch of a side, with what would do."""
    total = sum(rows.values())
    for side in ("valid", "train", *(["test"] if fractions.get("test") else [])):
        if rows.get(side, 0) < batch_size:
            raise UnusableSplitError(
                f"data/dataset/{side}.jsonl would have {rows.get(side, 0)} rows, and training.batch_size is {batch_size}: "
                "mlx_lm can't use "
                f"fewer rows than a batch. {what_would_do(side, rows, total, batch_size, fractions)}"
            )


def what_would_do(side: str, rows: dict[str, int], total: int, batch_size: int, fractions: dict[str, float]) -> str:
    smaller = f"lower training.batch_size to {rows[side]}" if rows.get(side) else "add talks"
    share = math.ceil(100 * batch_size / total) / 100 if total else 1.0
    most = {"valid": 0.5, "test": 0.4}
    if side in most and share <= most[side] and share > fractions[side]:
        return f"Raise dataset.{side}_fraction from {fractions[side]:g} to {share:.2f}, or {smaller}."
    return (
        f"Add {batch_size - rows.get(side, 0)} rows or more, by further talks, or {smaller}. "
        "data/dataset/rejected.jsonl says what was left out of the last data set."
    )
