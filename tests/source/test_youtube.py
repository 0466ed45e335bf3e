"""A whole channel through the real Snakemake, yt-dlp and youtube-transcript-api, from a YouTube on loopback."""

import re
import shutil
import subprocess
import sys
import threading
import types
from pathlib import Path

import pytest

from fake_youtube import FakeYouTube, Track, Video
from project import REPOSITORY, Project
from understudy.configuration import complete_configuration
from understudy.shared.errors import ConfigurationError
from understudy.shared.files import read_json
from understudy.shared.run import RunStopped, remove_stop_file, stop_run, wait_unless_stopped
from understudy.source.selection import video_record
from understudy.source.transcript import FetchFailed, fetch_transcript
from understudy.source.videos import list_videos
from understudy.source.youtube import versions
from understudy.source.youtube.access import YouTubeAccess
from understudy.source.youtube.captions import error_of_yt_dlp
from understudy.source.youtube.errors import (
    AddressBlocked,
    ListingFailed,
    NotInThisCountry,
    NotOverYet,
    PrivateVideo,
    UnknownReason,
    VideoRemoved,
    error_for_reason,
)
from understudy.source.youtube.listing import flat_entries

SCHEMA = REPOSITORY / "schemas/config.schema.yaml"
CHANNEL_ID = "UC" + "t" * 22
FINAL = {
    "disabled": "it has no captions",
    "private": "private",
    "members_only": "for members of the channel only",
    "removed": "removed",
    "terminated": "removed",
    "age_restricted": "age-restricted",
    "not_in_your_country": "not available in this country",
}
FOR_NOW = {
    "server_error": "YouTube answered with an error of its own (503 Server Error: Service Unavailable)",
    "half_json": "YouTube's answer was damaged",
    "half_xml": "YouTube's answer was damaged",
    "redirect_loop": "YouTube's answer was damaged",
    "consent_forever": "YouTube's answer was damaged",
    "no_playability": "YouTube's answer was damaged",
    "cut": "YouTube could not be reached",
    "reset": "YouTube could not be reached",
    "po_token": "proof-of-origin token",
    "empty_timedtext": "proof-of-origin token",
    "upcoming": "not over yet",
    "unknown_reason": "for a reason that is not known here (The moon is in the way. It will pass)",
}
BLOCKS = [
    "bot_check",
    "bot_check_straight",
    "try_again_later",
    "too_many_requests",
    "too_many_requests_timedtext",
    "captcha",
]


def talk(name: str, number: int = 0, **more) -> Video:
    """A video whose id begins with `name`; the rest of the eleven characters is its number."""
    video_id = f"{name[:8]:-<8}{number:03}"
    return Video(video_id, f"Talk {video_id}", **{"tracks": [Track("en")], **more})


def ids(*videos: Video) -> list[str]:
    return [video.video_id for video in videos]


@pytest.fixture
def youtube(tmp_path, monkeypatch):
    with FakeYouTube(tmp_path) as youtube:
        for name, value in youtube.environment.items():
            monkeypatch.setenv(name, value)
        yield youtube


@pytest.fixture
def project(tmp_path, youtube, tiny_base):
    """A project on the channel @teacher of the fake YouTube, with short pauses, before its first run."""
    project = Project.made_in(tmp_path / "project", "http://127.0.0.1:9/v1", tiny_base)
    source = {"channel": "@teacher", "proxy": youtube.proxy, "pause_s": 0.02, "retries": 1, "captions_dir": None}
    project.configure(source=source)
    return project


class Source:
    """The scripts of this stage in this process, in a project's folder."""

    def __init__(self, project: Project):
        self.project = project

    def configure(self, **source) -> None:
        self.project.configure(source=source)

    @property
    def source(self) -> dict:
        return complete_configuration(self.project.config(), SCHEMA)["source"]

    def refresh(self) -> list[str]:
        """Refresh data/videos.json; the ids."""
        list_videos(self.source, YouTubeAccess.configured(self.source), "data/videos.json", "data/passed_over.json")
        return [video["video_id"] for video in self.videos()]

    def videos(self) -> list[dict]:
        return read_json("data/videos.json")

    def passed_over(self) -> list[dict]:
        return read_json("data/passed_over.json")

    def fetch(self, video: Video, **listed) -> dict:
        """The transcript record of a video."""
        record = {**video_record(video.video_id, video.title), **listed}
        path = f"data/transcripts/{video.video_id}.json"
        fetch_transcript(record, self.source["languages"], YouTubeAccess.configured(self.source), path)
        return read_json(path)


@pytest.fixture
def channel(project, monkeypatch):
    monkeypatch.chdir(project.path)
    return Source(project)


def has(youtube, *videos: Video, **tabs: list[Video]) -> None:
    """The channel has these videos from now on."""
    youtube.add_channel(
        "@teacher", {"videos": list(videos), **tabs} if videos or not tabs else tabs, channel_id=CHANNEL_ID
    )


def fetch_all(project, *arguments: str, **options) -> str:
    """Run Snakemake for the transcripts of the whole channel."""
    return project.snakemake(*arguments, "--", "data/channel.json", **options)


@pytest.mark.parametrize("size", [40, pytest.param(300, marks=pytest.mark.long)])
def test_a_channel_of_which_some_videos_fail_in_each_way(youtube, project, size):
    good = [talk("good", number) for number in range(size - len(FINAL) - len(FOR_NOW))]
    final = {kind: talk(kind, failure=kind) for kind in FINAL}
    for_now = {kind: talk("now", number, failure=kind) for number, kind in enumerate(FOR_NOW)}
    good[7].failure, good[7].failures_left = "server_error", 1
    good[8].failure = "consent"
    good[9].tracks = [Track("en", "generated", [(0.0, 2.0, ">> the soil [Music]"), (2.0, 2.0, "keeps &amp; pays")])]
    good[10].video_id = "-startswith"
    has(youtube, *good, *final.values(), *for_now.values())

    said = fetch_all(project, "--resources", "youtube=2", succeeds=False)
    records = {path.stem: read_json(path) for path in project.path.glob("data/transcripts/*.json")}
    assert {key for key, record in records.items() if record["status"] == "ok"} == {video.video_id for video in good}
    for kind, reason in FINAL.items():
        assert records[final[kind].video_id]["status"] == "unavailable"
        assert records[final[kind].video_id]["reason"].startswith(reason)
        assert len(youtube.asked(final[kind].video_id, "watch")) == 1, kind
    for kind, reason in FOR_NOW.items():
        assert for_now[kind].video_id not in records
        assert f"{for_now[kind].video_id}: " in said
        assert reason in (project / f"logs/transcripts/{for_now[kind].video_id}.log").read_text(), kind
    assert len(records) == len(good) + len(FINAL)
    assert records["-startswith"]["text"] == "Dig. Wait."
    assert records[good[9].video_id]["text"] == "the soil keeps & pays"
    assert records[good[9].video_id]["removed"]["sound_tags"] == 1
    assert (records[good[9].video_id]["language"], records[good[9].video_id]["kind"]) == ("en", "generated")
    assert (
        f"Talks: {size} listed, {len(good)} with a transcript, {len(FINAL)} without captions, {len(FOR_NOW)} not fetched yet."
        in said
    )

    # Later: what failed for now is asked again, what is final is not.
    for video in for_now.values():
        video.failure = None
    youtube.forget()
    fetch_all(project)
    assert {request.video_id for request in youtube.asked(kind="watch")} == {
        video.video_id for video in for_now.values()
    }
    report = read_json(project / "data/channel.json")
    assert (report["videos"], report["with_captions"], report["not_fetched"]) == (size, size - len(FINAL), 0)
    assert sum(report["without_captions"].values()) == len(FINAL)
    assert project.planned("data/channel.json") == {}


def test_a_block_stops_all_fetching_and_the_next_run_goes_on(youtube, project):
    has(youtube, *[talk("good", number) for number in range(12)])
    youtube.block_after, youtube.block_kind = 4, "too_many_requests"
    said = fetch_all(project, "--resources", "youtube=2", succeeds=False)
    done = len(list(project.path.glob("data/transcripts/*.json")))
    assert 3 <= done <= 4
    assert len(youtube.asked(kind="watch")) <= 4 + 2
    assert "YouTube blocks requests from this address" in said and "source.cookies" in said
    assert f"Talks: 12 listed, {done} with a transcript, 0 without captions, {12 - done} not fetched yet." in said
    youtube.block_after = youtube.blocked = None
    youtube.forget()
    fetch_all(project)
    assert len(youtube.asked(kind="watch")) == 12 - done


@pytest.mark.parametrize("kind", BLOCKS)
def test_every_kind_of_block_stops_the_run(youtube, channel, kind):
    blocked, other = talk("blocked", failure=kind), talk("other")
    has(youtube, blocked, other)
    with pytest.raises(RunStopped, match=r"YouTube blocks requests.*on where it stopped.*some hours.*source.proxy"):
        channel.fetch(blocked)
    youtube.forget()
    with pytest.raises(RunStopped):
        channel.fetch(other)
    assert youtube.requests == []
    remove_stop_file()
    assert channel.fetch(other)["status"] == "ok"
    assert not Path(f"data/transcripts/{blocked.video_id}.json").exists()


def test_a_block_is_not_lost_when_yt_dlp_is_asked_next(youtube, channel):
    """Neither where the second client fails in another way, nor where only that one is blocked, which it says in a warning."""
    video = talk("blocked", failure="bot_check")
    has(youtube, video)
    Path("cookies.txt").write_text("# Netscape HTTP Cookie File\n.youtube.com\tTRUE\t/\tTRUE\t2147483647\tSID\tx\n")
    channel.configure(cookies="cookies.txt")
    with pytest.raises(RunStopped):
        channel.fetch(video)
    remove_stop_file()
    error = AddressBlocked("not a bot")
    said = "ERROR: [youtube] x: Sign in to confirm you're not a bot"
    assert isinstance(error_of_yt_dlp(types.SimpleNamespace(msg=said)), type(error))


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("Video unavailable. This content isn't available, try again later", AddressBlocked),
        ("This content isn't available, try again later. The current session has been rate-limited", AddressBlocked),
        ("HTTP Error 429: Too Many Requests", AddressBlocked),
        ("This video is unavailable. Watch on the latest version of YouTube", UnknownReason),
        ("Video unavailable. This content isn't available", UnknownReason),
        ("An error occurred. Please try again later.", UnknownReason),
        ("This live stream recording is not available.", VideoRemoved),
        ("This video isn't available anymore", VideoRemoved),
        ("This video contains content from X, who has blocked it on copyright grounds", VideoRemoved),
        ("Video unavailable. The uploader has not made this video available in your country", NotInThisCountry),
        ("Premieres in 3 hours", NotOverYet),
        ("This is a private video. Please sign in to verify that you may see it.", PrivateVideo),
    ],
)
def test_what_youtube_says_is_understood(said, kind):
    assert type(error_for_reason(said)) is kind


def test_a_live_video_that_is_named_by_its_id_is_not_given_up(youtube, channel):
    video = talk("onair", live="live", tracks=[])
    has(youtube, video)
    with pytest.raises(FetchFailed, match="not over yet"):
        channel.fetch(video)
    video.live = None
    video.tracks = [Track("en")]
    assert channel.fetch(video)["status"] == "ok"


def test_a_rotating_proxy_waits_for_no_retry_after_and_stops_with_the_run(youtube, channel):
    video = talk("many", failure="too_many_requests")
    has(youtube, video)
    channel.configure(proxy_rotates=True, pause_s=5)
    threading.Timer(0.5, lambda: stop_run("stopped by another job")).start()
    with pytest.raises(RunStopped, match="stopped by another job"):
        channel.fetch(video)


def test_a_job_that_waits_wakes_when_the_run_is_stopped(channel):
    started = threading.Timer(0.3, lambda: stop_run("stopped by another job"))
    started.start()
    with pytest.raises(RunStopped, match="stopped by another job"):
        wait_unless_stopped(3600)


def test_languages_by_preference_by_person_by_region_and_never_a_translation(youtube, channel):
    videos = {
        "en": talk("plain", tracks=[Track("en", "generated"), Track("en-GB"), Track("en")]),
        "en-GB": talk("british", tracks=[Track("en", "generated"), Track("en-GB")]),
        "de": talk("german", tracks=[Track("fr"), Track("de", "generated")]),
        None: talk("french", tracks=[Track("fr")]),
    }
    has(youtube, *videos.values())
    channel.configure(languages=["en", "de"])
    records = [channel.fetch(video) for video in videos.values()]
    assert [record["language"] for record in records] == list(videos)
    assert [record["kind"] for record in records] == ["manual", "manual", "generated", None]
    assert records[-1]["reason"] == "no captions in the languages asked for (it has fr)"
    assert not [request for request in youtube.requests if "tlang" in request.query]


def test_a_refresh_lists_new_uploads_and_the_main_job_runs_only_theirs(youtube, project):
    old, new = [talk("old", number) for number in range(3)], talk("new")
    has(youtube, *old)
    fetch_all(project)
    before = project.contents("data/transcripts/*.json")
    youtube.forget()
    project.snakemake("-f", "data/videos.json")
    assert project.planned("data/channel.json") == {}

    has(youtube, new, old[0], old[2])
    old[0].title = "Another title"
    project.snakemake("-f", "data/videos.json")
    assert [video["video_id"] for video in read_json(project / "data/videos.json")] == ids(new, *old)
    fetch_all(project)
    assert [request.video_id for request in youtube.asked(kind="watch")] == ids(new)
    assert before.items() <= project.contents("data/transcripts/*.json").items()

    youtube.listing_failure = "server_error"
    said = project.snakemake("-f", "data/videos.json", succeeds=False)
    assert "YouTube gave no list of videos" in said
    assert project.planned("data/channel.json") == {}

    youtube.listing_failure = None
    project.configure(source={"forget_removed": True})
    project.snakemake("data/videos.json")
    assert [video["video_id"] for video in read_json(project / "data/videos.json")] == ids(new, old[0], old[2])


@pytest.mark.parametrize(
    "failure", ["too_many_requests", "bot_check", "server_error", "half_json", "cut", "incomplete"]
)
@pytest.mark.parametrize("place", ["listing_failure", "continuation_failure"])
def test_a_refresh_that_fails_leaves_the_old_list(youtube, channel, place, failure):
    has(youtube, *[talk("old", number) for number in range(31)])
    channel.configure(retries=0)
    channel.refresh()
    before = Path("data/videos.json").read_bytes()
    has(youtube, *[talk("new", number) for number in range(40)])
    setattr(youtube, place, failure)
    blocked = failure in ("too_many_requests", "bot_check")
    said = "YouTube blocks requests" if blocked else "YouTube gave no list of videos"
    with pytest.raises(RunStopped if blocked else ListingFailed, match=said):
        channel.refresh()
    assert Path("data/videos.json").read_bytes() == before


def test_a_page_that_fails_once_is_asked_for_again(youtube, channel):
    has(youtube, *[talk("talk", number) for number in range(40)])
    youtube.continuation_failure, youtube.continuation_failures_left = "server_error", 1
    assert len(channel.refresh()) == 40


def test_live_and_upcoming_videos_are_listed_once_they_are_over(youtube, channel):
    on_air, soon, past, other = talk("onair", live="live"), talk("soon", live="upcoming"), talk("past"), talk("other")
    has(youtube, other, streams=[on_air, soon, past])
    channel.configure(tabs=["streams", "videos"])
    assert channel.refresh() == ids(past, other)
    assert [video["why"] for video in channel.passed_over()] == ["live", "upcoming"]
    on_air.live = None
    assert channel.refresh() == ids(on_air, past, other)


def test_tabs_filters_and_a_limit_choose_and_what_they_leave_out_is_said(youtube, channel):
    videos = [talk("talk", number, age=f"{number + 1} years ago") for number in range(70)]
    videos[1].title = "An interview"
    has(youtube, *videos, shorts=[talk("short")])
    channel.configure(tabs=["shorts", "videos", "streams"], title_exclude=["INTERVIEW"], max_videos=3)
    assert channel.refresh() == ids(talk("short"), videos[0], videos[2])
    assert [video["title"] for video in channel.passed_over()] == ["An interview"]
    assert youtube.asked(kind="continuation") == [], "pages behind the limit cost no request"
    year = int(channel.videos()[1]["published"][:4])
    channel.configure(max_videos=None, title_exclude=[], published_after=f"{year - 2}-01-01", tabs=["videos"])
    assert channel.refresh() == ids(*videos[:3])
    assert len(channel.passed_over()) == 67
    channel.configure(published_after="2999-01-01")
    with pytest.raises(ListingFailed, match=r"all 70 are left out: the first, .*, because published before 2999-01-01"):
        channel.refresh()


@pytest.mark.parametrize(
    "address",
    [f"https://www.youtube.com/channel/{CHANNEL_ID}", "youtube.com/c/teacher/videos", "https://youtube.com/teacher"],
)
def test_other_forms_of_the_address(youtube, channel, address):
    has(youtube, talk("talk"))
    channel.configure(channel=address)
    assert channel.refresh() == ids(talk("talk"))


def test_lists_inside_one_another_are_followed_each_once():
    """As yt-dlp returns a bare channel: lists of lists, references to lists, a list that names itself."""
    pages = {
        "first": {"entries": [{"entries": [{"id": "a"}, {"id": "b"}]}, to("second"), None, {"id": "a"}]},
        "second": {"entries": iter([{"_type": "url", "ie_key": "Youtube", "id": "c"}, to("first"), to("second")])},
    }
    client = types.SimpleNamespace(extract_info=lambda page, **_: pages[page])
    assert [entry["id"] for entry in flat_entries(client, "first", set())] == ["a", "b", "c", "a"]


def to(page: str) -> dict:
    return {"_type": "url", "ie_key": "YoutubeTab", "url": page, "id": page}


def test_a_playlist_and_a_text_file_of_ids(youtube, channel):
    videos = [talk("talk", number) for number in range(3)]
    has(youtube, *videos)
    youtube.add_playlist("PLwhatwelike", [videos[2], videos[0], videos[2]])
    channel.configure(channel="https://www.youtube.com/playlist?list=PLwhatwelike")
    assert channel.refresh() == ids(videos[2], videos[0])

    youtube.forget()
    Path("talks.txt").write_text(f"{videos[1].video_id}  # the best\nhttps://youtu.be/{videos[0].video_id}\n")
    channel.configure(channel="talks.txt")
    assert channel.refresh() == ids(videos[1], videos[0])
    assert youtube.requests == []
    assert channel.fetch(videos[1], title=videos[1].video_id)["title"] == videos[1].title
    channel.project.snakemake("data/videos.json")
    Path("talks.txt").write_text(f"{videos[1].video_id}\n")
    assert channel.project.planned("data/videos.json") == {"videos": 1}


@pytest.mark.parametrize("kind", ["https_proxy", "socks_proxy"])
def test_other_kinds_of_proxy(youtube, channel, kind, monkeypatch):
    has(youtube, talk("talk"))
    channel.configure(proxy=getattr(youtube, kind))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert channel.refresh() == ids(talk("talk"))
    assert channel.fetch(talk("talk"))["text"] == "Dig. Wait."


def test_the_environment_s_proxy_is_used_where_the_project_names_none(youtube, channel, monkeypatch):
    has(youtube, talk("talk"))
    channel.configure(proxy=None)
    monkeypatch.setenv("HTTPS_PROXY", youtube.proxy)
    assert channel.refresh() == ids(talk("talk"))
    assert channel.fetch(talk("talk"))["text"] == "Dig. Wait."


def test_a_proxy_s_login_reaches_no_file_and_no_terminal(youtube, project, monkeypatch):
    has(youtube, talk("talk"), talk("reset", failure="reset"))
    with_login = youtube.proxy.replace("://", "://someone:s3cret-word@")
    project.configure(source={"proxy": with_login})
    said = project.snakemake("data/videos.json", succeeds=False)
    assert "UNDERSTUDY_PROXY" in said and "s3cret-word" not in said
    project.configure(source={"proxy": None})
    monkeypatch.setenv("UNDERSTUDY_PROXY", with_login)
    said = fetch_all(project, succeeds=False)
    assert read_json(project / f"data/transcripts/{talk('talk').video_id}.json")["status"] == "ok"
    monkeypatch.setenv("UNDERSTUDY_PROXY", "http://someone:s3cret-word/x@127.0.0.1:9")
    refused = project.snakemake("-f", "data/videos.json", succeeds=False)
    assert "UNDERSTUDY_PROXY is no address" in refused
    monkeypatch.setenv("UNDERSTUDY_PROXY", "http://someone:s3cret-word@127.0.0.1:9")
    said += refused + project.snakemake("-f", "data/videos.json", succeeds=False)
    assert "s3cret-word" not in said
    assert not [path for path in project.path.rglob("*") if path.is_file() and b"s3cret-word" in path.read_bytes()]


def test_a_rotating_proxy_repeats_what_is_blocked(youtube, channel):
    captcha = talk("captcha", failure="captcha", failures_left=2)
    many = talk("many", failure="too_many_requests", failures_left=2)
    has(youtube, captcha, many)
    channel.configure(proxy_rotates=True)
    assert [channel.fetch(video)["status"] for video in (captcha, many)] == ["ok", "ok"]
    assert len(youtube.asked(captcha.video_id, "watch")) == 3
    many.failure = "too_many_requests"
    many.failures_left = None
    with pytest.raises(RunStopped):
        channel.fetch(many)


def test_yt_dlp_gets_what_the_other_client_can_t_only_when_it_may(youtube, channel):
    video = talk("consent", failure="consent_forever", tracks=[Track("en", "generated"), Track("de")])
    has(youtube, video)
    with pytest.raises(FetchFailed, match="answer was damaged"):
        channel.fetch(video)
    channel.configure(fallback=True)
    record = channel.fetch(video)
    assert (record["language"], record["kind"], record["text"]) == ("en", "generated", "Dig. Wait.")
    video.tracks = [Track("de")]
    with pytest.raises(FetchFailed, match="answer was damaged"):
        channel.fetch(video)
    assert not [request for request in youtube.requests if "tlang" in request.query]


def test_cookies_are_for_yt_dlp_and_stay_as_they_are(youtube, channel):
    video = talk("age", failure="age_restricted")
    has(youtube, video)
    cookies = Path("cookies.txt")
    cookies.write_text("# Netscape HTTP Cookie File\n.youtube.com\tTRUE\t/\tTRUE\t2147483647\tSID\ts3cret-cookie\n")
    before = cookies.read_bytes()
    assert channel.fetch(video)["status"] == "unavailable"
    assert len(youtube.asked(video.video_id, "watch")) == 1
    youtube.forget()
    channel.configure(cookies="cookies.txt")
    assert channel.fetch(video)["reason"].startswith("age-restricted")
    assert len(youtube.asked(video.video_id, "watch")) == 2, "the fake YouTube knows no account, but yt-dlp was asked"
    assert cookies.read_bytes() == before
    assert not [path for path in Path().rglob("*.json") if "s3cret-cookie" in path.read_text()]
    cookies.write_text("not a cookie file")
    with pytest.raises(ConfigurationError, match=r"source.cookies is 'cookies.txt': .* Netscape"):
        channel.fetch(video)


def test_a_channel_that_is_not_there_is_said(youtube, channel):
    channel.configure(channel="@nobody")
    with pytest.raises(ListingFailed, match=r"@nobody/videos: .*404"):
        channel.refresh()
    assert not Path("data/videos.json").exists()
    has(youtube, shorts=[talk("short")])
    channel.configure(channel="@teacher")
    with pytest.raises(ListingFailed, match=r"@teacher has none that is over. .* source.tabs"):
        channel.refresh()


def test_a_failure_that_newer_packages_may_mend_says_how_old_the_installed_ones_are(youtube, channel, monkeypatch):
    newer = re.compile(
        r"yt-dlp \S+ is \d+ days old, youtube-transcript-api \S+ was installed \d+ days ago.*update-youtube"
    )
    for kind in FOR_NOW:
        video = talk("now", failure=kind)
        has(youtube, video)
        with pytest.raises(FetchFailed) as failed:
            channel.fetch(video)
        is_meant = FOR_NOW[kind].startswith(("YouTube's answer was damaged", "proof-of-origin"))
        assert bool(newer.search(str(failed.value))) == is_meant, kind
        assert "JavaScript" not in str(failed.value), "yt-dlp was not asked"
    monkeypatch.setattr(versions, "has_javascript_runtime", lambda: False)
    channel.configure(fallback=True)
    video = talk("now", failure="consent_forever", tracks=[Track("de")])
    has(youtube, video)
    with pytest.raises(FetchFailed, match=r"no JavaScript runtime.*make youtube DENO=1"):
        channel.fetch(video)


def test_a_list_that_is_not_understood_says_it_and_one_that_is_not_there_does_not(youtube, channel, monkeypatch):
    channel.configure(channel="@nobody")
    with pytest.raises(ListingFailed) as failed:
        channel.refresh()
    assert "update-youtube" not in str(failed.value)
    assert "update-youtube" in versions.advice(ListingFailed("Unable to recognize tab page", may_be_a_change=True))


@pytest.mark.parametrize(("said", "runtimes"), [("v22.1.0", {"deno", "node"}), ("v20.9.0", {"deno"}), ("", {"deno"})])
def test_yt_dlp_gets_deno_and_a_node_that_is_new_enough(tmp_path, monkeypatch, said, runtimes):
    node = tmp_path / "node"
    node.write_text(f"#!/bin/sh\necho {said}\n")
    node.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert versions.javascript_runtimes().keys() == runtimes


def test_the_one_line_of_the_docs_fetches_captions_that_the_next_run_reads(youtube, channel, tmp_path):
    """docs/source.md, with this YouTube's proxy in place of a browser's login."""
    videos = [talk("talk"), Video(talk("why").video_id, "Why? | A/B", [Track("en"), Track("de")])]
    has(youtube, *videos)
    docs = (REPOSITORY / "docs/source.md").read_text()
    line = next(line.strip() for line in docs.splitlines() if line.strip().startswith("yt-dlp --cookies-from-browser"))
    words = line.replace("--cookies-from-browser firefox", f"--ignore-no-formats-error --proxy {youtube.proxy}").split()
    words[words.index("--sleep-subtitles") + 1] = "0"
    shutil.rmtree("captions")
    certificates = ["--compat-options", "no-certifi"]
    subprocess.run([sys.executable, "-m", "yt_dlp", *words[1:], *certificates], check=True, cwd=channel.project.path)
    channel.configure(channel=None, captions_dir="captions")
    assert sorted(channel.refresh()) == sorted(ids(*videos))
    listed = {video["title"]: video for video in channel.videos()}
    assert listed.keys() == {videos[0].title, "Why? | A/B"}
    record = channel.fetch(videos[1], source_file=listed["Why? | A/B"]["source_file"])
    assert (record["language"], record["text"]) == ("en", "Dig. Wait.")


HOSTILE_TITLES = {
    "shell": "$(touch owned); `touch owned` & touch owned | x > owned",
    "lines": "One\nTwo\r\n# Three\x1b[31m\x07",
    "climbs": "../../../etc/passwd",
    "html": '<script>alert("x")</script><img src=x onerror=y>{{ 7 * 7 }}{title}',
    "long": "endless " * 1250,
    "turned": "abc\u202egnp.exe\u2066",
}


def test_hostile_titles_reach_no_path_no_shell_no_terminal_and_no_page(youtube, project, teacher):
    videos = [Video(talk(name).video_id, title, [Track("en")]) for name, title in HOSTILE_TITLES.items()]
    has(youtube, *videos)
    # Talks of two words, in answers that are mostly title: the doctor would leave none.
    lenient = {"off_topic": "warn", "broken_markdown": "warn"}
    project.configure(teacher={"base_url": teacher.base_url}, dataset={"valid_fraction": 0.5, "verdicts": lenient})
    said = project.snakemake(
        "--", "data/channel.json", "data/review/answers.md", "data/review/index.html", "data/dataset/report.html"
    )
    names = [path.name for path in project.path.rglob("*")]
    assert not [name for name in names if re.search("owned|passwd|alert|endless", name)]
    titles = [video["title"] for video in read_json(project / "data/videos.json")]
    assert all(title.isprintable() and len(title) <= 300 for title in titles)
    assert not re.search("\x07|\u202e|\x1b\\[31mx", said)
    page = (project / "data/review/answers.md").read_text()
    assert not re.search("<script|<img|^# Three", page, re.MULTILINE)
    for name in ("review/index.html", "dataset/report.html"):
        assert "<script>alert" not in (project / "data" / name).read_text()
    table = (project / "data/channel.txt").read_text()
    assert max(map(len, table.splitlines())) < 220
    assert len(teacher.asked(kind="questions")) == len(videos)
    assert (project / "data/channel.png").read_bytes().startswith(b"\x89PNG")
