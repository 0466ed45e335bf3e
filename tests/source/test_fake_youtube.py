"""The fake YouTube under the real clients: what they understand of it, they would understand of YouTube."""

import pytest
import requests
from youtube_transcript_api import CouldNotRetrieveTranscript, YouTubeTranscriptApi
from youtube_transcript_api.proxies import GenericProxyConfig
from yt_dlp import DownloadError, YoutubeDL

from fake_youtube import BLOCKS, FakeYouTube, Track, Video

LINES = [(0.0, 2.0, "it's dug & done"), (2.0, 2.5, "now wait")]


@pytest.fixture
def youtube(tmp_path, monkeypatch):
    with FakeYouTube(tmp_path) as youtube:
        for name, value in youtube.environment.items():
            monkeypatch.setenv(name, value)
        talks = [Video(f"talk{number:07}", f"Talk {number}") for number in range(65)]
        talks[0].tracks = [Track("en"), Track("en", "generated", LINES), Track("de")]
        streams = [Video("onair000000", "On air", live="live"), Video("soon0000000", "Soon", live="upcoming")]
        shorts = [Video(f"short{number:06}", f"Short {number}") for number in range(3)]
        youtube.add_channel(
            "@teacher", {"videos": talks, "shorts": shorts, "streams": [*streams, Video("past0000000", "Past")]}
        )
        youtube.add_channel("@brief", {"shorts": shorts})
        youtube.add_playlist("PLtalksandstreams", [*streams, *talks[:40]])
        yield youtube


class Log:
    def __init__(self):
        self.warnings = []

    def debug(self, _):
        pass

    def warning(self, message):
        self.warnings.append(message)

    error = warning


def extracted(youtube, address, proxy=None, **options):
    options = {
        "proxy": proxy or youtube.proxy,
        "compat_opts": {"no-certifi"},
        "cachedir": False,
        "logger": Log(),
    } | options
    with YoutubeDL(options) as ydl:
        return ydl.extract_info(f"https://www.youtube.com/{address}", download=False)


def listed(youtube, address, **options):
    dates = {"youtubetab": {"approximate_date": [""]}}
    return extracted(youtube, address, extract_flat="in_playlist", extractor_args=dates, **options)


def transcripts(youtube, video_id, proxy=None):
    api = YouTubeTranscriptApi(GenericProxyConfig(https_url=proxy or youtube.proxy), requests.Session())
    return api.list(video_id)


def texts(transcript):
    return [snippet.text for snippet in transcript.fetch()]


def test_a_channel_is_listed_page_after_page(youtube):
    listing = listed(youtube, "@teacher/videos")
    assert [entry["id"] for entry in listing["entries"]] == [f"talk{number:07}" for number in range(65)]
    assert {"title": "Talk 64", "duration": 600}.items() <= listing["entries"][-1].items()
    assert listing["entries"][-1]["timestamp"]
    assert [request.kind for request in youtube.requests] == ["page", "continuation", "continuation"]


def test_a_channel_has_many_addresses(youtube):
    channel_id = youtube.channels["teacher"].channel_id
    for address in ("@Teacher", "c/teacher", "user/teacher", "teacher", f"channel/{channel_id}"):
        assert listed(youtube, f"{address}/shorts")["channel_id"] == channel_id


def test_a_bare_channel_is_a_playlist_of_its_tabs(youtube):
    tabs = listed(youtube, "@teacher")["entries"]
    assert {tab["title"]: len(tab["entries"]) for tab in tabs} == {
        "Teacher - Videos": 65,
        "Teacher - Live": 3,
        "Teacher - Shorts": 3,
    }
    assert [entry.get("live_status") for entry in tabs[1]["entries"]] == ["is_live", "is_upcoming", "was_live"]


def test_what_does_not_exist(youtube):
    assert len(listed(youtube, "@brief")["entries"]) == 3
    for address, said in {
        "@brief/videos": "does not have a videos tab",
        "@nobody/videos": "404",
        "playlist?list=PLnothinghere": "The playlist does not exist",
    }.items():
        with pytest.raises(DownloadError, match=said):
            listed(youtube, address)


def test_a_playlist_is_listed(youtube):
    listing = listed(youtube, "playlist?list=PLtalksandstreams")
    assert [entry.get("live_status") for entry in listing["entries"][:3]] == ["is_live", "is_upcoming", None]
    assert len(listing["entries"]) == listing["playlist_count"] == 42


def test_captions_come_as_youtube_sends_them(youtube):
    found = transcripts(youtube, "talk0000000")
    assert [(track.language_code, track.is_generated) for track in found] == [
        ("en", False),
        ("de", False),
        ("en", True),
    ]
    assert texts(found.find_generated_transcript(["en"])) == ["it's dug & done", "now wait"]
    assert texts(found.find_transcript(["en"]).translate("de")) == ["[de] Dig.", "[de] Wait."]
    assert [request.kind for request in youtube.asked("talk0000000")][:3] == ["watch", "player", "timedtext"]


def test_subtitles_of_one_video(youtube):
    video = extracted(youtube, "watch?v=talk0000000", skip_download=True, ignore_no_formats_error=True)
    assert (set(video["subtitles"]), "en-orig" in video["automatic_captions"]) == ({"en", "de"}, True)
    assert (video["channel"], video["duration"], video["upload_date"]) == ("Teacher", 600, "20231123")
    assert [(request.kind, request.client) for request in youtube.requests] == [("watch", None), ("player", "VISIONOS")]
    address = next(form["url"] for form in video["automatic_captions"]["en-orig"] if form["ext"] == "json3")
    events = requests.get(address, proxies={"https": youtube.proxy}).json()["events"]
    assert "".join(part["utf8"] for event in events for part in event.get("segs", [])) == "it's dug & done\nnow wait"
    assert [event.get("aAppend") for event in events] == [None, None, 1, None]


@pytest.mark.parametrize("kind", ["proxy", "https_proxy", "socks_proxy"])
def test_every_kind_of_proxy_leads_there(youtube, kind):
    proxy = getattr(youtube, kind)
    assert len(listed(youtube, "@teacher/shorts", proxy=proxy)["entries"]) == 3
    assert texts(transcripts(youtube, "talk0000000", proxy).find_transcript(["en"])) == ["Dig.", "Wait."]
    with pytest.raises(requests.ConnectionError):
        requests.get("https://example.com", proxies={"https": proxy})
    assert youtube.requests[-1].host == "example.com"


def test_failures_end_and_blocks_begin(youtube):
    youtube.add_video(Video("late0000000", "Late", tracks=[Track("en")], failure="server_error", failures_left=1))
    with pytest.raises(CouldNotRetrieveTranscript):
        transcripts(youtube, "late0000000")
    assert transcripts(youtube, "late0000000")
    youtube.continuation_failure, youtube.continuation_failures_left = "server_error", 2
    assert len(listed(youtube, "@teacher/videos")["entries"]) == 65
    for youtube.block_kind in sorted(BLOCKS):
        youtube.forget()
        youtube.blocked, youtube.block_after = None, 1
        assert transcripts(youtube, "talk0000000")
        with pytest.raises(CouldNotRetrieveTranscript):
            transcripts(youtube, "talk0000000")
        with pytest.raises(DownloadError):
            listed(youtube, "@teacher/shorts")


def test_a_misspelt_failure_is_refused(youtube):
    with pytest.raises(ValueError, match="no failure of a video"):
        Video("video000000", "Video", failure="bot_chek")
    with pytest.raises(ValueError, match="listing_failure"):
        youtube.listing_failure = "consent"
