"""List the videos of a channel with yt-dlp, or the caption files of a folder, as data/videos.json."""

import re
from pathlib import Path

import yt_dlp

from lib.captions import caption_files, described_by_name
from lib.errors import UnderstudyError
from lib.files import write_json
from lib.job_log import log, start_job_log

VIDEO_ID = "[A-Za-z0-9_-]{11}"
NOT_OVER_YET = ("is_live", "is_upcoming", "post_live")


class ListingError(UnderstudyError):
    """YouTube gave no list of videos."""


def videos_of_folder(captions_dir: str, languages: list[str]) -> list[dict]:
    """Return one record a talk; of several caption files of one talk, the one in the preferred language."""
    chosen: dict[str, tuple] = {}
    for path in caption_files(captions_dir):
        file = described_by_name(path)
        rank = languages.index(file.language) if file.language in languages else len(languages)
        if file.video_id not in chosen or rank < chosen[file.video_id][0]:
            chosen[file.video_id] = (rank, file)
    taken = [file for _, file in chosen.values()]
    for path in sorted(set(caption_files(captions_dir)) - {file.path for file in taken}):
        log.warning("%s is not used: another caption file of the same talk is.", path.name)
    return [video_record(file.video_id, file.title, source_file=str(file.path)) for file in taken]


def videos_of_channel(address: str, tabs: list[str], proxy: str | None) -> list[dict]:
    """Return one record a video that is over, newest first, each once.

    Raises ListingError if YouTube can't be reached or lists nothing."""
    options = {"extract_flat": "in_playlist", "quiet": True, "no_warnings": True, "proxy": proxy, "logger": log}
    records: dict[str, dict] = {}
    with yt_dlp.YoutubeDL(options) as youtube:
        for page in pages_of(address, tabs):
            try:
                entries = list(flat_entries(youtube.extract_info(page, download=False)))
            except yt_dlp.utils.DownloadError as error:
                if "does not have a" in str(error.msg):
                    log.warning("%s: no such tab.", page)
                    continue
                raise ListingError(
                    f"{page} could not be listed; the old list is kept. yt-dlp says: {error.msg}"
                ) from None
            for entry in entries:
                if not re.fullmatch(VIDEO_ID, entry["id"]):
                    log.warning("Passed over, not a video: %r", entry["id"])
                    continue
                records.setdefault(entry["id"], channel_record(entry, tab=page.rsplit("/", 1)[-1]))
    if not records:
        raise ListingError(
            f"{address} lists no videos. Open it in a browser, and compare source.channel and source.tabs."
        )
    return list(records.values())


def pages_of(address: str, tabs: list[str]) -> list[str]:
    """The tabs of a channel; a playlist, a video or an address that names a tab is one page."""
    address = address.split("?si=")[0].rstrip("/").removesuffix("/featured")
    names_a_channel = "/@" in address or "/channel/" in address or "/c/" in address or "/user/" in address
    if not names_a_channel or address.rsplit("/", 1)[-1] in ("videos", "shorts", "streams"):
        return [address]
    return [f"{address}/{tab}" for tab in tabs]


def flat_entries(info: dict):
    """Yield the videos of a listing, which may be playlists inside one another, that are over."""
    if info.get("_type") == "playlist" or "entries" in info:
        for entry in info["entries"]:
            yield from flat_entries(entry or {})
    elif info.get("live_status") not in NOT_OVER_YET and info.get("id"):
        yield info


def channel_record(entry: dict, tab: str) -> dict:
    address = f"https://www.youtube.com/watch?v={entry['id']}"
    return video_record(entry["id"], entry.get("title") or entry["id"], address, entry.get("duration"), tab)


def video_record(video_id, title, url=None, duration_s=None, tab=None, source_file=None) -> dict:
    return {
        "video_id": video_id,
        "title": title,
        "url": url,
        "duration_s": duration_s,
        "tab": tab,
        "source_file": source_file,
    }


def list_videos(source: dict, proxy: str | None, path: str) -> None:
    """Write the list that `source` describes to `path`, leaving the old one in place if it can't be made."""
    if source["captions_dir"] is not None:
        videos = videos_of_folder(source["captions_dir"], source["languages"])
    else:
        videos = videos_of_channel(source["channel"], source["tabs"], proxy)
    videos = videos[: source["max_videos"]]
    write_json(path, videos)
    log.info("%s: %d videos.", Path(path), len(videos))


if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    list_videos(snakemake.params.source, snakemake.config["source"]["proxy"], snakemake.output.videos)
