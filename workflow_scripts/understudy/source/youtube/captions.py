"""One video's captions from YouTube: by youtube-transcript-api, and by yt-dlp where that can't get them."""

import json
from typing import NamedTuple
from xml.etree.ElementTree import ParseError

import requests
from defusedxml import DefusedXmlException
from youtube_transcript_api import Transcript, YouTubeTranscriptApi, YouTubeTranscriptApiException
from youtube_transcript_api import _errors as api_errors

from understudy.shared.log import log
from understudy.shared.run import check_not_stopped
from understudy.shared.safe_markdown import plain_title
from understudy.source.captions.formats import cues_of_events
from understudy.source.captions.language import chosen_track
from understudy.source.captions.speakers import Segment
from understudy.source.youtube.access import (
    StoppableSession,
    YouTubeAccess,
    blocked,
    proxy_config,
    repeated,
    yt_dlp_options,
)
from understudy.source.youtube.address import watch_address
from understudy.source.youtube.errors import (
    AddressBlocked,
    AgeRestricted,
    CaptionsDisabled,
    NoCaptionsInLanguages,
    NotOverYet,
    PoTokenNeeded,
    ServerFailure,
    UnexpectedAnswer,
    UnknownReason,
    Unreachable,
    VideoRemoved,
    YouTubeError,
    error_for_reason,
)
from understudy.source.youtube.versions import javascript_runtimes

EMPTY_REPLY = "no element found: line 1, column 0"
DAMAGED = (DefusedXmlException, ParseError, LookupError, TypeError, ValueError, AttributeError)
OF_THE_API = (YouTubeTranscriptApiException, OSError, *DAMAGED)
MEANINGS: list[tuple[type[Exception], type[YouTubeError]]] = [
    (api_errors.RequestBlocked, AddressBlocked),
    (api_errors.TranscriptsDisabled, CaptionsDisabled),
    (api_errors.AgeRestricted, AgeRestricted),
    (api_errors.InvalidVideoId, VideoRemoved),
    (api_errors.PoTokenRequired, PoTokenNeeded),
    (requests.exceptions.RetryError, AddressBlocked),
    (requests.exceptions.JSONDecodeError, UnexpectedAnswer),
    (requests.exceptions.TooManyRedirects, UnexpectedAnswer),
    (OSError, Unreachable),
    (Exception, UnexpectedAnswer),
]


class Captions(NamedTuple):
    """What YouTube gives for one video."""

    cues: list[Segment]
    language: str
    is_generated: bool
    title: str | None


def captions_of(video_id: str, languages: list[str], access: YouTubeAccess) -> Captions:
    """Return the captions that suit `languages` best: made by a person before generated ones, never a translation.

    Raises NoCaptions if this video has none to give, NotNow if another try may help, and RunStopped if YouTube blocks the
    address: then nothing more is asked in this run."""
    try:
        try:
            return repeated(lambda: by_youtube_transcript_api(video_id, languages, access), access)
        except YouTubeError as error:
            helped_by_cookies = error.cookies_may_help and access.cookies is not None
            if not (helped_by_cookies or (error.another_client_may_help and access.fallback)):
                raise
            log.info("%s: %s. Asking with yt-dlp.", video_id, error)
            captions = by_yt_dlp_or_none(video_id, languages, access)
            if captions is None:
                raise
            return captions
    except AddressBlocked as error:
        raise blocked(error) from None


def by_youtube_transcript_api(video_id: str, languages: list[str], access: YouTubeAccess) -> Captions:
    """Return the captions with three requests: the watch page, the player's reply, the timed text."""
    session = StoppableSession(access.proxy)
    player: dict = {}
    session.hooks["response"].append(lambda response, **_: player.update(player_reply(response)))
    try:
        tracks = YouTubeTranscriptApi(proxy_config(access), session).list(video_id)
        track = chosen_track(((track.language_code, track.is_generated, track) for track in tracks), languages)
        if track is None:
            raise NoCaptionsInLanguages(f"it has {languages_of(tracks)}")
        cues = [Segment(snippet.start, snippet.duration, snippet.text) for snippet in fetched(track)]
    except YouTubeError:
        raise
    except OF_THE_API as error:
        raise as_youtube_error(error, player) from None
    title = (player.get("videoDetails") or {}).get("title")
    return Captions(
        cues, track.language_code, track.is_generated, plain_title(title) if isinstance(title, str) else None
    )


def fetched(track: Transcript) -> list:
    """The track's snippets. An empty reply is how YouTube answers where it wants a token that it didn't ask for before."""
    try:
        return track.fetch().snippets
    except ParseError as error:
        if EMPTY_REPLY in str(error):
            raise PoTokenNeeded("an empty reply") from None
        raise


def as_youtube_error(error: Exception, player: dict) -> YouTubeError:
    """What an exception of youtube-transcript-api, or of the libraries below it, means here; `player` is the player's reply."""
    if isinstance(error, api_errors.VideoUnplayable | api_errors.VideoUnavailable):
        return error_for_reason(". ".join(reasons_in(player)) or str(getattr(error, "reason", None)))
    if isinstance(error, api_errors.TranscriptsDisabled) and is_on_air(player):
        return NotOverYet()
    if isinstance(error, api_errors.YouTubeRequestFailed):
        return (ServerFailure if " Server Error" in error.reason else UnexpectedAnswer)(
            error.reason.split(" for url")[0]
        )
    kind = next(ours for theirs, ours in MEANINGS if isinstance(error, theirs))
    return kind(type(error).__name__ if kind in (UnexpectedAnswer, Unreachable) else None)


def reasons_in(player: dict) -> list[str]:
    """Why the player doesn't play, in its own words. Private videos come with `messages` alone."""
    state = player.get("playabilityStatus") or {}
    screen = ((state.get("errorScreen") or {}).get("playerErrorMessageRenderer") or {}).get("subreason") or {}
    below = "".join(run.get("text", "") for run in screen.get("runs") or []) or screen.get("simpleText")
    said = [state.get("reason"), below, *(state.get("messages") or [])]
    return list(dict.fromkeys(text.rstrip(".") for text in said if isinstance(text, str) and text))


def is_on_air(player: dict) -> bool:
    """Whether the player says that the video is live or upcoming: its captions come when it is over."""
    details = player.get("videoDetails") or {}
    return bool(details.get("isLive") or details.get("isUpcoming"))


def player_reply(response: requests.Response) -> dict:
    """The player's reply, if `response` is one. It has the title of videos that were listed by their id alone."""
    if "/youtubei/v1/player" not in response.url:
        return {}
    try:
        reply = response.json()
    except ValueError:
        return {}
    return reply if isinstance(reply, dict) else {}


def languages_of(tracks) -> str:
    """The languages of the tracks, for a message."""
    return ", ".join(sorted({track.language_code for track in tracks})) or "none"


def by_yt_dlp_or_none(video_id: str, languages: list[str], access: YouTubeAccess) -> Captions | None:
    """As `by_yt_dlp`, but None for any failure other than a block: the first client's failure says more."""
    try:
        return by_yt_dlp(video_id, languages, access)
    except AddressBlocked:
        raise
    except YouTubeError as error:
        log.info("%s: yt-dlp can't get them either: %s", video_id, error)
        return None


def by_yt_dlp(video_id: str, languages: list[str], access: YouTubeAccess) -> Captions | None:
    """Return the captions with yt-dlp, which signs in where it has cookies, and knows more of YouTube's players.

    None if it finds no captions in these languages. Raises AddressBlocked where it is blocked, too."""
    # Half a second of importing that most jobs don't need.
    import yt_dlp

    check_not_stopped()
    # Without this, a video whose formats it can't get is an error, although its captions are there.
    options = {"skip_download": True, "ignore_no_formats_error": True, "js_runtimes": javascript_runtimes()}
    # With it, a block is no error either, but a warning.
    warnings = CollectedWarnings()
    with yt_dlp_options(access, logger=warnings, **options) as options, yt_dlp.YoutubeDL(options) as youtube:
        try:
            info = youtube.extract_info(watch_address(video_id), download=False)
            track = chosen_track(tracks_of(info), languages)
            if track is None:
                said = next(
                    (text for text in warnings.texts if isinstance(error_for_reason(text), AddressBlocked)), None
                )
                if said is not None:
                    raise AddressBlocked(said)
                return None
            language, is_generated, address = track
            events = json.loads(youtube.urlopen(address).read())["events"]
        except yt_dlp.utils.YoutubeDLError as error:
            raise error_of_yt_dlp(error) from None
        except (LookupError, TypeError, ValueError) as error:
            raise UnexpectedAnswer(type(error).__name__) from None
    return Captions(cues_of_events(events), language, is_generated, plain_title(info.get("title") or ""))


class CollectedWarnings:
    """A logger for yt-dlp that keeps what it warns of."""

    def __init__(self):
        self.texts: list[str] = []

    def debug(self, text: str) -> None:
        pass

    def warning(self, text: str) -> None:
        self.texts.append(text)

    error = warning


def tracks_of(info: dict):
    """Yield (code, is generated, (code, is generated, address)) of a video's tracks that are no translations."""
    for kind, is_generated in (("subtitles", False), ("automatic_captions", True)):
        for code, formats in (info.get(kind) or {}).items():
            address = next((entry["url"] for entry in formats if entry.get("ext") == "json3"), None)
            if address and "tlang=" not in address:
                code = code.removesuffix("-orig")
                yield code, is_generated, (code, is_generated, address)


def error_of_yt_dlp(error: Exception) -> YouTubeError:
    """What an exception of yt-dlp means here."""
    said = str(getattr(error, "msg", None) or error)
    found = error_for_reason(said)
    return UnexpectedAnswer(said) if isinstance(found, UnknownReason) else found
