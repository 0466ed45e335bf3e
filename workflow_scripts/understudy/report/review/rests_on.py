"""The passage of its talk that an answer rests on: what is said there, so that a person can judge whether the answer is true."""

from collections.abc import Iterable
from pathlib import Path

from understudy.passages.cutting import plain_line
from understudy.shared.files import read_json
from understudy.text.voices import turns_of

# Characters of one passage; an answer whose words stand all over a talk has its beginning.
LONGEST = 4000


def passages_of_pairs(pairs: list[dict], transcripts: Iterable[str]) -> list[str]:
    """What is said in each pair's span of its talk, as one line; empty for a pair without a span or a talk.

    `transcripts` are the files, each with its video's id as its name."""
    files = {Path(path).stem: path for path in transcripts}
    wanted: dict[str, list[int]] = {}
    for number, pair in enumerate(pairs):
        if pair["start_s"] is not None and pair["video_id"] in files:
            wanted.setdefault(pair["video_id"], []).append(number)
    passages = [""] * len(pairs)
    for video_id, numbers in wanted.items():
        # One talk in memory at a time.
        segments = read_json(files[video_id])["segments"]
        for number in numbers:
            passages[number] = said_in(segments, pairs[number]["start_s"], pairs[number]["end_s"])
    return passages


def said_in(segments: list[list], start_s: float, end_s: float) -> str:
    """The text of the segments that lie in a span, or reach into it; with who speaks, where the captions name somebody."""
    inside = [
        segment
        for segment in segments
        if segment[0] is not None and segment[0] < end_s and segment[0] + segment[1] > start_s
    ]
    turns = (f"{turn.speaker}: {turn.text}" if turn.speaker else turn.text for turn in turns_of(inside))
    text = plain_line(" ".join(turns))
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."
