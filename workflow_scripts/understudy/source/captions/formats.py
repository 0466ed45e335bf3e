"""Caption files of all kinds read into segments: .vtt, .srt, .sbv, .ass, YouTube's .json3, .json of other tools, plain .txt.

All but .ass and .ssa are parsed here because none of the libraries keeps every word: pysubs2 takes a last line that is a number
for the next cue's, and webvtt-py passes over cues without a number or with a damaged time."""

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pysubs2 import SSAFile
from pysubs2.exceptions import Pysubs2Error

from understudy.shared.errors import InputFileError
from understudy.source.captions.cleaning import cleaned_segments
from understudy.source.captions.encoding import UnknownEncoding, decoded
from understudy.source.captions.language import language_of_code, usual_form
from understudy.source.captions.speakers import AnySegment, Segment, label_of, name_with_a_time, said_by
from understudy.source.captions.texts import front_matter_of, markdown_cues

# The suffixes that are read. Of two files of one talk in the same language, the one that comes first here is used.
SUFFIXES = (".json3", ".vtt", ".srt", ".json", ".txt", ".ass", ".ssa", ".sbv", ".md")
STAMP = r"(?:(\d{1,4}):)?(\d{1,3}):(\d{1,2}(?:[.,]\d{1,9})?)"
TIMING = re.compile(rf"\s*{STAMP}\s*-->\s*(?:{STAMP})?")
TIME_OF_LINE = re.compile(r"\s*\(?\[?(?:(\d{1,2}):)?(\d{1,3}):(\d{2}(?:[.,]\d{1,3})?)\]?\)?(?:\s+|$)")
# One of so many lines or more names who speaks and when.
FEWEST_NAMES_OF_LINES = 8
ARROW_OF_A_TIME = re.compile(r"\d\s*-->|-->\s*\d")
LISTS_OF_CUES = ("speakers", "snippets", "segments", "chunks", "transcription", "utterances")
# YouTube Studio's .sbv, and what Whisper's programs write to the terminal.
SBV_TIMING = re.compile(rf"^[^\S\n]*({STAMP})[^\S\n]*,[^\S\n]*({STAMP})[^\S\n]*$", re.MULTILINE)
TIMED_LINE = re.compile(rf"^[^\S\n]*\[({STAMP}[^\S\n]*-->[^\S\n]*{STAMP})\][^\S\n]*", re.MULTILINE)
VTT_LANGUAGE = re.compile(r"^Language:[^\S\n]*([A-Za-z0-9-]{2,40})[^\S\n]*$", re.MULTILINE)
VTT_TAG = re.compile(r"<(?:(?P<stays>/?v\b|br\b)|/?[A-Za-z0-9.]|/?(?=>))[^<>]*>", re.IGNORECASE)
VTT_NO_SPEECH = re.compile(r"NOTE(?:\s|$)|(?:STYLE|REGION)\s*$|WEBVTT(?:\s|$)")


UNREADABLE = (
    *(ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, RecursionError),
    Pysubs2Error,
)


class CaptionError(InputFileError):
    """A caption file has nothing that can be read as captions."""


def read_segments(path: str | Path) -> tuple[list[AnySegment], dict[str, int]]:
    """Return the cleaned segments of a caption file in the order of their times, and what was removed, by kind.

    Raises CaptionError, naming the file and where it can the line, if it is empty, damaged, or holds no captions."""
    return read_captions(path)[:2]


def read_captions(path: str | Path) -> tuple[list[AnySegment], dict[str, int], str | None]:
    """As `read_segments`, and the language that the file itself names, or None."""
    path = Path(path)
    try:
        text = decoded(path)
    except UnknownEncoding as error:
        raise CaptionError(str(error)) from None
    if not text.strip():
        raise CaptionError(f"{path} is empty.")
    kind = kind_of(text, path.suffix.lower())
    try:
        cues = READERS[kind](text)
        language = language_named(text, kind)
    except UNREADABLE as error:
        raise CaptionError(f"{path} can't be read as {kind} captions ({error}).") from None
    segments, removed = cleaned_segments(sorted(cues, key=lambda cue: cue.start_s or 0.0))
    if not segments:
        raise CaptionError(f"{path} holds no captions.")
    return segments, removed, language


def kind_of(text: str, suffix: str) -> str:
    """The kind of a file, as its first lines say it where they do: many a .srt is none, and .txt may be any."""
    beginning = text[:10_000].lstrip()
    if suffix in (".json", ".json3"):
        return suffix
    if beginning.startswith("WEBVTT"):
        return ".vtt"
    if beginning.startswith("[Script Info]"):
        return ".ass"
    if SBV_TIMING.match(beginning):
        return ".sbv"
    if suffix == ".txt" and (TIMED_LINE.match(beginning) or re.match(rf"(?:\d+\s+)?{TIMING.pattern}", beginning)):
        return ".srt"
    return suffix


def language_named(text: str, kind: str) -> str | None:
    """The language in a file's own head, in its usual form: WebVTT's `Language: en`, Whisper's `language`, a text's
    front matter."""
    code = None
    if kind == ".vtt":
        found = VTT_LANGUAGE.search(text.replace("\r", "\n").partition("-->")[0])
        code = found and found[1]
    elif kind in (".txt", ".md"):
        keys, _ = front_matter_of(text)
        code = keys.get("language", keys.get("lang"))
    elif kind == ".json":
        content = json.loads(text)
        if isinstance(content, dict):
            result = content.get("result")
            code = content.get("language", result.get("language") if isinstance(result, dict) else None)
    return usual_form(code) if isinstance(code, str) and language_of_code(code.replace("_", "-")) else None


def vtt_cues(text: str) -> list[Segment]:
    """Cues of WebVTT: any line that opens a block before a time is the cue's identifier; notes and styles are no speech."""
    lines = text.replace("\r\r\n", "\n").splitlines()
    cues = subtitle_cues(lines, lambda line, opens_block, cues: opens_block, is_no_speech=VTT_NO_SPEECH.match)
    return [cue._replace(text=VTT_TAG.sub(voice_on_one_line, cue.text)) for cue in cues]


def voice_on_one_line(tag: re.Match) -> str:
    """What stays of a tag of WebVTT, where all that is between < and > is one: who speaks, and a line break."""
    return tag[0].replace("\n", " ") if tag["stays"] else ""


def srt_cues(text: str) -> list[Segment]:
    """Cues of SubRip: a number before a time is the cue's number if it opens a block, or is the one that comes next."""

    def is_number(line: str, opens_block: bool, cues: int) -> bool:
        return line.isdecimal() and (opens_block or line == str(cues + 1))

    text = TIMED_LINE.sub(r"\n\1\n", text.replace("\r\r\n", "\n"))
    return subtitle_cues([line.strip() for line in text.splitlines()], is_number, is_no_speech=lambda line: False)


def sbv_cues(text: str) -> list[Segment]:
    """Cues of YouTube Studio's .sbv: a line with both times, and what is said under it."""
    lines = SBV_TIMING.sub(lambda both: f"{both[1]} --> {both[5]}", text.replace("\r\n", "\n")).splitlines()
    return subtitle_cues(lines, lambda line, opens_block, cues: False, is_no_speech=lambda line: False)


def ass_cues(text: str) -> list[AnySegment]:
    """Cues of SubStation Alpha. What is drawn is no speech, and a line for each layer (its shadow, its edge) is said once."""
    kind = "ssa" if "[V4 Styles]" in text else "ass"
    events = [event for event in SSAFile.from_string(text, kind) if not event.is_comment and not event.is_drawing]
    cues = {Segment(one.start / 1000, max(0, one.duration) / 1000, one.plaintext): label_of(one.name) for one in events}
    return [said_by(cue, cue.text, speaker) for cue, speaker in cues.items()]


def subtitle_cues(lines: list[str], is_identifier: Callable, is_no_speech: Callable) -> list[Segment]:
    """Cues of a subtitle file; the lines of a cue stay apart by `\\n`. What stands before the first time is a header.

    An empty line ends a block; a line of blanks doesn't, automatic WebVTT has them inside cues.
    Raises ValueError, naming the line, for an arrow without a start time."""
    cues: list[tuple[float, float, list[str]]] = []
    spoken: list[str] = []
    opens_block, passed_over, before_is_identifier, is_one_line = True, False, False, False
    next_number = alone = ""
    for number, line in enumerate([*lines, ""], 1):
        times = TIMING.match(line) if "-->" in line else None
        if times:
            if before_is_identifier or (alone == str(len(cues) + 1) and spoken[-1:] == [alone]):
                next_number = number_after(spoken.pop())
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
            is_one_line, opens_block = opens_block, False
        elif not line:
            if is_one_line and spoken and spoken[-1] == next_number:
                # The number of a cue that has no time, and no words.
                next_number = number_after(spoken.pop())
            alone = spoken[-1] if is_one_line and spoken else alone if opens_block else ""
            is_one_line = False
            opens_block, passed_over, before_is_identifier = True, False, False
    return [Segment(start_s, duration_s, "\n".join(text)) for start_s, duration_s, text in cues]


def number_after(line: str) -> str:
    """The next cue's number, if `line` is a number."""
    return str(int(line) + 1) if line.isascii() and line.isdecimal() and len(line) < 10 else ""


def seconds_of(hours: str | None, minutes: str, seconds: str) -> float:
    return int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds.replace(",", "."))


def json3_cues(text: str) -> list[Segment]:
    """Cues of YouTube's timed text in JSON."""
    return cues_of_events(json.loads(text)["events"])


def json_cues(text: str) -> list[AnySegment]:
    """Cues of a JSON file: a list of cues (or of lists), or a record that has one: youtube-transcript-api's `snippets`, Whisper's
    `segments`, Hugging Face's `chunks`, whisper.cpp's `transcription`, AssemblyAI's `utterances`, YouTube's own `events`; or
    Whisper's `text` alone."""
    content = json.loads(text)
    if isinstance(content, dict):
        if "events" in content:
            return cues_of_events(content["events"])
        found = next((content[key] for key in LISTS_OF_CUES if isinstance(content.get(key), list)), None)
        if found is None and isinstance(content.get("text"), str):
            return txt_cues(content["text"])
        if found is None:
            raise ValueError(f"it has none of {', '.join(LISTS_OF_CUES)}, events")
        if found is content.get("utterances"):
            found = [{**row, "offsets": {"from": row["start"], "to": row["end"]}} for row in found]
        content = found
    return [cue_of(row) for item in content for row in (item if isinstance(item, list) else [item])]


def cue_of(row: dict) -> AnySegment:
    """A row of a list of cues, with `start` and `duration` or `end` (s), `timestamp` (both, s) or `offsets` (ms)."""
    if "timestamp" in row:
        start, end = row["timestamp"]
        # A recording that ends within a chunk leaves its end out.
        start_s = seconds(start)
        end_s = start_s if end is None else seconds(end)
    elif "offsets" in row:
        start_s, end_s = (seconds(row["offsets"][key]) / 1000 for key in ("from", "to"))
    else:
        start_s = seconds(row["start"])
        end_s = (
            start_s + seconds(row["duration"])
            if "duration" in row
            else seconds(start_s if row["end"] is None else row["end"])
        )
    duration_s = seconds(row["duration"]) if "duration" in row else max(0.0, end_s - start_s)
    cue = Segment(start_s, duration_s, text_of(row["text"]))
    return said_by(cue, cue.text, speaker_in(row))


def speaker_in(row: dict) -> str | None:
    """Whom a cue of a JSON file names in its `speaker`, as whisperX does; a bare number is told to be a speaker's."""
    named = row.get("speaker")
    if isinstance(named, bool) or not isinstance(named, str | int):
        return None
    return f"SPEAKER_{int(named):02d}" if re.fullmatch(r"[0-9]{1,3}", str(named)) else label_of(str(named))


def cues_of_events(events: list[dict]) -> list[Segment]:
    """Cues of YouTube's events; those without words (windows, line feeds) are passed over."""
    cues = []
    for event in events:
        words = "".join(text_of(segment.get("utf8", "")) for segment in event.get("segs", []))
        if words.strip():
            start_s, duration_s = (seconds(event.get(key, 0)) / 1000 for key in ("tStartMs", "dDurationMs"))
            cues.append(Segment(start_s, duration_s, words))
    return cues


def txt_cues(text: str) -> list[AnySegment]:
    """One cue a line. Times, as YouTube's own transcript window copies them, are read where a third of the lines or more open
    with one and they never go back, or say who begins to speak then; otherwise the segments have none."""
    lines = [line for line in front_matter_of(text)[1].splitlines() if line.strip()]
    named = turns_under_names(lines)
    if named:
        return named
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


def turns_under_names(lines: list[str]) -> list[AnySegment]:
    """Cues of text in which `Anna Schmidt  0:03` stands over what is said, as Otter has it; otherwise none."""
    heads = [name_with_a_time(line) for line in lines]
    begins = [seconds_of(*head[1:]) for head in heads if head]
    if len(begins) < 2 or len(begins) * FEWEST_NAMES_OF_LINES < len(lines) or begins != sorted(begins):
        return []
    cues: list[AnySegment] = []
    speaker, start_s, ends = None, 0.0, [*begins, begins[-1]]
    for line, head in zip(lines, heads, strict=True):
        if head:
            speaker, start_s, ends = head[0], ends[0], ends[1:]
        else:
            cues.append(said_by(Segment(start_s, max(0.0, ends[0] - start_s), line), line, speaker))
    return cues


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


READERS = dict(
    zip(
        SUFFIXES,
        (json3_cues, vtt_cues, srt_cues, json_cues, txt_cues, ass_cues, ass_cues, sbv_cues, markdown_cues),
        strict=True,
    )
)
