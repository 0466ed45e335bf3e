"""The videos behind an address, as yt-dlp lists them."""

import datetime
import re
from collections.abc import Iterator
from typing import NamedTuple

import yt_dlp

from understudy.shared.log import log
from understudy.shared.safe_markdown import plain_title
from understudy.source.youtube.access import YouTubeAccess, blocked, yt_dlp_options
from understudy.source.youtube.address import VIDEO_ID, Address
from understudy.source.youtube.errors import AddressBlocked, ListingFailed, error_for_reason

NOT_OVER_YET = {"is_live": "live", "is_upcoming": "upcoming", "post_live": "live until a moment ago"}
MOST_PLAYLISTS_INSIDE = 1000
# What no newer version mends: a server or an address that isn't there, a connection that fails.
OF_ANOTHER_KIND = re.compile(
    r"HTTP Error (?:404|429|5\d\d)|timed out|urlopen|unable to connect|connection|resolve", re.IGNORECASE
)


class ListedVideo(NamedTuple):
    """A video as a list shows it. `duration_s` in seconds; `published` is a date, as exact as the list says it."""

    video_id: str
    title: str | None
    duration_s: float | None
    published: str | None
    tab: str | None
    not_over_yet: str | None


def videos_behind(address: Address, access: YouTubeAccess) -> Iterator[ListedVideo]:
    """Yield the videos of an address in its order; of playlists inside one another, each in its place.

    Raises ListingFailed if YouTube gives no list, RunStopped if it blocks this address."""
    if address.video_id:
        yield ListedVideo(address.video_id, None, None, None, None, None)
        return
    arguments = {"youtubetab": {"approximate_date": [""]}, "youtube": {"raise_incomplete_data": ["true"]}}
    with (
        yt_dlp_options(access, extract_flat="in_playlist", extractor_args=arguments) as options,
        yt_dlp.YoutubeDL(options) as youtube,
    ):
        try:
            for entry in flat_entries(youtube, address.page, visited=set()):
                if VIDEO_ID.fullmatch(str(entry.get("id"))):
                    yield listed_video(entry, address.tab)
                else:
                    log.warning("Passed over, not a video: %.80r", entry.get("id"))
        except yt_dlp.utils.YoutubeDLError as error:
            said = str(getattr(error, "msg", None) or error)
            if re.search("does not have an? .*tab", said):
                log.warning("%s: the channel has no such tab.", address.page)
                return
            if isinstance(error_for_reason(said), AddressBlocked):
                raise blocked(AddressBlocked(said)) from None
            raise ListingFailed(f"{address.page}: {said}", may_be_a_change=not OF_ANOTHER_KIND.search(said)) from None


def flat_entries(youtube: yt_dlp.YoutubeDL, page: str, visited: set[str]) -> Iterator[dict]:
    """Yield the entries of a page, and of the pages that it names, each page once."""
    if page in visited or len(visited) >= MOST_PLAYLISTS_INSIDE:
        return
    visited.add(page)
    yield from entries_inside(youtube, youtube.extract_info(page, download=False, process=False) or {}, visited)


def entries_inside(youtube: yt_dlp.YoutubeDL, info: dict, visited: set[str]) -> Iterator[dict]:
    """Yield the videos in what yt-dlp returned: a list, a reference to another list, or a video."""
    if info.get("entries") is not None:
        for entry in info["entries"]:
            yield from entries_inside(youtube, entry or {}, visited)
    elif info.get("_type") in ("url", "url_transparent") and info.get("ie_key") == "YoutubeTab":
        yield from flat_entries(youtube, info["url"], visited)
    elif info.get("id"):
        yield info


def listed_video(entry: dict, tab: str | None) -> ListedVideo:
    timestamp = entry.get("timestamp")
    published = timestamp and datetime.datetime.fromtimestamp(timestamp, datetime.UTC).date().isoformat()
    return ListedVideo(
        video_id=entry["id"],
        title=plain_title(entry.get("title") or "") or None,
        duration_s=entry.get("duration"),
        published=published,
        tab=tab,
        not_over_yet=NOT_OVER_YET.get(entry.get("live_status")),
    )
