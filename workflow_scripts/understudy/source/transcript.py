"""One video's captions as a transcript record, from YouTube or from a local caption file."""

from pathlib import Path

from understudy.shared.errors import UnderstudyError
from understudy.shared.files import write_json
from understudy.shared.log import log
from understudy.source.account import count_of_words
from understudy.source.captions.cleaning import cleaned_segments, joined
from understudy.source.captions.files import described_by_name
from understudy.source.captions.formats import CaptionError, read_captions
from understudy.source.captions.speakers import AnySegment
from understudy.source.captions.texts import SUFFIXES as TEXT_SUFFIXES
from understudy.source.youtube.access import YouTubeAccess
from understudy.source.youtube.captions import captions_of
from understudy.source.youtube.errors import NoCaptions, NotNow
from understudy.source.youtube.versions import advice
from understudy.text.language import language_of

# What speech recognition makes of silence: "you", "thank you".
NO_SPEECH = "no speech"


class FetchFailed(UnderstudyError):
    """Nothing was fetched, but another try may succeed."""


def transcript_of_file(path: str) -> dict:
    """Return what a caption file gives: status, language, kind, segments and text."""
    try:
        segments, removed, language = read_captions(path)
    except CaptionError as error:
        return unavailable(str(error))
    language = described_by_name(Path(path)).language or language or language_of(joined(segments))
    kind = "text" if Path(path).suffix.lower() in TEXT_SUFFIXES and segments[0].start_s is None else "file"
    return found(segments, removed, language, kind)


def transcript_of_youtube(video: dict, languages: list[str], access: YouTubeAccess) -> dict:
    """Return what YouTube gives for a video, with its title if the list doesn't have it.

    Raises RunStopped if the address is blocked, FetchFailed, naming the video, if another try may help."""
    try:
        captions = captions_of(video["video_id"], languages, access)
    except NoCaptions as error:
        return unavailable(str(error))
    except NotNow as error:
        raise FetchFailed(
            f"{video['video_id']}: {error}. The next run asks again.{advice(error, access.fallback)}"
        ) from None
    segments, removed = cleaned_segments(captions.cues)
    if not segments:
        return unavailable("its captions hold no speech")
    transcript = found(segments, removed, captions.language, "generated" if captions.is_generated else "manual")
    if video["title"] == video["video_id"] and captions.title:
        transcript["title"] = captions.title
    return transcript


def found(segments: list[AnySegment], removed: dict[str, int], language: str | None, kind: str) -> dict:
    return {
        "status": "ok",
        "reason": None,
        "language": language,
        "kind": kind,
        "removed": removed,
        # A fourth item is who speaks, where the captions name somebody.
        "segments": [[rounded(segment.start_s), rounded(segment.duration_s), *segment[2:]] for segment in segments],
        "text": joined(segments),
    }


def rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def unavailable(reason: str) -> dict:
    log.warning("No transcript: %s", reason)
    return {
        "status": "unavailable",
        "reason": reason,
        "language": None,
        "kind": None,
        "removed": {},
        "segments": [],
        "text": "",
    }


def fetch_transcript(
    video: dict, languages: list[str], access: YouTubeAccess, path: str, min_words: int | None = None
) -> None:
    """Write the transcript record of `video` (a record of data/videos.json) to `path`; one of fewer words is no speech."""
    if video["source_file"]:
        transcript = transcript_of_file(video["source_file"])
    else:
        transcript = transcript_of_youtube(video, languages, access)
    words = count_of_words(transcript["text"])
    if transcript["status"] == "ok" and words < (min_words or 0):
        log.warning("%s: %d words, and source.min_words is %d.", video["video_id"], words, min_words)
        transcript = unavailable(NO_SPEECH)
    write_json(path, {"video_id": video["video_id"], "title": video["title"], **transcript})
