"""What `source.channel` stands for: a channel in any form of its address, a playlist, a video, or a text file of them."""

import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from understudy.shared.errors import ConfigurationError, InputFileError

SITE = "https://www.youtube.com"
HOSTS = ("youtube.com", "www.youtube.com", "m.youtube.com", "music.youtube.com", "youtu.be", "www.youtube-nocookie.com")
VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{11}")
CHANNEL_ID = re.compile(r"UC[A-Za-z0-9_-]{22}")
PLAYLIST_ID = re.compile(r"(?:PL|UU|FL|OLAK5uy_)[A-Za-z0-9_-]{10,}")
TABS = ("videos", "shorts", "streams")
PLAYLISTS_OF_A_VIEWER = ("RD", "WL", "LL", "LM")
OTHER_PAGES_OF_A_CHANNEL = (
    "releases",
    "membership",
    "channels",
    "featured",
    "about",
    "community",
    "posts",
    "playlists",
    "podcasts",
    "courses",
    "search",
    "store",
    "live",
)


class Address(NamedTuple):
    """What an address stands for: a video's id, or the page that lists videos; `tab` if it is a channel's."""

    video_id: str | None
    page: str | None
    tab: str | None = None


def watch_address(video_id: str) -> str:
    """Where a video is watched."""
    return f"{SITE}/watch?v={video_id}"


def addresses_of(channel: str, tabs: list[str]) -> list[Address]:
    """Return what `source.channel` stands for, in its order: an address, an id, or the lines of a text file of them.

    Raises ConfigurationError, or InputFileError that names the file and the line, for what is no address of YouTube."""
    if not names_a_file(channel):
        return checked_addresses(channel, tabs, ConfigurationError, "source.channel")
    try:
        lines = Path(channel).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputFileError(f"{channel} can't be read as text: {error}") from None
    written = [(number, line.split("#", 1)[0].strip()) for number, line in enumerate(lines, 1)]
    found = [
        address
        for number, text in written
        if text
        # A line that names a video means this video, also where it was copied from a playlist's window.
        for address in checked_addresses(text.split("&list=")[0], tabs, InputFileError, f"{channel}, line {number}")
    ]
    if not found:
        raise InputFileError(f"{channel} names no video. It takes an id or an address a line.")
    return found


def names_a_file(channel: str) -> bool:
    """Whether source.channel is a text file of ids and addresses."""
    return channel.endswith(".txt") and "://" not in channel


def checked_addresses(text: str, tabs: list[str], error: type[Exception], place: str) -> list[Address]:
    found = understood(text, tabs)
    if not found:
        raise error(
            f"{place}: {text[:200]!r} is no address of YouTube. It takes a channel (@handle, or any form of its address), a "
            f"playlist, a video, or their ids."
        )
    return found


def understood(text: str, tabs: list[str]) -> list[Address]:
    """The addresses that a text stands for; a channel without a tab gives one for each of `tabs`. None if it is no address."""
    if VIDEO_ID.fullmatch(text):
        return [Address(text, None)]
    if PLAYLIST_ID.fullmatch(text):
        return [Address(None, f"{SITE}/playlist?list={text}")]
    if CHANNEL_ID.fullmatch(text):
        text = f"{SITE}/channel/{text}"
    elif re.fullmatch(r"@[^\s/?#]+(/\w*)?", text):
        text = f"{SITE}/{text}"
    elif re.fullmatch(rf"{CHANNEL_ID.pattern}/\w+", text):
        text = f"{SITE}/channel/{text}"
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
    except ValueError:
        return []
    if parts.scheme not in ("http", "https") or parts.hostname not in HOSTS:
        return []
    query, path = parse_qs(parts.query), [part for part in parts.path.split("/") if part]
    playlist = query.get("list", [""])[0]
    if re.fullmatch(r"[\w-]+", playlist) and not playlist.startswith(PLAYLISTS_OF_A_VIEWER):
        return [Address(None, f"{SITE}/playlist?list={playlist}")]
    if video_id := video_id_in(parts.hostname, path, query):
        return [Address(video_id, None)]
    return channel_pages(path, tabs)


def video_id_in(host: str, path: list[str], query: dict[str, list[str]]) -> str | None:
    """The id in the address of a single video: watch?v=, youtu.be/, /shorts/, /live/, /embed/."""
    candidate = None
    if host == "youtu.be" and path:
        candidate = path[0]
    elif path == ["watch"]:
        candidate = query.get("v", [""])[0]
    elif len(path) == 2 and path[0] in ("shorts", "live", "embed", "v"):
        candidate = path[1]
    return candidate if candidate and VIDEO_ID.fullmatch(candidate) else None


def channel_pages(path: list[str], tabs: list[str]) -> list[Address]:
    """One page a tab of /@handle, /channel/UC..., /c/name, /user/name or /name; the tab that the address names, if it does."""
    length = 2 if path and path[0] in ("channel", "c", "user") else 1
    name, rest = path[:length], path[length:]
    if (
        len(name) < length
        or len(rest) > 1
        or name[0] in ("watch", "playlist", "shorts", "live", "embed", "feed", "results")
    ):
        return []
    if rest and rest[0] not in (*TABS, *OTHER_PAGES_OF_A_CHANNEL):
        return []
    wanted = rest if rest and rest[0] in TABS else tabs
    return [Address(None, "/".join([SITE, *name, tab]), tab) for tab in wanted]
