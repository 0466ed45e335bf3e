"""The passage of its talk that an answer rests on: what is said there, so that a person can judge whether the answer is true."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from understudy.passages.cutting import plain_line
from understudy.passages.sources import link_to
from understudy.shared.files import read_json
from understudy.text.voices import turns_of

# Characters of one passage; an answer whose words stand all over a talk has its beginning.
LONGEST = 4000


class RestsOn(NamedTuple):
    """What is said, as one line, and the address of the video at its second, None for a local file."""

    text: str = ""
    link: str | None = None


def passages_of_pairs(
    pairs: list[dict], transcripts: Iterable[str], source_files: Mapping[str, str | None] | None = None
) -> list[RestsOn]:
    """What is said in each pair's span of its talk; nothing for a pair without a span or a talk.

    `transcripts` are the files, each with its video's id as its name. `source_files` are the caption files of the talks; without
    them one with captions of its own has no link."""
    files = {Path(path).stem: path for path in transcripts}
    wanted: dict[str, list[int]] = {}
    for number, pair in enumerate(pairs):
        if pair["start_s"] is not None and pair["video_id"] in files:
            wanted.setdefault(pair["video_id"], []).append(number)
    passages = [RestsOn()] * len(pairs)
    for video_id, numbers in wanted.items():
        # One talk in memory at a time.
        transcript = read_json(files[video_id])
        is_known = transcript.get("kind") != "file" or source_files is not None
        for number in numbers:
            start_s, end_s = pairs[number]["start_s"], pairs[number]["end_s"]
            link = link_to(video_id, (source_files or {}).get(video_id), start_s, None) if is_known else ""
            said = said_in(transcript["segments"], start_s, end_s)
            passages[number] = RestsOn(said, link if link.startswith("https://") else None)
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
