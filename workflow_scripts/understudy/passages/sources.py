"""A passage with its place: title, second and link, all of it safe to show. What it quotes is a stranger's text."""

import math
import re
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath

from understudy.passages.cutting import plain_line
from understudy.passages.terms import forms_of, normal, words_in

VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{11}")
WEB_ADDRESS = re.compile(r"https?://[^\s/]")
VIDEO_ADDRESS = "https://www.youtube.com/watch?"
NO_TIMES = "no times"


@dataclass(frozen=True)
class Passage:
    """`start_s` and `end_s` are seconds of the talk, None for one without times; `published` is a date or None; `score` is
    comparable within one search only. `speaker` is whom the captions name, `is_others` whether that is not the teacher."""

    video_id: str
    title: str
    published: str | None
    source_file: str | None
    start_s: float | None
    end_s: float | None
    text: str
    link: str
    score: float
    speaker: str | None = None
    is_others: bool = False

    def as_record(self) -> dict:
        """What `understudy search --json` prints."""
        names = ["video_id", "title", "start_s", "end_s", "text", "link", "score"]
        names += ["speaker", "is_others"] if self.speaker else []
        return {name: asdict(self)[name] for name in names}

    def heading(self) -> str:
        """Title, year and time, and who speaks, where captions name somebody: `Compost in a small corner (2024), 2:06, Ben`."""
        speaker = f", {self.speaker}" if self.speaker else ""
        return self.place() + speaker + (" (not the teacher)" if self.is_others else "")

    def place(self) -> str:
        """Title, year and time: `Compost in a small corner (2024), 2:06`."""
        year = f" ({self.published[:4]})" if self.published else ""
        return f"{self.title}{year}, {NO_TIMES if self.start_s is None else clock(self.start_s)}"


def where_from(video: dict) -> str | None:
    """Where a talk of data/videos.json is from if not from YouTube: the address that its text gives, or its file."""
    file, address = video["source_file"], video.get("url")
    if file is None or f"[{video['video_id']}]" in file or address is None or not WEB_ADDRESS.match(address):
        return file
    # A file that is used for a video of the channel has the video's address.
    return file if address.startswith(VIDEO_ADDRESS) else address


def link_to(video_id: str, source_file: str | None, start_s: float | None, talk_end_s: float | None) -> str:
    """The address of the video at a second, made of its id alone; the address of a text; or a local file's name and the time.

    A caption file whose name has an id, as yt-dlp writes it, `Title [ID].en.vtt`, is of that video. The second lies within the
    talk; without times the link leads to the start."""
    second = None if start_s is None else second_within(start_s, talk_end_s)
    if VIDEO_ID.fullmatch(video_id) and (source_file is None or f"[{video_id}]" in source_file):
        return f"https://youtu.be/{video_id}" + ("" if second is None else f"?t={second}")
    if source_file is not None and WEB_ADDRESS.match(source_file):
        return plain_line(source_file)
    name = plain_line(PurePosixPath(source_file or video_id).name)
    return name + (f", {NO_TIMES}" if second is None else f", {clock(second)}")


def second_within(start_s: float, talk_end_s: float | None) -> int:
    """The whole second before `start_s`, not behind the talk's last one."""
    last = start_s if talk_end_s is None else min(start_s, max(math.ceil(talk_end_s) - 1, 0))
    return max(math.floor(last), 0)


def clock(seconds: float) -> str:
    """2:06, or 1:02:06 from an hour on."""
    minutes, second = divmod(math.floor(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def with_marks(text: str, terms: set[str], languages: list[str | None], before: str, after: str) -> str:
    """The text with `before` and `after` around each word that has one of the searched terms."""
    parts, at = [], 0
    for start, end in words_in(text):
        word = text[start:end]
        if any(terms.intersection(forms_of(normal(word), language)) for language in languages):
            parts += [text[at:start], before, word, after]
            at = end
    return "".join([*parts, text[at:]])
