"""Caption files of all kinds read into segments: .vtt, .srt, YouTube's .json3, .json of other tools, plain .txt.

Subtitle files are parsed here because none of the libraries keeps every word: pysubs2 takes a last line that is a number for the
next cue's, and webvtt-py passes over cues without a number or with a damaged time."""

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from understudy.shared.errors import InputFileError
from understudy.shared.log import log
from understudy.source.captions.cleaning import cleaned_segments
from understudy.source.captions.speakers import AnySegment, Segment, label_of, said_by

STAMP = r"(?:(\d{1,4}):)?(\d{1,3}):(\d{1,2}(?:[.,]\d{1,9})?)"
TIMING = re.compile(rf"\s*{STAMP}\s*-->\s*(?:{STAMP})?")
TIME_OF_LINE = re.compile(r"\s*\(?\[?(?:(\d{1,2}):)?(\d{1,3}):(\d{2})\]?\)?(?:\s+|$)")
ARROW_OF_A_TIME = re.compile(r"\d\s*-->|-->\s*\d")
VTT_NO_SPEECH = re.compile(r"NOTE(?:\s|$)|(?:STYLE|REGION)\s*$|WEBVTT(?:\s|$)")


class CaptionError(InputFileError):
    """A caption file has nothing that can be read as captions."""


def read_segments(path: str | Path) -> tuple[list[AnySegment], dict[str, int]]:
    """Return the cleaned segments of a caption file in the order of their times, and what was removed, by kind.

    Raises CaptionError, naming the file and where it can the line, if it is empty, damaged, or holds no captions."""
    path = Path(path)
    text = decoded(path)
    if not text.strip():
        raise CaptionError(f"{path} is empty.")
    try:
        cues = READERS[path.suffix.lower()](text)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, RecursionError) as error:
        raise CaptionError(f"{path} can't be read as {path.suffix} captions ({error}).") from None
    segments, removed = cleaned_segments(sorted(cues, key=lambda cue: cue.start_s or 0.0))
    if not segments:
        raise CaptionError(f"{path} holds no captions.")
    return segments, removed


def decoded(path: Path) -> str:
    """Decode UTF-8 with or without BOM, also with a few damaged signs, and UTF-16 with BOM; anything else that is text is taken
    for Windows' Latin-1.

    Raises CaptionError if it is no text at all."""
    data = path.read_bytes()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    if b"\0" in data:
        raise CaptionError(f"{path} is not text: it holds zero bytes.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        text = data.decode("utf-8-sig", "replace")
        damaged = text.count("\ufffd")
        if sum(character > "\x7f" for character in text) > 2 * damaged:
            log.warning("%s: %d damaged places in UTF-8, the first at byte %d.", path, damaged, error.start)
            return text
        text = data.decode("cp1252", "replace")
        log.warning(
            "%s is not UTF-8: read as Windows' Latin-1. If that is wrong, save the file as UTF-8. It begins: %.60r",
            path,
            text,
        )
        return text


def vtt_cues(text: str) -> list[Segment]:
    """Cues of WebVTT: any line that opens a block before a time is the cue's identifier; notes and styles are no speech."""
    lines = text.replace("\r\r\n", "\n").splitlines()
    return subtitle_cues(lines, lambda line, opens_block, cues: opens_block, is_no_speech=VTT_NO_SPEECH.match)


def srt_cues(text: str) -> list[Segment]:
    """Cues of SubRip: a number before a time is the cue's number if it opens a block, or is the one that comes next."""

    def is_number(line: str, opens_block: bool, cues: int) -> bool:
        return line.isdecimal() and (opens_block or line == str(cues + 1))

    lines = [line.strip() for line in text.replace("\r\r\n", "\n").splitlines()]
    return subtitle_cues(lines, is_number, is_no_speech=lambda line: False)


def subtitle_cues(lines: list[str], is_identifier: Callable, is_no_speech: Callable) -> list[Segment]:
    """Cues of a subtitle file; the lines of a cue stay apart by `\\n`. What stands before the first time is a header.

    An empty line ends a block; a line of blanks doesn't, automatic WebVTT has them inside cues.
    Raises ValueError, naming the line, for an arrow without a start time."""
    cues: list[tuple[float, float, list[str]]] = []
    spoken: list[str] = []
    opens_block, passed_over, before_is_identifier = True, False, False
    for number, line in enumerate(lines, 1):
        times = TIMING.match(line) if "-->" in line else None
        if times:
            if before_is_identifier:
                spoken.pop()
            start_s = seconds_of(*times.groups()[:3])
            end_s = seconds_of(*times.groups()[3:]) if times.group(5) else start_s
            spoken = []
            cues.append((start_s, max(0.0, end_s - start_s), spoken))
            opens_block = passed_over = before_is_identifier = False
        elif line.strip():
            passed_over = passed_over or bool(opens_block and is_no_speech(line))
            if not passed_over and ARROW_OF_A_TIME.search(line):
                raise ValueError(f"line {number}: no time before the arrow")
            before_is_identifier = not passed_over and is_identifier(line, opens_block, len(cues))
            if not passed_over:
                spoken.append(line)
            opens_block = False
        elif not line:
            opens_block, passed_over, before_is_identifier = True, False, False
    return [Segment(start_s, duration_s, "\n".join(text)) for start_s, duration_s, text in cues]


def seconds_of(hours: str | None, minutes: str, seconds: str) -> float:
    return int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds.replace(",", "."))


def json3_cues(text: str) -> list[Segment]:
    """Cues of YouTube's timed text in JSON."""
    return cues_of_events(json.loads(text)["events"])


def json_cues(text: str) -> list[AnySegment]:
    """Cues of a JSON file: youtube-transcript-api's list (or list of lists), its record with `snippets`, Whisper's with
    `segments`, or YouTube's own with `events`."""
    content = json.loads(text)
    if isinstance(content, dict):
        if "events" in content:
            return cues_of_events(content["events"])
        content = content["snippets"] if "snippets" in content else content["segments"]
    rows = [row for item in content for row in (item if isinstance(item, list) else [item])]
    cues = []
    for row in rows:
        start_s = seconds(row["start"])
        duration_s = seconds(row["duration"]) if "duration" in row else max(0.0, seconds(row["end"]) - start_s)
        cue = Segment(start_s, duration_s, text_of(row["text"]))
        cues.append(said_by(cue, cue.text, speaker_in(row)))
    return cues


def speaker_in(row: dict) -> str | None:
    """Whom a cue of a JSON file names in its `speaker`, as whisperX does; a bare number is told to be a speaker's."""
    named = row.get("speaker")
    if isinstance(named, int) and not isinstance(named, bool):
        return f"SPEAKER_{named:02d}"
    return label_of(named) if isinstance(named, str) else None


def cues_of_events(events: list[dict]) -> list[Segment]:
    """Cues of YouTube's events; those without words (windows, line feeds) are passed over."""
    cues = []
    for event in events:
        words = "".join(text_of(segment.get("utf8", "")) for segment in event.get("segs", []))
        if words.strip():
            start_s, duration_s = (seconds(event.get(key, 0)) / 1000 for key in ("tStartMs", "dDurationMs"))
            cues.append(Segment(start_s, duration_s, words))
    return cues


def txt_cues(text: str) -> list[Segment]:
    """One cue a line. Times, as YouTube's own transcript window copies them, are read where a third of the lines or more open
    with one and they never go back; otherwise the segments have none."""
    lines = [line for line in text.splitlines() if line.strip()]
    times = [TIME_OF_LINE.match(line) for line in lines]
    said = [seconds_of(*time.groups()) for time in times if time]
    if len(said) < 2 or len(said) * 3 < len(lines) or said != sorted(said):
        return [Segment(None, None, line) for line in lines]
    cues, start_s = [], 0.0
    for line, time in zip(lines, times, strict=True):
        if time:
            start_s, line = seconds_of(*time.groups()), line[time.end() :]
        if line.strip():
            cues.append(Segment(start_s, 0.0, line))
    ends = [cue.start_s for cue in cues[1:]] + [start_s]
    return [cue._replace(duration_s=max(0.0, end_s - cue.start_s)) for cue, end_s in zip(cues, ends, strict=True)]


def seconds(value: Any) -> float:
    """A number of a caption file. Raises ValueError if it is none, negative or endless."""
    number = float(value)
    if not math.isfinite(number) or number < 0:
        raise ValueError(f"{value} is no time")
    return number


def text_of(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is no text")
    return value


READERS = {".vtt": vtt_cues, ".srt": srt_cues, ".json3": json3_cues, ".json": json_cues, ".txt": txt_cues}
