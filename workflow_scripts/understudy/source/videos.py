"""List the videos of a channel with yt-dlp, the caption files of a folder, or both, as data/videos.json."""

from pathlib import Path

from understudy.shared.files import read_json, write_json
from understudy.shared.log import log
from understudy.source.captions.files import caption_files, not_read, talks_of
from understudy.source.captions.texts import described_by_text
from understudy.source.selection import record_of, video_record, why_not, with_those_that_left
from understudy.source.youtube.access import YouTubeAccess
from understudy.source.youtube.address import addresses_of
from understudy.source.youtube.errors import ListingFailed
from understudy.source.youtube.listing import videos_behind
from understudy.source.youtube.versions import advice


def talks_of_folder(source: dict, before: list[dict]) -> tuple[list[dict], list[dict]]:
    """Return one record a talk of the folder of files, and what is not used, with the reason."""
    taken, doubles = talks_of(caption_files(source["captions_dir"]), source["languages"], before)
    records = []
    for file in taken:
        title, address = described_by_text(file.path)
        records.append(video_record(file.video_id, title or file.title, address, source_file=str(file.path)))
    others = [
        passed_over(file.video_id, file.path.name, "another caption file of the same talk is used") for file in doubles
    ]
    return records, others + files_not_read(source["captions_dir"])


def files_not_read(folder: str) -> list[dict]:
    """What is in the folder of captions and isn't read, which is also said in a line of the log."""
    found = not_read(folder)
    if found:
        names = ", ".join(repr(path.name) for path, _ in found[:5]) + (", ..." if len(found) > 5 else "")
        log.warning("%s: %d not read: %s; data/passed_over.json says why.", folder, len(found), names)
    return [passed_over(None, path.name, why) for path, why in found]


def videos_of_folder(source: dict, before: list[dict]) -> tuple[list[dict], list[dict]]:
    """Return one record a talk that the settings let through, and what is not used, with the reason."""
    records, doubles = talks_of_folder(source, before)
    chosen, others = chosen_and_others(records, source)
    return chosen, others + doubles


def videos_of_both(source: dict, access: YouTubeAccess, before: list[dict]) -> tuple[list[dict], list[dict]]:
    """Return the folder's further talks, then the channel's; where a file has the id of a video, the file is used."""
    files, doubles = talks_of_folder(source, before)
    by_id = {record["video_id"]: record for record in files}
    videos, others = videos_of_channel(source, access, before)
    channel = [
        {**video, "source_file": by_id.pop(video["video_id"])["source_file"]} if video["video_id"] in by_id else video
        for video in videos
    ]
    chosen, left_out = chosen_and_others([*by_id.values(), *channel], source)
    known = {record["video_id"] for record in chosen}
    # A video that the channel's settings leave out may have a file of its own.
    others = [record for record in others if record["video_id"] not in known]
    return chosen, [*others, *left_out, *doubles]


def videos_of_channel(source: dict, access: YouTubeAccess, before: list[dict]) -> tuple[list[dict], list[dict]]:
    """Return the records of a channel's videos that are over, each once, in its order; and those passed over.

    `before` is the list as it was. Raises ListingFailed if YouTube lists nothing that the settings let through."""
    known = {record["video_id"]: record for record in before}
    listed: dict[str, dict] = {}
    not_over: list[dict] = []
    taken = 0
    for video in each_video(source, access):
        if video.video_id in listed:
            continue
        if video.not_over_yet:
            not_over.append(passed_over(video.video_id, video.title, video.not_over_yet))
            continue
        record = listed[video.video_id] = record_of(video, source["channel"], known.get(video.video_id))
        taken += why_not(record, source) is None
        if taken == source["max_videos"]:
            break
    if not listed:
        raise ListingFailed(
            f"{source['channel']} has none that is over. Open it in a browser, and compare source.channel and source.tabs."
        )
    records = list(listed.values())
    if not source["forget_removed"]:
        records = with_those_that_left(records, before, source)
    chosen, others = chosen_and_others(records, source)
    return chosen, not_over + others


def chosen_and_others(records: list[dict], source: dict) -> tuple[list[dict], list[dict]]:
    """Divide records by what the settings let through. Raises ListingFailed if that is nothing."""
    chosen = [record for record in records if not why_not(record, source)]
    left_out = [
        passed_over(record["video_id"], record["title"], why) for record in records if (why := why_not(record, source))
    ]
    if not chosen:
        raise ListingFailed(
            f"all {len(records)} are left out: the first, {records[0]['title']!r}, because {left_out[0]['why']}"
        )
    most = source["max_videos"] or len(chosen)
    beyond = [passed_over(record["video_id"], record["title"], "beyond source.max_videos") for record in chosen[most:]]
    return chosen[:most], left_out + beyond


def each_video(source: dict, access: YouTubeAccess):
    """Yield the videos behind all addresses of the source."""
    for address in addresses_of(source["channel"], source["tabs"]):
        yield from videos_behind(address, access)


def passed_over(video_id: str | None, title: str | None, why: str) -> dict:
    return {"video_id": video_id, "title": title, "why": why}


def list_videos(source: dict, access: YouTubeAccess, path: str, passed_over_path: str) -> None:
    """Write the list that `source` describes to `path`, and what is not in it to `passed_over_path`.

    If the list can't be made, the old one stays in place."""
    before = read_json(path) if Path(path).exists() else []
    if source.get("pairs"):
        videos, others = [], []
    elif source["channel"] is None:
        videos, others = videos_of_folder(source, before)
    else:
        listed_by = videos_of_channel if source["captions_dir"] is None else videos_of_both
        try:
            videos, others = listed_by(source, access, before)
        except ListingFailed as error:
            if error.newer_versions_may_help:
                error.args = (f"{error}.{advice(error)}",)
            raise
    write_json(passed_over_path, others)
    write_json(path, videos)
    new = {video["video_id"] for video in videos} - {video["video_id"] for video in before}
    log.info(
        "%s: %d videos, %d of them new; %d passed over (%s).",
        path,
        len(videos),
        len(new),
        len(others),
        passed_over_path,
    )
