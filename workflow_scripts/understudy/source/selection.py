"""Which of the listed videos a project uses: those of the list, in its order, and those that have left it meanwhile."""

import re
from collections import defaultdict

from understudy.shared.errors import UnderstudyError
from understudy.source.youtube.address import addresses_of, names_a_file, watch_address
from understudy.source.youtube.listing import ListedVideo


def video_record(video_id, title, url=None, duration_s=None, tab=None, source_file=None, published=None, channel=None):
    """A record of data/videos.json. `published` is a date, `channel` the value of source.channel that it was listed under."""
    return {
        "video_id": video_id,
        "title": title,
        "url": url,
        "duration_s": duration_s,
        "tab": tab,
        "source_file": source_file,
        "published": published,
        "channel": channel,
    }


def record_of(video: ListedVideo, channel: str, before: dict | None) -> dict:
    """The record of a listed video. What the list doesn't say stays as it was known `before`, and so does the first date:
    lists say `3 years ago`, so the date was the more exact the earlier it was seen."""
    before = before or {}
    return video_record(
        video_id=video.video_id,
        title=video.title or before.get("title") or video.video_id,
        url=watch_address(video.video_id),
        duration_s=video.duration_s or before.get("duration_s"),
        tab=video.tab or before.get("tab"),
        published=before.get("published") or video.published,
        channel=channel,
    )


def with_those_that_left(listed: list[dict], before: list[dict], source: dict) -> list[dict]:
    """Return `listed` with the records of `before` that it no longer has, each in front of the one that followed it then.

    Not those of another channel, of a tab that is no longer asked for, or of local files."""
    present = {record["video_id"] for record in listed}
    in_front_of: dict[str | None, list[dict]] = defaultdict(list)
    follower = None
    for record in reversed(before):
        if record["video_id"] in present:
            follower = record["video_id"]
        elif belongs_to(record, source):
            in_front_of[follower].insert(0, record)
    return [left_or_listed for record in listed for left_or_listed in (*in_front_of[record["video_id"]], record)] + (
        in_front_of[None]
    )


def belongs_to(record: dict, source: dict) -> bool:
    """Whether a record of an earlier list is of today's channel and tabs."""
    if record["source_file"] is not None or record["tab"] not in (None, *source["tabs"]):
        return False
    return is_same_list(record.get("channel", source["channel"]), source)


def is_same_list(channel: str | None, source: dict) -> bool:
    """Whether an earlier source.channel stands for the pages of today's, in whatever form. A text file, or a video, is a list
    that its owner edits: what is no longer in it has been taken out."""
    try:
        if names_a_file(source["channel"]):
            return False
        today = addresses_of(source["channel"], source["tabs"])
        return channel is not None and today[0].video_id is None and addresses_of(channel, source["tabs"]) == today
    except UnderstudyError:
        return False


def why_not(record: dict, source: dict) -> str | None:
    """The setting that leaves a video out, or None. A title that is not known yet passes."""
    title = record["title"]
    if title != record["video_id"]:
        if source["title_include"] and not any(found_in(title, pattern) for pattern in source["title_include"]):
            return "its title matches none of source.title_include"
        matched = next((pattern for pattern in source["title_exclude"] if found_in(title, pattern)), None)
        if matched is not None:
            return f"its title matches {matched!r} of source.title_exclude"
    if source["published_after"] and record["published"] and record["published"] < source["published_after"]:
        return f"published before {source['published_after']}"
    return None


def found_in(title: str, pattern: str) -> bool:
    return re.search(pattern, title, re.IGNORECASE) is not None
