"""Caption files (.vtt, .srt, YouTube's .json3) read into segments, without the overlap of automatic captions."""

import base64
import hashlib
import html
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pysubs2

from lib.errors import ConfigurationError, InputFileError
from lib.job_log import log

SUFFIXES = (".vtt", ".srt", ".json3")
SOUND_TAG = re.compile(r"\[[^\[\]]{1,40}\]|\(\s*(?:music|applause|laughter)\s*\)", re.IGNORECASE)
PATH_VARIABLE = re.compile(r"[{}]|<[a-z][a-z0-9_]*>")
VTT_BLOCK = re.compile(r"(?<=\n\n)(?:NOTE|STYLE|REGION)\b.*?(?=\n\n|\Z)", re.DOTALL)
WORD_TIME = re.compile(r"<\d+:[\d:.]+>")
SPEAKER_MARK = re.compile(r"(?:^|\s)>>+\s*")
ID_IN_NAME = re.compile(r"\s*\[([A-Za-z0-9_-]{11})\]$")
LANGUAGE_IN_NAME = re.compile(r"\.([a-z]{2}(?:-[A-Za-z0-9]+)*)$")


class CaptionError(InputFileError):
    """A caption file has nothing that can be read as captions."""


class Segment(NamedTuple):
    """A stretch of speech; start and duration in seconds."""

    start_s: float
    duration_s: float
    text: str


class CaptionFile(NamedTuple):
    """What the name of a caption file says."""

    path: Path
    video_id: str
    title: str
    language: str | None


def caption_files(folder: str | Path) -> list[Path]:
    """Return the caption files of a folder in the order of their names.

    Raises ConfigurationError if there is no such folder, no caption file in it, or a name that no rule could take."""
    folder = Path(folder)
    found = sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not found:
        state = "has no caption files" if folder.is_dir() else "does not exist"
        raise ConfigurationError(
            f"source.captions_dir is {str(folder)!r}: the folder {state}. "
            f"It takes a folder with files that end in {', '.join(SUFFIXES)}."
        )
    for path in found:
        if PATH_VARIABLE.search(path.name):
            raise ConfigurationError(
                f"{path}: Snakemake would read a part of this name as a variable. Rename the file without {{ }} < >."
            )
    return found


def described_by_name(path: Path) -> CaptionFile:
    """Read title, id and language from a name such as `Title [ID].en.vtt`; without an id, one is made from the title."""
    stem = path.name[: -len(path.suffix)]
    language = LANGUAGE_IN_NAME.search(stem)
    if language:
        stem = stem[: language.start()]
    given = ID_IN_NAME.search(stem)
    title = stem[: given.start()] if given else stem
    title = " ".join(title.split()) or stem
    return CaptionFile(path, given.group(1) if given else id_from_title(title), title, language and language.group(1))


def id_from_title(title: str) -> str:
    """An id of YouTube's length that stays the same as long as the title does."""
    return base64.urlsafe_b64encode(hashlib.sha256(title.encode("utf-8", "replace")).digest())[:11].decode()


def read_segments(path: str | Path) -> list[Segment]:
    """Return the segments of a caption file in the order of their times, cleaned.

    Raises CaptionError if the file is empty, damaged, or holds no captions."""
    path = Path(path)
    text = decoded(path.read_bytes())
    if not text.strip():
        raise CaptionError(f"{path} is empty.")
    read = {".vtt": subtitle_cues, ".srt": subtitle_cues, ".json3": json3_cues}[path.suffix.lower()]
    try:
        cues = read(text, path.suffix.lower().lstrip("."))
    except (pysubs2.Pysubs2Error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CaptionError(f"{path} can't be read as {path.suffix} captions ({error}).") from None
    segments = [Segment(cue.start_s, cue.duration_s, cleaned(cue.text)) for cue in without_rolling_overlap(cues)]
    segments = [segment for segment in segments if segment.text]
    if not segments:
        raise CaptionError(f"{path} holds no captions.")
    return segments


def decoded(data: bytes) -> str:
    """Decode UTF-8 with or without BOM, UTF-16 with BOM; anything else is taken for Windows' Latin-1."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
        log.warning(
            "Not UTF-8: read as Windows' Latin-1. If that is wrong, save the file as UTF-8. It begins: %.60r", text
        )
        return text


def subtitle_cues(text: str, kind: str) -> list[Segment]:
    """Cues of a .vtt or .srt file; the lines of a cue stay apart by `\\n`."""
    text = VTT_BLOCK.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    events = pysubs2.SSAFile.from_string(text, format_=kind)
    return [
        Segment(event.start / 1000, (event.end - event.start) / 1000, WORD_TIME.sub("", event.plaintext))
        for event in events
    ]


def json3_cues(text: str, kind: str) -> list[Segment]:
    """Cues of YouTube's timed text in JSON; events without words (windows, line feeds) are passed over."""
    cues = []
    for event in json.loads(text)["events"]:
        words = "".join(segment.get("utf8", "") for segment in event.get("segs", []))
        if words.strip():
            cues.append(Segment(event.get("tStartMs", 0) / 1000, event.get("dDurationMs", 0) / 1000, words))
    return cues


def without_rolling_overlap(cues: list[Segment]) -> list[Segment]:
    """Remove what automatic captions show twice: lines at a cue's start that still stand from the cue before.

    Only where most cues do so; elsewhere a repeated line was said twice."""
    lines = [[line.strip() for line in cue.text.split("\n") if line.strip()] for cue in cues]
    overlaps = [shared_lines(before, after) for before, after in pairwise([[], *lines])]
    if sum(overlap > 0 for overlap in overlaps) * 2 < len(cues):
        return cues
    return [
        cue._replace(text="\n".join(own[overlap:])) for cue, own, overlap in zip(cues, lines, overlaps, strict=True)
    ]


def shared_lines(before: list[str], after: list[str]) -> int:
    """How many lines at the end of `before` are the lines at the start of `after`."""
    for count in range(min(len(before), len(after)), 0, -1):
        if before[-count:] == after[:count]:
            return count
    return 0


def cleaned(text: str) -> str:
    """Remove sound tags, speaker marks and HTML entities; white space becomes single blanks."""
    text = html.unescape(text).encode("utf-8", "replace").decode()
    text = SPEAKER_MARK.sub(" ", SOUND_TAG.sub(" ", text))
    return " ".join(text.split())
