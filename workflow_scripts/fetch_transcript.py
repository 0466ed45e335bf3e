"""One video's captions as a transcript record, from YouTube or from a local caption file."""

import time
from pathlib import Path

from youtube_transcript_api import YouTubeTranscriptApi
from youtube_transcript_api import _errors as youtube
from youtube_transcript_api.proxies import GenericProxyConfig

from lib.captions import CaptionError, Segment, cleaned, described_by_name, read_segments
from lib.errors import UnderstudyError
from lib.files import write_json
from lib.job_log import log, start_job_log
from lib.stop_file import check_not_stopped, stop_run
from lib.video_list import VideoList

PERMANENT = {
    youtube.TranscriptsDisabled: "captions are disabled",
    youtube.NoTranscriptFound: "no captions in the languages asked for",
    youtube.VideoUnavailable: "the video is gone",
    youtube.VideoUnplayable: "the video can't be played (private, members only or removed)",
    youtube.AgeRestricted: "age-restricted",
    youtube.InvalidVideoId: "not a video's id",
}
BLOCKED = (
    "YouTube blocks requests from this address. Nothing more is asked in this run. Wait some hours, or set source.proxy, "
    "then run the same command again: it goes on where it stopped."
)


class FetchError(UnderstudyError):
    """Captions could not be fetched now; another try may succeed."""


def transcript_of_file(path: str) -> dict:
    """Return what a caption file gives: status, language, kind and segments."""
    try:
        return found(read_segments(path), described_by_name(Path(path)).language, "file")
    except CaptionError as error:
        return unavailable(str(error))


def transcript_of_youtube(video_id: str, languages: list[str], proxy: str | None) -> dict:
    """Return what YouTube gives: captions made by a person before generated ones, in the order of `languages`.

    Raises RunStopped if the address is blocked, FetchError if another try may help."""
    check_not_stopped()
    proxies = GenericProxyConfig(http_url=proxy, https_url=proxy) if proxy else None
    try:
        track = YouTubeTranscriptApi(proxy_config=proxies).list(video_id).find_transcript(languages)
        snippets = track.fetch()
    except tuple(PERMANENT) as error:
        return unavailable(next(reason for kind, reason in PERMANENT.items() if isinstance(error, kind)))
    except youtube.RequestBlocked:
        raise stop_run(BLOCKED) from None
    except (youtube.CouldNotRetrieveTranscript, OSError) as error:
        raise FetchError(
            f"{video_id}: captions could not be fetched ({type(error).__name__}). Run again later."
        ) from None
    segments = [Segment(snippet.start, snippet.duration, cleaned(snippet.text)) for snippet in snippets]
    segments = [segment for segment in segments if segment.text]
    kind = "generated" if track.is_generated else "manual"
    return found(segments, track.language_code, kind) if segments else unavailable("the captions are empty")


def found(segments: list[Segment], language: str | None, kind: str) -> dict:
    return {
        "status": "ok",
        "reason": None,
        "language": language,
        "kind": kind,
        "segments": [[round(segment.start_s, 3), round(segment.duration_s, 3), segment.text] for segment in segments],
        "text": " ".join(segment.text for segment in segments),
    }


def unavailable(reason: str) -> dict:
    log.warning("No transcript: %s", reason)
    return {"status": "unavailable", "reason": reason, "language": None, "kind": None, "segments": [], "text": ""}


def fetch_transcript(video: dict, languages: list[str], proxy: str | None, pause_s: float, path: str) -> None:
    """Write the transcript record of `video` (a record of data/videos.json) to `path`."""
    if video["source_file"]:
        transcript = transcript_of_file(video["source_file"])
    else:
        time.sleep(pause_s)
        transcript = transcript_of_youtube(video["video_id"], languages, proxy)
    write_json(path, {"video_id": video["video_id"], "title": video["title"], **transcript})


if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    fetch_transcript(
        video=VideoList(snakemake.input.videos).record(snakemake.wildcards.video_id),
        languages=snakemake.params.languages,
        proxy=snakemake.config["source"]["proxy"],
        pause_s=snakemake.config["source"]["pause_s"],
        path=snakemake.output.transcript,
    )
