"""YouTube on loopback, for the real yt-dlp and youtube-transcript-api: it counts what it is asked, and fails as told."""

import base64
import html
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from xml.sax.saxutils import escape

from intercepting_proxy import InterceptingProxy, Reply, Request, spoilt

DOMAINS = ("youtube.com", "youtu.be", "ytimg.com", "ggpht.com", "youtube-nocookie.com", "youtubei.googleapis.com")
PAGE = 30  # videos
VISITOR = "CgtGYWtlVmlzaXRvcg%3D%3D"
WEB_CLIENT = {"hl": "en", "gl": "US", "clientName": "WEB", "clientVersion": "2.20261023.01.00", "visitorData": VISITOR}
YTCFG = {
    "INNERTUBE_API_KEY": "AIzaSyAO_FJ2SlqU8Q4STEHLGCilw_Y9_11qcW8",
    "INNERTUBE_API_VERSION": "v1",
    "INNERTUBE_CLIENT_NAME": "WEB",
    "INNERTUBE_CLIENT_VERSION": WEB_CLIENT["clientVersion"],
    "INNERTUBE_CONTEXT": {"client": WEB_CLIENT},
    "INNERTUBE_CONTEXT_CLIENT_NAME": 1,
    "LOGGED_IN": False,
    "PLAYER_JS_URL": "/s/player/0a1b2c3d/player_ias.vflset/en_US/base.js",
    "STS": 20444,  # with it, nobody asks for the player's script
    "VISITOR_DATA": VISITOR,
}
CONSENT = "cb.20210328-17-p0.de+FX+119"
CONSENT_PAGE = f"""<!DOCTYPE html><html><head><title>Before you continue to YouTube</title></head><body>
<form action="https://consent.youtube.com/s" method="POST"><input type="hidden" name="gl" value="DE">
<input type="hidden" name="v" value="{CONSENT}"><button>I agree</button></form></body></html>""".encode()
CAPTCHA_PAGE = b"""<!DOCTYPE html><html><head><title>YouTube</title></head><body><form id="captcha-form" method="post">
<p>Our systems have detected unusual traffic from your computer network.</p>
<div class="g-recaptcha" data-sitekey="x"></div></form></body></html>"""
LANGUAGES = {"de": "German", "en": "English", "en-GB": "English (United Kingdom)", "es": "Spanish", "fr": "French"}
LANGUAGES |= {"hi": "Hindi", "ja": "Japanese", "nl": "Dutch", "pt-BR": "Portuguese (Brazil)"}
TABS = {  # a tab's title, and the API's name for it
    "featured": ("Home", "EghmZWF0dXJlZPIGBAoCMgA="),
    "videos": ("Videos", "EgZ2aWRlb3PyBgQKAjoA"),
    "shorts": ("Shorts", "EgZzaG9ydHPyBgUKA5oBAA=="),
    "streams": ("Live", "EgdzdHJlYW1z8gYECgJ6AA=="),
}
NOT_A_BOT = "Sign in to confirm you’re not a bot"
PROTECT = "This helps protect our community. "
MEMBERS = "Join this channel to get access to members-only content like this video, and other exclusive perks."
REMOVED = "This video has been removed by the uploader"
CLOSED = "the YouTube account associated with this video has been terminated."
TERMINATED = f"This video is no longer available because {CLOSED}"
ABROAD = "The uploader has not made this video available in your country"
LATER = "This content isn't available, try again later."
UNSUITABLE = "This video may be inappropriate for some users."
# What the player says instead of playing: status, reason and subreason in a browser, and, where it differs, reason and
# subreason in the Android app, which youtube-transcript-api gives itself out for.
PLAYABILITY: dict[str, tuple[str | None, ...]] = {
    "private": ("LOGIN_REQUIRED", "Private video", "Sign in if you've been granted access to this video", None, None),
    "members_only": ("UNPLAYABLE", MEMBERS, None),
    "removed": ("ERROR", "Video unavailable", REMOVED, "This video is unavailable", None),
    "unknown_video": ("ERROR", "Video unavailable", None, "This video is unavailable", None),
    "terminated": ("ERROR", "Video unavailable", TERMINATED, TERMINATED, None),
    "age_restricted": ("LOGIN_REQUIRED", "Sign in to confirm your age", UNSUITABLE, UNSUITABLE, None),
    "not_in_your_country": ("UNPLAYABLE", "Video unavailable", ABROAD, ABROAD, None),
    "upcoming": ("LIVE_STREAM_OFFLINE", "This live event will begin in 3 days.", None),
    "bot_check": ("LOGIN_REQUIRED", NOT_A_BOT, PROTECT),
    "bot_check_straight": ("LOGIN_REQUIRED", NOT_A_BOT.replace("\u2019", "'"), PROTECT),
    "try_again_later": ("UNPLAYABLE", "Video unavailable", LATER, LATER, None),
    "unknown_reason": ("UNPLAYABLE", "The moon is in the way", "It will pass"),
}
IN_THE_PLAYER = {*PLAYABILITY, "disabled", "no_playability", "po_token"}
ANYWHERE = {"too_many_requests", "server_error", "captcha", "redirect_loop", "half", "empty", "cut", "reset"}
BLOCKS = {"too_many_requests", "bot_check", "captcha"}
IN_LISTINGS = {*ANYWHERE, "half_json", "bot_check", "incomplete"}


@dataclass
class Track:
    """A caption track; `lines` are (start, duration, text), in seconds."""

    language: str
    kind: str = "manual"  # or "generated"
    lines: list[tuple[float, float, str]] = field(default_factory=lambda: [(0.0, 2.5, "Dig."), (2.5, 3.0, "Wait.")])

    @property
    def name(self) -> str:
        return LANGUAGES.get(self.language, self.language) + " (auto-generated)" * (self.kind == "generated")


@dataclass
class Video:
    """A video. `failures_left` counts its failures down; without it they never end."""

    video_id: str
    title: str
    tracks: list[Track] = field(default_factory=list)
    duration_s: int = 600
    age: str = "3 years ago"
    live: str | None = None  # or "live", "upcoming"
    failure: str | None = None
    failures_left: int | None = None

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "failure":
            where_it_fails(value)
        super().__setattr__(name, value)

    @property
    def badge(self) -> str:
        minutes, seconds = divmod(self.duration_s, 60)
        clock = f"{minutes // 60}:{minutes % 60:02}:{seconds:02}" if minutes >= 60 else f"{minutes}:{seconds:02}"
        return {"live": "LIVE", "upcoming": "Upcoming"}.get(self.live or "", clock)

    @property
    def picture(self) -> str:
        return f"https://i.ytimg.com/vi/{self.video_id}/hqdefault.jpg"


@dataclass
class Channel:
    handle: str
    channel_id: str
    title: str
    tabs: dict[str, list[Video]]


@dataclass
class Asked:
    """A request as the tests see it. `client` is what the API's visitor gives itself out for."""

    host: str
    method: str
    path: str
    query: dict[str, str]
    kind: str  # "page", "continuation", "watch", "player", "timedtext" or "other"
    video_id: str | None = None
    client: str | None = None


class FakeYouTube(InterceptingProxy):
    """`with FakeYouTube(folder) as youtube`: `youtube.proxy` leads to it, `youtube.ca_file` makes it trusted."""

    def __init__(self, folder: Path):
        super().__init__(folder)
        self.channels: dict[str, Channel] = {}
        self.playlists: dict[str, list[Video]] = {}
        self.lone_videos: list[Video] = []
        self.requests: list[Asked] = []
        self.blocked: str | None = None
        self.block_after: int | None = None
        self.block_kind = "too_many_requests"
        self.listing_failure: str | None = None
        self.listing_failures_left: int | None = None
        self.continuation_failure: str | None = None
        self.continuation_failures_left: int | None = None
        self.delay_s = 0.0

    def __setattr__(self, name: str, value: Any) -> None:
        known = {"blocked": BLOCKS, "block_kind": BLOCKS}.get(name, IN_LISTINGS if name.endswith("_failure") else None)
        if known and value is not None and value not in known:
            raise ValueError(f"{name}: {value} is not one of {', '.join(sorted(known))}")
        super().__setattr__(name, value)

    def add_channel(self, handle: str, tabs: dict[str, list[Video]], channel_id: str = "", title: str = "") -> Channel:
        """Reached as /@handle, /channel/UC..., /c/handle, /user/handle and /handle. Only its `tabs` exist."""
        name = handle.removeprefix("@")
        channel_id = channel_id or "UC" + (name + "_" * 22)[:22]
        channel = Channel(f"@{name}", channel_id, title or name.capitalize(), tabs)
        self.channels |= {channel_id: channel, name.lower(): channel}
        return channel

    def add_playlist(self, playlist_id: str, videos: list[Video]) -> None:
        self.playlists[playlist_id] = videos

    def add_video(self, video: Video) -> None:
        """A video that is in no listing."""
        self.lone_videos.append(video)

    def asked(self, video_id: str | None = None, kind: str | None = None) -> list[Asked]:
        with self._lock:
            return [r for r in self.requests if video_id in (None, r.video_id) and kind in (None, r.kind)]

    def forget(self) -> None:
        """Count from zero."""
        with self._lock:
            self.requests.clear()

    def serves(self, host: str) -> bool:
        return any(host == domain or host.endswith(f".{domain}") for domain in DOMAINS)

    def refused(self, host: str) -> None:
        with self._lock:
            self.requests.append(Asked(host, "CONNECT", "", {}, "other"))

    def reply(self, request: Request) -> Reply:
        data = json.loads(request.body) if request.body[:1] == b"{" else {}
        asked = about(request, data)
        with self._lock:
            if asked.kind == "watch" and self.block_after is not None and not self.blocked:
                self.blocked = self.block_kind if len(self.asked(kind="watch")) >= self.block_after else None
            self.requests.append(asked)
            failure = self._failure(asked)
            good = self._good_reply(asked, data, failure)
        time.sleep(self.delay_s)
        return failed(good, failure, request, asked) if failure else good

    def _failure(self, asked: Asked) -> str | None:
        """What this request fails with. Being asked, it counts."""
        if self.blocked or asked.kind == "other":
            return self.blocked
        if asked.kind in ("page", "continuation"):
            return counted(self, "listing_" if asked.kind == "page" else "continuation_")
        video, _ = self._find(asked.video_id)
        failure, where = where_it_fails(video.failure)
        return failure if where == asked.kind and counted(video) else None

    def _good_reply(self, asked: Asked, data: dict, failure: str | None) -> Reply:
        """The reply on a good day, but for what the player has to say."""
        video, channel = self._find(asked.video_id)
        if asked.kind == "watch":  # the page knows what the player will say
            coming = failure or (None if video.failures_left == 0 else video.failure)
            player = player_response(video, channel, "WEB", coming)
            return as_page(video.title, ytInitialPlayerResponse=player, ytInitialData=watch_data(video, channel))
        if asked.kind == "player":
            return as_json(player_response(video, channel, asked.client or "", failure))
        if asked.kind == "timedtext":
            return timed_text(video, asked.query)
        if asked.kind == "continuation":
            items = self._items(*json.loads(base64.urlsafe_b64decode(data["continuation"])))
            action = {"appendContinuationItemsAction": {"continuationItems": items}}
            return as_json({"onResponseReceivedActions": [action]})
        if asked.kind == "page":
            return self._listing(asked, data)
        if asked.path == "/youtubei/v1/next":
            return as_json(watch_data(video, channel))
        settings = as_page("YouTube")
        if asked.path.startswith("/embed/"):  # where yt-dlp tries again with videos for adults
            settings.body = settings.body.replace(b'"WEB"', b'"WEB_EMBEDDED_PLAYER"')
        return settings

    def _find(self, video_id: str | None) -> tuple[Video, Channel]:
        """A video and its channel; the listings may have changed since they were added."""
        somebody = Channel("@somebody", "UCsomebodysomebodysomebo", "Somebody", {})
        listings = [(videos, channel) for channel in self.channels.values() for videos in channel.tabs.values()]
        listings += [(videos, somebody) for videos in (*self.playlists.values(), self.lone_videos)]
        found = ((video, channel) for videos, channel in listings for video in videos if video.video_id == video_id)
        return next(found, (Video("", "", failure="unknown_video"), somebody))

    def _listing(self, asked: Asked, data: dict) -> Reply:
        """A channel's or a playlist's page, or what yt-dlp asks the API for when the page fails."""
        is_page = asked.method == "GET"
        address = f"{asked.path}?{urlencode(asked.query)}" if is_page else data.get("url")
        place = self._place(address) if address else data
        if address and not is_page:
            return as_json({"endpoint": {"browseEndpoint": place}}) if place else NOT_FOUND
        browse_id = place.get("browseId", "")
        if browse_id.startswith("VL"):
            contents = self._playlist_data(browse_id[2:])
        elif browse_id in self.channels:
            contents = self._channel_data(self.channels[browse_id], place.get("params"))
        else:
            return NOT_FOUND
        return as_page("YouTube", ytInitialData=contents) if is_page else as_json(contents)

    def _place(self, address: str) -> dict[str, str]:
        """What the API calls the channel's tab or the playlist at an address."""
        url = urlsplit(address)
        if url.path == "/playlist":
            return {"browseId": "VL" + parse_qs(url.query)["list"][0]}
        parts = url.path.strip("/").split("/")
        name, tab = [*parts[parts[0] in ("channel", "c", "user") :], "", ""][:2]
        channel = self.channels.get(name) or self.channels.get(name.removeprefix("@").lower())
        if channel is None:
            return {}
        return {"browseId": channel.channel_id, "params": TABS[tab if tab in channel.tabs else "featured"][1]}

    def _channel_data(self, channel: Channel, params: str | None) -> dict:
        tabs = []
        for tab in ("featured", *channel.tabs):
            title, name = TABS[tab]
            renderer: dict = {"title": title, "endpoint": endpoint(f"/{channel.handle}/{tab}")}
            if name == (params or TABS["featured"][1]):
                grid = {"contents": self._items("", channel.channel_id, tab)}
                content = {"sectionListRenderer": {}} if tab == "featured" else {"richGridRenderer": grid}
                renderer |= {"selected": True, "content": content}
            tabs.append({"tabRenderer": renderer})
        metadata = {
            "title": channel.title,
            "description": "",
            "externalId": channel.channel_id,
            "channelUrl": f"https://www.youtube.com/channel/{channel.channel_id}",
            "vanityChannelUrl": f"http://www.youtube.com/{channel.handle}",
            "avatar": thumbnails("https://yt3.ggpht.com/avatar=s900"),
        }
        return initial_data(tabs, metadata={"channelMetadataRenderer": metadata})

    def _playlist_data(self, playlist_id: str) -> dict:
        if playlist_id not in self.playlists:
            return alert("The playlist does not exist.")
        section = {"itemSectionRenderer": {"contents": self._items(playlist_id)}}
        tab = {"selected": True, "content": {"sectionListRenderer": {"contents": [section]}}}
        metadata = {"playlistMetadataRenderer": {"title": f"Playlist {playlist_id}"}}
        number = {"stats": [runs(str(len(self.playlists[playlist_id])), " videos")]}
        sidebar = {"playlistSidebarRenderer": {"items": [{"playlistSidebarPrimaryInfoRenderer": number}]}}
        return initial_data([{"tabRenderer": tab}], metadata=metadata, sidebar=sidebar)

    def _items(self, playlist: str, channel: str = "", tab: str = "", start: int = 0) -> list[dict]:
        """One page of a listing, and the token for the next."""
        videos = self.playlists[playlist] if playlist else self.channels[channel].tabs.get(tab, [])
        renderer = {"shorts": shorts_lockup, "streams": video_renderer}.get(tab, lockup)
        items = [renderer(video) for video in videos[start : start + PAGE]]
        if not playlist:
            items = [{"richItemRenderer": {"content": item}} for item in items]
        if len(videos) > start + PAGE:
            place = json.dumps([playlist, channel, tab, start + PAGE])
            command = {"continuationCommand": {"token": base64.urlsafe_b64encode(place.encode()).decode()}}
            items.append({"continuationItemRenderer": {"continuationEndpoint": command}})
        return items


def about(request: Request, data: dict) -> Asked:
    """What a request is after."""
    path = request.path
    kinds = {"/watch": "watch", "/api/timedtext": "timedtext", "/youtubei/v1/player": "player"}
    is_page = request.host.endswith("youtube.com") and not path.startswith(("/iframe_api", "/s/", "/embed/", "/tv"))
    if path.startswith("/youtubei/"):
        is_page = path.endswith(("/browse", "/navigation/resolve_url"))
    kind = kinds.get(path, "page" if is_page and path != "/" else "other")
    if "continuation" in data:
        kind = "continuation"
    client = data.get("context", {}).get("client", {}).get("clientName")
    video_id = request.query.get("v") or data.get("videoId")
    return Asked(request.host, request.method, path, request.query, kind, video_id, client)


def where_it_fails(failure: str | None) -> tuple[str | None, str]:
    """A video's failure, and the kind of request that meets it: "cut_timedtext" is "cut" at "timedtext"."""
    if failure is None or failure in IN_THE_PLAYER:
        return failure, "player"
    if failure in ("consent", "consent_forever", *ANYWHERE):
        return failure, "watch"
    what, _, where = {"half_json": "half_player", "half_xml": "half_timedtext"}.get(failure, failure).rpartition("_")
    if what not in ANYWHERE or where not in ("watch", "player", "timedtext"):
        raise ValueError(f"{failure} is no failure of a video")
    return what, where


def counted(owner: Any, prefix: str = "") -> str | None:
    """The failure that its owner still has, now one fewer."""
    failure, left = getattr(owner, f"{prefix}failure"), getattr(owner, f"{prefix}failures_left")
    if failure is None or left == 0:
        return None
    if left is not None:
        setattr(owner, f"{prefix}failures_left", left - 1)
    return failure


def failed(good: Reply, failure: str, request: Request, asked: Asked) -> Reply:
    """YouTube's own ways to fail a request. What the player says instead of playing is in the good reply already."""
    in_script = (lambda data: as_page("YouTube", ytInitialData=data)) if asked.method == "GET" else as_json
    match failure:
        case "captcha":
            return Reply(CAPTCHA_PAGE)
        case "consent" | "consent_forever":
            cookies = request.headers.get("cookie", "")
            agreed = failure == "consent" and (f"CONSENT=YES+{CONSENT}" in cookies or "SOCS=CAI" in cookies)
            return good if agreed else Reply(CONSENT_PAGE)
        case "half_json":
            return spoilt(good, "half", request)
        case "incomplete":
            return in_script({"responseContext": {"visitorData": VISITOR}})
        case "bot_check" if asked.kind not in ("watch", "player"):
            return in_script(alert(NOT_A_BOT))
    return good if failure in IN_THE_PLAYER else spoilt(good, failure, request)


NOT_FOUND = Reply(b"<html><head><title>404 Not Found</title></head></html>", 404)


def as_json(data: dict) -> Reply:
    return Reply(json.dumps(data).encode(), content_type="application/json; charset=UTF-8")


def as_page(title: str, **variables: dict) -> Reply:
    """An HTML page with YouTube's settings, and data in its scripts."""
    scripts = [f"ytcfg.set({json.dumps(YTCFG)});"]
    scripts += [f"var {name} = {json.dumps(data)};".replace("</", "<\\/") for name, data in variables.items()]
    body = "".join(f"<script>{script}</script>" for script in scripts)
    head = f"<head><title>{html.escape(title)}</title></head>"
    return Reply(f"<!DOCTYPE html><html>{head}<body>{body}</body></html>".encode())


def initial_data(tabs: list[dict], **more: dict) -> dict:
    contents = {"twoColumnBrowseResultsRenderer": {"tabs": tabs}}
    return {"responseContext": {"visitorData": VISITOR}, "contents": contents, **more}


def alert(text: str) -> dict:
    return {"alerts": [{"alertRenderer": {"type": "ERROR", "text": runs(text)}}]}


def runs(*texts: str) -> dict:
    return {"runs": [{"text": text} for text in texts]}


def endpoint(url: str) -> dict:
    return {"commandMetadata": {"webCommandMetadata": {"url": url}}}


def thumbnails(url: str, key: str = "thumbnails") -> dict:
    return {key: [{"url": url, "width": 336, "height": 188}]}


def lockup(video: Video) -> dict:
    """A video as the videos tab and the playlists show it."""
    style = "THUMBNAIL_OVERLAY_BADGE_STYLE_" + ("LIVE" if video.live == "live" else "DEFAULT")
    badges = [{"thumbnailBadgeViewModel": {"text": video.badge, "badgeStyle": style}}]
    overlay = {"thumbnailBottomOverlayViewModel": {"badges": badges}}
    parts: list[dict] = [{"text": {"content": "12K views"}}]
    parts.append({"text": {"content": video.age}, "accessibilityLabel": video.age})
    if video.live == "live":
        overlay = {"thumbnailOverlayBadgeViewModel": {"thumbnailBadges": badges}}
        parts = [{"text": {"content": "53 watching"}}]
    elif video.live == "upcoming":
        parts = [{"text": {"content": "Scheduled for 1/1/30, 6:00 PM"}}]
    image = {"thumbnailViewModel": {"image": thumbnails(video.picture, "sources"), "overlays": [overlay]}}
    metadata = {"contentMetadataViewModel": {"metadataRows": [{"metadataParts": parts}], "delimiter": " • "}}
    model = {
        "contentId": video.video_id,
        "contentType": "LOCKUP_CONTENT_TYPE_VIDEO",
        "contentImage": image,
        "metadata": {"lockupMetadataViewModel": {"title": {"content": video.title}, "metadata": metadata}},
    }
    return {"lockupViewModel": model}


def shorts_lockup(video: Video) -> dict:
    """A video as the shorts tab shows it: without duration and date."""
    model = {
        "entityId": f"shorts-shelf-item-{video.video_id}",
        "accessibilityText": f"{video.title}, 12 thousand views - play Short",
        "thumbnailViewModel": {"thumbnailViewModel": {"image": thumbnails(video.picture, "sources")}},
        "onTap": {"innertubeCommand": {"reelWatchEndpoint": {"videoId": video.video_id}}},
        "overlayMetadata": {"primaryText": {"content": video.title}, "secondaryText": {"content": "12K views"}},
    }
    return {"shortsLockupViewModel": model}


def video_renderer(video: Video) -> dict:
    """A video as the live tab shows it: running, announced, or streamed some time ago."""
    status = {"style": video.badge.upper() if video.live else "DEFAULT", "text": {"simpleText": video.badge}}
    renderer: dict = {
        "videoId": video.video_id,
        "title": runs(video.title),
        "thumbnail": thumbnails(video.picture),
        "navigationEndpoint": endpoint(f"/watch?v={video.video_id}"),
        "thumbnailOverlays": [{"thumbnailOverlayTimeStatusRenderer": status}],
    }
    if video.live == "live":
        badge = {"style": "BADGE_STYLE_TYPE_LIVE_NOW", "label": "LIVE"}
        renderer |= {"badges": [{"metadataBadgeRenderer": badge}], "viewCountText": runs("53 watching")}
    elif video.live == "upcoming":
        renderer["upcomingEventData"] = {"startTime": "1893456000"}
    else:
        renderer |= {"lengthText": {"simpleText": video.badge}, "viewCountText": {"simpleText": "12,345 views"}}
        renderer["publishedTimeText"] = {"simpleText": f"Streamed {video.age}"}
    return {"videoRenderer": renderer}


def watch_data(video: Video, channel: Channel) -> dict:
    """What stands around the player."""
    owner = {"videoOwnerRenderer": {"title": runs(channel.title)}}
    contents = [{"videoPrimaryInfoRenderer": {"title": runs(video.title)}}]
    contents.append({"videoSecondaryInfoRenderer": {"owner": owner}})
    return {"contents": {"twoColumnWatchNextResults": {"results": {"results": {"contents": contents}}}}}


def player_response(video: Video, channel: Channel, client: str, failure: str | None) -> dict:
    """What the player's API answers to a client. The watch page holds the same for a browser."""
    response: dict = {"responseContext": {"visitorData": VISITOR}}
    if failure == "no_playability":
        return response
    unplayable = failure if failure in PLAYABILITY else "upcoming" if video.live == "upcoming" else None
    if unplayable:
        response["playabilityStatus"] = playability(unplayable, client)
    else:
        response["playabilityStatus"] = {"status": "OK", "playableInEmbed": True}
        # A file that nobody downloads: googlevideo.com is not played here.
        url = "https://rr1---sn-fake.googlevideo.com/videoplayback?itag=140"
        audio = {"itag": 140, "url": url, "mimeType": 'audio/mp4; codecs="mp4a.40.2"', "bitrate": 130000}
        response["streamingData"] = {"expiresInSeconds": "21540", "adaptiveFormats": [audio]}
        if video.tracks and failure != "disabled":
            renderer = captions(video, client, token=client == "WEB" or failure == "po_token")
            response["captions"] = {"playerCaptionsTracklistRenderer": renderer}
    if unplayable in (None, "age_restricted", "upcoming"):
        response |= details(video, channel, "upcoming" if unplayable == "upcoming" else video.live)
    return response


def playability(failure: str, client: str) -> dict:
    status, *said = PLAYABILITY[failure]
    reason, subreason = said[-2:] if client == "ANDROID" else said[:2]
    screen = {"reason": runs(reason)} if reason else {}
    if subreason:
        screen["subreason"] = runs(subreason, *["Learn more"] * (subreason == PROTECT))
    answer: dict = {"status": status, "errorScreen": {"playerErrorMessageRenderer": screen}}
    if reason:
        answer["reason"] = reason
    if failure == "private":
        answer["messages"] = ["This is a private video. Please sign in to verify that you may see it."]
    if failure == "age_restricted":
        answer["desktopLegacyAgeGateReason"] = 1
    if failure == "members_only":
        offer = {"itemTitle": "Members-only content", "offerDescription": reason, "offerId": "sponsors_only_video"}
        answer["errorScreen"] = {"playerLegacyDesktopYpcOfferRenderer": offer}
    return answer


def details(video: Video, channel: Channel, live: str | None) -> dict:
    detail: dict = {"videoId": video.video_id, "title": video.title, "isLiveContent": live is not None}
    detail |= {"lengthSeconds": "0" if live else str(video.duration_s), "viewCount": "12345", "isPrivate": False}
    detail |= {"channelId": channel.channel_id, "author": channel.title, "shortDescription": ""}
    detail |= {"live": {"isLive": True}, "upcoming": {"isUpcoming": True}}.get(live or "", {})
    more = {"title": {"simpleText": video.title}, "ownerProfileUrl": f"http://www.youtube.com/{channel.handle}"}
    more |= {"externalChannelId": channel.channel_id, "uploadDate": "2023-11-23T05:00:06-08:00", "isUnlisted": False}
    detail["thumbnail"] = thumbnails(video.picture)
    return {"videoDetails": detail, "microformat": {"playerMicroformatRenderer": more}}


def captions(video: Video, client: str, token: bool) -> dict:
    """The list of tracks. Those of a browser ask for a token at their addresses, those of the apps don't."""

    def text(words: str) -> dict:
        return {"simpleText": words} if client == "WEB" else runs(words)

    tracks = []
    for track in video.tracks:
        kind = {"kind": "asr"} if track.kind == "generated" else {}
        query = {"v": video.video_id, "ei": "fake", "caps": "asr", "hl": "en", "expire": "1893456000", "key": "yt8"}
        query |= ({"exp": "xpe"} if token else {}) | kind | {"lang": track.language}
        query |= {"fmt": "srv3"} if client == "ANDROID" else {}
        entry = {"baseUrl": f"https://www.youtube.com/api/timedtext?{urlencode(query)}", "name": text(track.name)}
        entry |= {"vssId": f"{'a' if kind else ''}.{track.language}", "languageCode": track.language, **kind}
        tracks.append(entry | {"isTranslatable": True, "trackName": ""})
    renderer: dict = {"captionTracks": tracks}
    if client in ("WEB", "ANDROID"):
        renderer["translationLanguages"] = [{"languageCode": c, "languageName": text(n)} for c, n in LANGUAGES.items()]
    return renderer


def timed_text(video: Video, query: dict[str, str]) -> Reply:
    """A track's text. Without the token that its address asks for it is empty, as YouTube's is."""
    wanted = (query.get("lang"), "generated" if query.get("kind") == "asr" else "manual")
    track = next((track for track in video.tracks if (track.language, track.kind) == wanted), None)
    if track is None or query.get("fmt", "srv1") not in ("srv1", "json3"):
        return NOT_FOUND
    if query.get("exp") == "xpe" and "pot" not in query:
        return Reply()
    translated = f"[{query['tlang']}] " if "tlang" in query else ""
    lines = [(start, duration, translated + words) for start, duration, words in track.lines]
    if query.get("fmt") == "json3":
        return as_json(json3(lines, track.kind == "generated" and not translated))
    text = '<?xml version="1.0" encoding="utf-8" ?><transcript>'
    for start, duration, words in lines:
        escaped = escape(html.escape(words).replace("&#x27;", "&#39;"))
        text += f'<text start="{start:g}" dur="{duration:g}">{escaped}</text>'
    return Reply(f"{text}</transcript>".encode(), content_type="text/xml; charset=UTF-8")


def json3(lines: list[tuple[float, float, str]], generated: bool) -> dict:
    """The player's own format. Generated text comes word by word, with a newline appended before each next line."""
    events: list[dict] = []
    until = round(max((start + duration for start, duration, _ in lines), default=0) * 1000)
    if generated:
        events.append({"tStartMs": 0, "dDurationMs": until, "id": 1, "wpWinPosId": 1, "wsWinStyleId": 1})
    for number, (start, duration, words) in enumerate(lines):
        at, length = round(start * 1000), round(duration * 1000)
        if not generated:
            events.append({"tStartMs": at, "dDurationMs": length, "segs": [{"utf8": words}]})
            continue
        if number:
            event = {"tStartMs": at - 10, "dDurationMs": max(10, until - at + 10), "wWinId": 1, "aAppend": 1}
            events.append(event | {"segs": [{"utf8": "\n"}]})
        first, *others = words.split(" ")
        step, until = length // (len(others) + 1), at + length
        segments: list[dict] = [{"utf8": first, "acAsrConf": 0}]
        segments += [{"utf8": f" {word}", "tOffsetMs": step * n, "acAsrConf": 0} for n, word in enumerate(others, 1)]
        events.append({"tStartMs": at, "dDurationMs": length, "wWinId": 1, "segs": segments})
    return {"wireMagic": "pb3", "pens": [{}], "wsWinStyles": [{}], "wpWinPositions": [{}], "events": events}
