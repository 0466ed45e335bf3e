"""What a project's channel has given so far: of each listed video its captions, or why there are none."""

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from understudy.shared.files import read_json
from understudy.text.voices import Wanted, account_of_voices

NOT_FETCHED = "not fetched yet"
SIGNS = r"\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
WORD = re.compile(rf"[{SIGNS}]|[^\s{SIGNS}\u3000-\u303f]+")


class VideoAccount(NamedTuple):
    """One video. `status` is ok, unavailable, or `not fetched yet`; `speech_s` in seconds, None where nothing tells;
    `unnamed_turns` are marks of a new turn without a name, `voices` the account of those who are named, None where nobody is."""

    video_id: str
    title: str
    status: str
    reason: str | None
    language: str | None
    kind: str | None
    words: int
    speech_s: float | None
    unnamed_turns: int = 0
    voices: dict | None = None

    def as_record(self) -> dict:
        """What a report has of it; of voices only where there are some."""
        record = self._asdict()
        if not record["unnamed_turns"]:
            del record["unnamed_turns"]
        if record["voices"] is None:
            del record["voices"]
        return record


def account_of_channel(videos: list[dict], transcripts: str | Path, speaker: Wanted = None) -> list[VideoAccount]:
    """Return one account a listed video, in the list's order, from the records in the folder `transcripts`; `speaker` is the
    configuration's `source.speaker`."""
    return [account_of_video(video, Path(transcripts) / f"{video['video_id']}.json", speaker) for video in videos]


def account_of_video(video: dict, path: Path, speaker: Wanted = None) -> VideoAccount:
    if not path.exists():
        return VideoAccount(video["video_id"], video["title"], NOT_FETCHED, None, None, None, 0, video["duration_s"])
    record = read_json(path)
    voices = account_of_voices(record, speaker)
    return VideoAccount(
        video_id=video["video_id"],
        title=record["title"],
        status=record["status"],
        reason=record["reason"],
        language=record["language"],
        kind=record["kind"],
        words=count_of_words(record["text"]),
        speech_s=end_of_speech(record["segments"]) or video["duration_s"],
        unnamed_turns=0 if voices else record.get("removed", {}).get("speaker_marks", 0),
        voices=voices,
    )


def count_of_words(text: str) -> int:
    """Words between blanks; in scripts that have none, each sign counts."""
    return len(WORD.findall(text))


def end_of_speech(segments: list[list]) -> float | None:
    """Seconds from the start to the end of the last segment; None without times."""
    ends = [start_s + duration_s for start_s, duration_s, *_ in segments if start_s is not None]
    return round(max(ends), 1) if ends else None


def account_in_a_line(videos: list[dict], transcripts: str | Path) -> str:
    """How many videos gave captions, gave none, or were not asked for yet."""
    states = Counter(account.status for account in account_of_channel(videos, transcripts))
    return (
        f"Talks: {len(videos)} listed, {states['ok']} with a transcript, {states['unavailable']} without captions, "
        f"{states[NOT_FETCHED]} {NOT_FETCHED}."
    )
