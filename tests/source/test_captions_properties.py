"""Whatever a caption file holds: no word is lost that is not on the removal list, and reading is linear."""

import gc
import json
import re
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from understudy.source.captions.cleaning import cleaned_segments
from understudy.source.captions.formats import READERS, CaptionError, read_segments
from understudy.source.captions.speakers import Segment

SUFFIXES = sorted(READERS)
REMOVED = [
    "[Music]",
    "[ applause ]",
    "(Laughter)",
    "\u266a",
    ">>",
    ">> ANNA:",
    "<i>",
    "</i>",
    "<c.colorE5E5E5>",
    "\u200b",
    "{\\an8}",
]
LETTERS = st.characters(categories=["Lu", "Ll", "Lo", "Nd"])
SMALL_FILES = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@st.composite
def marked_cues(draw):
    """Lines of words, each word of its own cue, with things to remove between them; and the words alone."""
    cues, words = [], []
    for number in range(draw(st.integers(1, 12))):
        spoken = [
            f"w{word}{number}"
            for word in draw(st.lists(st.text(LETTERS, min_size=1, max_size=6), min_size=1, max_size=6))
        ]
        words += spoken
        parts = [part for word in spoken for part in (word, *draw(st.lists(st.sampled_from(REMOVED), max_size=2)))]
        cues.append("".join(part + draw(st.sampled_from([" ", "  ", "\n"])) for part in parts).strip())
    return cues, words


def stamp(seconds: int, comma: str = ".") -> str:
    return f"00:{seconds // 60:02d}:{seconds % 60:02d}{comma}000"


def file_of(cues: list[str], suffix: str) -> str:
    """The cues as a file of a kind, two seconds each."""
    timed = [(2 * number, text) for number, text in enumerate(cues)]
    if suffix == ".json3":
        events = [{"tStartMs": start * 1000, "dDurationMs": 2000, "segs": [{"utf8": text}]} for start, text in timed]
        return json.dumps({"events": events})
    if suffix == ".json":
        return json.dumps([{"text": text, "start": start, "duration": 2} for start, text in timed])
    if suffix == ".txt":
        return "\n".join(cues)
    comma, head = (",", "") if suffix == ".srt" else (".", "WEBVTT\n\n")
    return head + "\n\n".join(
        f"{number}\n{stamp(start, comma)} --> {stamp(start + 2, comma)}\n{text}"
        for number, (start, text) in enumerate(timed, 1)
    )


@pytest.mark.parametrize("suffix", SUFFIXES)
@SMALL_FILES
@given(marked=marked_cues())
def test_every_word_is_kept_in_its_place(tmp_path, suffix, marked):
    cues, words = marked
    path = tmp_path / f"a{suffix}"
    path.write_text(file_of(cues, suffix), encoding="utf-8")
    segments, _ = read_segments(path)
    assert " ".join(segment.text for segment in segments).split() == words


@SMALL_FILES
@given(lines=st.lists(st.text(LETTERS, min_size=1, max_size=8), min_size=4, max_size=30))
def test_rolling_captions_say_each_line_once(lines):
    lines = [f"{line} {number}" for number, line in enumerate(lines)]
    cues = [Segment(0, 1, lines[0])]
    for before, line in pairwise(lines):
        cues += [Segment(0, 0.01, before), Segment(0, 2, f"{before}\n{line}")]
    segments, removed = cleaned_segments(cues)
    assert [segment.text for segment in segments] == lines
    assert removed["repeated_lines"] == 2 * (len(lines) - 1)


@pytest.mark.parametrize("suffix", SUFFIXES)
@SMALL_FILES
@given(
    content=st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace")))
)
def test_any_bytes_are_read_or_are_a_caption_error(tmp_path, suffix, content):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    try:
        segments, _ = read_segments(path)
    except CaptionError as error:
        assert str(path) in str(error)
    else:
        assert segments and all(segment.text.strip() for segment in segments)
        json.dumps(segments, allow_nan=False)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["events", "segs", "utf8", "tStartMs", "text", "start", "end", "duration", "segments", "snippets"]
            ),
            inner,
        )
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("suffix", [".json", ".json3"])
@SMALL_FILES
@given(content=JSON)
def test_any_json_is_read_or_is_a_caption_error(tmp_path, suffix, content):
    path = tmp_path / f"a{suffix}"
    path.write_text(json.dumps(content))
    try:
        segments, _ = read_segments(path)
    except CaptionError:
        return
    json.dumps(segments, allow_nan=False)


HOSTILE = {
    "brackets": "[" * 10,
    "half a tag": "<c " + "x" * 7,
    "marks": ">" * 10,
    "half a time": "00:00:01.000 --> 9",
    "half an entity": "&#1111111",
    "dashes": "-  -  -  -",
    "notes": "NOTE x\n--x\n",
    "times": "00:00:01.000 --> 00:00:02.000\nx y z\n\n",
    "one line": "word word ",
    "rolling": "00:00:01.000 --> 00:00:02.000\na b\na b\na b\na b\na b\n\n",
}


@pytest.mark.parametrize("suffix", [".vtt", ".srt", ".txt"])
@pytest.mark.parametrize("kind", HOSTILE)
def test_reading_is_linear_also_for_hostile_files(tmp_path, kind, suffix):
    """32 times the file takes about 32 times as long; where something is quadratic, 1,024 times. The bound lies in the middle."""
    small, large = (fastest_reading(tmp_path / f"{size}{suffix}", HOSTILE[kind] * size) for size in (1_000, 32_000))
    assert large / small < 180, f"{small:.4f} s, then {large:.3f} s"


def fastest_reading(path: Path, text: str) -> float:
    """Seconds of this process to read the file, the best of three, without collecting the garbage of the tests before it."""
    path.write_text(re.sub(r"\A", "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n", text))
    took = []
    gc.disable()
    try:
        for _ in range(3):
            started = time.process_time()
            read_segments_or_none(path)
            took.append(time.process_time() - started)
    finally:
        gc.enable()
    return max(min(took), 1e-3)


def read_segments_or_none(path: Path):
    try:
        return read_segments(path)
    except CaptionError:
        return None
