"""A transcript as every stage reads it: with misheard terms mended, and with who of it is the teacher.

The record in data/transcripts/ stays as the captions have it."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from understudy.shared.files import read_json
from understudy.text.corrections import CORRECTIONS, Corrections
from understudy.text.voices import Voices, Wanted, speaker_of, voices_of

OK = "ok"


@dataclass(frozen=True)
class Reading:
    """How a project reads its transcripts: the configuration's `source.speaker`, and its corrections.csv."""

    speaker: Wanted = None
    corrections: Corrections = field(default_factory=Corrections)

    @classmethod
    def of_project(cls, speaker: Wanted) -> Self:
        """How the project in the working directory reads, with the corrections.csv that is there."""
        return cls(speaker, Corrections.read(CORRECTIONS) if CORRECTIONS.exists() else Corrections())

    def read(self, path: str | Path) -> dict:
        """The transcript at `path`, mended. Where the captions name who speaks, `voices` says whose words count."""
        return self.applied(read_json(path))

    def applied(self, transcript: dict) -> dict:
        """A transcript's record, mended, with its `voices`."""
        if transcript.get("status", OK) != OK:
            return transcript
        mended = self.corrections.applied(transcript)
        voices = voices_of(mended, self.speaker)
        return mended if voices is None else {**mended, "voices": voices}

    def shaping(self, transcript: dict) -> dict:
        """What of it changes what is made of this talk; empty where it is as if nothing were set."""
        if transcript.get("status", OK) != OK:
            return {}
        shapes = {}
        voices = voices_of(transcript, self.speaker)
        if voices is not None and voices != voices_of(transcript):
            shapes["speaker"] = sorted(speaker or "" for speaker in voices.teacher)
        occurring = self.corrections.occurring_in(transcript)
        return shapes | ({"corrections": occurring} if occurring else {})

    def state_of(self, path: str | Path) -> str:
        """What a transcript's hash has behind it where reading changes it; empty where nothing does."""
        if self.speaker is None and not self.corrections.pairs:
            return ""
        shapes = self.shaping(read_json(path))
        return "-" + hashlib.sha256(json.dumps(shapes).encode()).hexdigest()[:16] if shapes else ""


def voices_in(transcript: dict) -> Voices | None:
    """Whose words a transcript that was read has, None where nobody is named."""
    return transcript.get("voices")


def segments_of_teacher(transcript: dict) -> list[list]:
    """The segments of a transcript without the turns of others that have a name."""
    voices = voices_in(transcript)
    if voices is None:
        return transcript["segments"]
    return [segment for segment in transcript["segments"] if not voices.are_others(speaker_of(segment))]


def words_of_teacher(transcript: dict) -> str:
    """The text of these."""
    return (
        transcript["text"]
        if voices_in(transcript) is None
        else " ".join(segment[2] for segment in segments_of_teacher(transcript))
    )
