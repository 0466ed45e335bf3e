"""Which videos a refresh lists: addresses, filters, and what becomes of those that have left."""

import pytest

from understudy.shared.errors import ConfigurationError, InputFileError
from understudy.source.selection import record_of, video_record, why_not, with_those_that_left
from understudy.source.youtube.address import Address, addresses_of
from understudy.source.youtube.listing import ListedVideo

SITE = "https://www.youtube.com"
CHANNEL = "UC" + "a" * 22
SOURCE = {
    "channel": "@teacher",
    "tabs": ["videos", "shorts"],
    "title_include": [],
    "title_exclude": [],
    "published_after": None,
}


def record(video_id: str, tab: str | None = "videos", channel: str = "@teacher", **known) -> dict:
    return video_record(video_id, f"Title {video_id}", f"{SITE}/watch?v={video_id}", tab=tab, channel=channel, **known)


def ids(records: list[dict]) -> str:
    return " ".join(one["video_id"] for one in records)


@pytest.mark.parametrize(
    "written",
    [
        "@teacher",
        "youtube.com/@teacher",
        "https://www.youtube.com/@teacher?si=abcdef",
        "https://m.youtube.com/@teacher/featured",
        "http://youtube.com/@teacher/?sub_confirmation=1",
        "https://www.youtube.com/@teacher/playlists",
    ],
)
def test_a_channel_in_any_form_gives_the_tabs_asked_for(written):
    pages = [Address(None, f"{SITE}/@teacher/{tab}", tab) for tab in ("videos", "streams")]
    assert addresses_of(written, ["videos", "streams"]) == pages


@pytest.mark.parametrize(
    ("written", "page"),
    [
        (CHANNEL, f"{SITE}/channel/{CHANNEL}/videos"),
        (f"{SITE}/channel/{CHANNEL}", f"{SITE}/channel/{CHANNEL}/videos"),
        (f"{SITE}/c/teacher", f"{SITE}/c/teacher/videos"),
        (f"{SITE}/user/teacher/", f"{SITE}/user/teacher/videos"),
        (f"{SITE}/teacher", f"{SITE}/teacher/videos"),
        (f"{SITE}/@teacher/streams", f"{SITE}/@teacher/streams"),
        ("@teacher/shorts", f"{SITE}/@teacher/shorts"),
        (f"{SITE}/playlist?list=PLabc-_123", f"{SITE}/playlist?list=PLabc-_123"),
        (f"{SITE}/watch?v=abcdefghijk&list=PLabc-_123", f"{SITE}/playlist?list=PLabc-_123"),
        ("PLabcdefghijklm", f"{SITE}/playlist?list=PLabcdefghijklm"),
    ],
)
def test_what_lists_videos_is_one_page(written, page):
    assert [address.page for address in addresses_of(written, ["videos"])] == [page]


@pytest.mark.parametrize(
    "written",
    [
        "-bcdefghijk",
        "https://youtu.be/-bcdefghijk?si=xyz",
        "https://www.youtube.com/watch?v=-bcdefghijk&t=10s",
        "https://www.youtube.com/shorts/-bcdefghijk",
        "https://www.youtube.com/live/-bcdefghijk?feature=share",
        "https://www.youtube.com/watch?v=-bcdefghijk&list=RD-bcdefghijk&start_radio=1",
        "https://www.youtube.com/watch?v=-bcdefghijk&list=WL&index=2",
        "https://www.youtube-nocookie.com/embed/-bcdefghijk",
    ],
)
def test_a_video_in_any_form_is_its_id(written):
    assert addresses_of(written, ["videos"]) == [Address("-bcdefghijk", None)]


@pytest.mark.parametrize(
    "written",
    [
        "",
        "[abc",
        "https://[x",
        "https://example.org/@teacher",
        "https://youtube.com.example.org/@teacher",
        "https://www.youtube.com/",
        "https://www.youtube.com/watch",
        "https://www.youtube.com/@teacher/nonsense",
        "https://www.youtube.com/results?search_query=x",
        "ftp://www.youtube.com/@teacher",
        "some words",
        "../../etc/passwd",
    ],
)
def test_what_is_no_address_is_an_error_that_says_what_is(written):
    with pytest.raises(ConfigurationError, match=r"source.channel: .* is no address of YouTube. It takes a channel"):
        addresses_of(written, ["videos"])


def test_a_text_file_names_videos_and_other_addresses(tmp_path):
    path = tmp_path / "talks.txt"
    path.write_text(
        "\ufeff# my favourites\n-bcdefghijk   # the best\n\nhttps://youtu.be/abcdefghijk\n@teacher/streams\n"
    )
    assert addresses_of(str(path), ["videos"]) == [
        Address("-bcdefghijk", None),
        Address("abcdefghijk", None),
        Address(None, f"{SITE}/@teacher/streams", "streams"),
    ]
    path.write_text("abcdefghijk\nnot an id\n")
    with pytest.raises(InputFileError, match=r"talks.txt, line 2: 'not an id' is no address"):
        addresses_of(str(path), ["videos"])
    path.write_text("# nothing\n")
    with pytest.raises(InputFileError, match="names no video"):
        addresses_of(str(path), ["videos"])


def test_videos_that_left_keep_their_places():
    before = [record(name) for name in "abcdef"]
    listed = [record(name) for name in "xyacf"]
    assert ids(with_those_that_left(listed, before, SOURCE)) == "x y a b c d e f"
    assert ids(with_those_that_left([record("x"), record("a")], before, SOURCE)) == "x a b c d e f"
    assert ids(with_those_that_left([record("f")], before, SOURCE)) == "a b c d e f"


def test_videos_of_another_channel_a_dropped_tab_or_a_folder_are_not_kept():
    before = [
        record("a", channel="@somebody"),
        record("b", tab="streams"),
        video_record("c", "C", source_file="captions/c.srt"),
        record("d", tab=None),
        record("e"),
    ]
    assert ids(with_those_that_left([record("x")], before, SOURCE)) == "x d e"


def test_a_channel_in_another_form_is_the_same_and_a_text_file_is_its_owner_s(tmp_path):
    before = [record("a", channel="youtube.com/@teacher/")]
    assert ids(with_those_that_left([record("x")], before, SOURCE)) == "x a"
    path = tmp_path / "talks.txt"
    path.write_text("abcdefghijk\n")
    source = {**SOURCE, "channel": str(path)}
    before = [record("a", channel=str(path), tab=None)]
    assert ids(with_those_that_left([record("x")], before, source)) == "x"


def test_a_list_by_an_older_version_keeps_its_videos():
    old = record("a")
    del old["channel"], old["published"]
    assert ids(with_those_that_left([record("x")], [old], SOURCE)) == "x a"


@pytest.mark.parametrize(
    ("settings", "left_out"),
    [
        ({"title_include": ["^title [ab]$"]}, "c"),
        ({"title_exclude": ["B", "nothing"]}, "b"),
        ({"title_include": ["title"], "title_exclude": ["a", "c"]}, "a c"),
        ({"published_after": "2024-05-02"}, "a"),
        ({"published_after": "2024-05-01"}, ""),
    ],
)
def test_titles_and_dates_choose(settings, left_out):
    records = [record("a", published="2024-05-01"), record("b", published="2024-05-02"), record("c")]
    records[2]["title"] = "Title C"
    chosen = [one for one in records if why_not(one, {**SOURCE, **settings}) is None]
    assert ids([one for one in records if one not in chosen]) == left_out


def test_a_title_that_is_not_known_yet_passes():
    listed = record_of(ListedVideo("abcdefghijk", None, None, None, None, None), "talks.txt", None)
    assert listed["title"] == "abcdefghijk"
    assert why_not(listed, {**SOURCE, "title_include": ["anything else"]}) is None


def test_what_was_known_before_stays_where_the_list_is_silent_and_the_first_date_always():
    before = record("a", published="2024-05-17", duration_s=600)
    listed = ListedVideo("a", "A new title", None, "2024-01-01", "videos", None)
    after = record_of(listed, "@teacher", before)
    assert (after["title"], after["duration_s"], after["published"]) == ("A new title", 600, "2024-05-17")
