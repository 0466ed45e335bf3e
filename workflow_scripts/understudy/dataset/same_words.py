"""Talks that share long runs of words: a second upload, or a Short that was cut from a talk. They are one talk for the split.

A talk of a pair is no test of what was learned from the other."""

from collections import defaultdict
from collections.abc import Iterable
from itertools import combinations

import numpy as np
import pandas as pd

from understudy.dataset.split import SIDES, place_of, split_of_videos
from understudy.text.words import words_of

# A run of so many words in a row is looked for; recognised speech differs in every twentieth word between two uploads.
RUN = 8
# A greeting or a sponsor's text recurs in many talks, and has fewer words than this.
LONG_RUN = 100
# Of the shorter talk so much stands in the longer one, too, where it is a copy or a part; and so many words at least.
SHARE = 0.5
FEWEST_WORDS = 30
# One of so many runs is compared with those of all talks; pairs that share one are compared whole.
ONE_IN = 8


def talks_of_the_same_words(transcripts: Iterable[dict]) -> list[list[str]]:
    """The ids of talks that share long runs of words, in groups of two and more; ids and groups in order."""
    runs = {
        record["video_id"]: runs_of(words)
        for record in transcripts
        if len(words := words_of(record["text"])) >= FEWEST_WORDS
    }
    leader = {video: video for video in runs}

    def leader_of(video: str) -> str:
        while leader[video] != video:
            video = leader[video]
        return video

    for one, other in sorted(candidates(runs)):
        first, second = sorted((leader_of(one), leader_of(other)))
        if first != second and have_the_same_words(runs[one], runs[other]):
            leader[second] = first
    groups = defaultdict(list)
    for video in sorted(runs):
        groups[leader_of(video)].append(video)
    return [videos for videos in groups.values() if len(videos) > 1]


def runs_of(words: list[str]) -> np.ndarray:
    """A number for each run of RUN words, in their order."""
    each = pd.util.hash_array(np.array(words, dtype=object), categorize=False)
    # Odd multipliers, so that the order of the words counts; what is beyond 64 bits falls off.
    multipliers = np.random.default_rng(0).integers(1, 2**63, RUN, dtype=np.uint64) | np.uint64(1)
    return np.lib.stride_tricks.sliding_window_view(each, RUN) @ multipliers


def candidates(runs: dict[str, np.ndarray]) -> set[tuple[str, str]]:
    """Pairs of talks that share one of the runs that are drawn. A run of many talks is a greeting."""
    videos = sorted(runs)
    drawn = [np.unique(runs[video][runs[video] % np.uint64(ONE_IN) == 0]) for video in videos]
    numbers = np.repeat(np.arange(len(drawn)), [len(one) for one in drawn])
    if not len(numbers):
        return set()
    shared = pd.Series(numbers).groupby(np.concatenate(drawn)).agg(list)
    return {
        (videos[one], videos[other])
        for holders in shared[shared.map(len).between(2, 10)]
        for one, other in combinations(sorted(holders), 2)
    }


def have_the_same_words(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether a long run of words is in both, or runs that are half of the shorter talk."""
    shorter, longer = sorted((one, other), key=len)
    in_both = np.isin(shorter, longer)
    covered = np.convolve(in_both, np.ones(RUN, int)) > 0
    ends = np.flatnonzero(np.diff(np.concatenate(([0], covered.astype(int), [0]))))
    longest = max((ends[1::2] - ends[::2]), default=0)
    return bool(longest >= LONG_RUN or covered.sum() >= max(FEWEST_WORDS, SHARE * len(covered)))


def split_of_talks(
    rows_of_video: dict[str, int],
    seed: int,
    fractions: dict[str, float],
    remembered: dict[str, str],
    groups: list[list[str]],
) -> dict[str, str]:
    """As `split_of_videos`, where the videos of a group are one: new ones go where an old one is, and where old ones are on both
    sides, to the held-out one."""
    present_sides = {"train", *(side for side, share in fractions.items() if share)}
    known = {video: side for video, side in remembered.items() if side in present_sides}
    stands_for = {}
    for group in groups:
        new = [video for video in group if video not in known]
        placed = sorted(set(group) & known.keys(), key=lambda video: (-SIDES.index(known[video]), video))
        for video in new:
            stands_for[video] = placed[0] if placed else min(new, key=lambda each: place_of(each, seed))
    rows: dict[str, int] = {}
    for video, count in rows_of_video.items():
        unit = stands_for.get(video, video)
        rows[unit] = rows.get(unit, 0) + count
    sides = split_of_videos(rows, seed, fractions, remembered)
    return sides | {
        video: sides[unit] for video, unit in stands_for.items() if unit in sides and rows_of_video.get(video)
    }


def lost_to_held_out(groups: list[list[str]], sides: dict[str, str], rows_of_video: dict[str, int]) -> dict[str, str]:
    """The training talks whose words a held-out talk with rows has, too, with that talk."""
    lost = {}
    for group in groups:
        held_out = [video for video in group if sides.get(video) in SIDES[1:] and rows_of_video.get(video)]
        lost |= {video: held_out[0] for video in group if held_out and sides.get(video) == "train"}
    return lost
