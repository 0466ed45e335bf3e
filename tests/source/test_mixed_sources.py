"""A channel together with a folder of files; and texts without times, which link to their own address."""

import pytest

from understudy.configuration import complete_configuration
from understudy.passages.filling import search_in_memory
from understudy.shared.errors import ConfigurationError
from understudy.shared.files import read_json
from understudy.source import videos
from understudy.source.captions.files import id_from_title
from understudy.source.selection import video_record
from understudy.source.transcript import fetch_transcript
from understudy.source.youtube.listing import ListedVideo

POST = """---
title: "Why we mulch"
url: https://example.org/blog/mulch?x=1
draft: true
---
# Mulch

Cover the **soil** with [straw](https://example.org/straw), a hand thick.

- No bark near lettuce.
"""


def source(folder, **changes) -> dict:
    given = {
        "name": "x",
        "source": {"channel": "@x", "captions_dir": str(folder)} | changes,
        "teacher": {"gguf": "x"},
        "base_model": "x",
    }
    return complete_configuration(given)["source"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Files beside a channel of three videos."""
    names = ("Dig [aaaaaaaaaa1].en.srt", "A talk at home.srt", "Mulch.md", "README.md")
    for name in names:
        text = POST if name == "Mulch.md" else "1\n00:00:01,000 --> 00:00:02,000\nDig deep.\n"
        (tmp_path / name).write_text(text)
    listed = [ListedVideo(f"aaaaaaaaaa{n}", f"Video {n}", 60.0, "2024-01-01", "videos", None) for n in (1, 2, 3)]
    monkeypatch.setattr(videos, "each_video", lambda source, access: iter(listed))
    return tmp_path


def test_a_file_wins_for_its_video_and_the_others_are_further_talks(folder):
    chosen, others = videos.videos_of_both(source(folder), None, [])
    by_id = {record["video_id"]: record for record in chosen}
    assert len(chosen) == 5 and [other["title"] for other in others] == ["README.md"]
    own = by_id["aaaaaaaaaa1"]
    assert own["source_file"].endswith("Dig [aaaaaaaaaa1].en.srt")
    assert (own["title"], own["url"], own["published"]) == (
        "Video 1",
        "https://www.youtube.com/watch?v=aaaaaaaaaa1",
        "2024-01-01",
    )
    assert by_id["aaaaaaaaaa2"]["source_file"] is None
    assert by_id[id_from_title("Mulch")]["title"] == "Why we mulch"
    assert by_id[id_from_title("A talk at home")]["url"] is None


def test_the_list_made_again_is_the_same(folder):
    first, _ = videos.videos_of_both(source(folder), None, [])
    assert videos.videos_of_both(source(folder), None, first)[0] == first


def test_a_file_that_is_taken_out_leaves_the_video_to_the_channel(folder):
    first, _ = videos.videos_of_both(source(folder), None, [])
    (folder / "Dig [aaaaaaaaaa1].en.srt").unlink()
    (folder / "Mulch.md").unlink()
    by_id = {record["video_id"]: record for record in videos.videos_of_both(source(folder), None, first)[0]}
    assert by_id["aaaaaaaaaa1"]["source_file"] is None and len(by_id) == 4


def test_neither_a_channel_nor_a_folder_is_no_source():
    with pytest.raises(ConfigurationError, match="captions_dir"):
        complete_configuration({"name": "x", "teacher": {"gguf": "x"}, "base_model": "x"})


def test_a_text_is_a_talk_without_times_that_links_to_its_address(folder):
    record = next(one for one in videos.videos_of_both(source(folder), None, [])[0] if one["title"] == "Why we mulch")
    fetch_transcript(record, ["en"], None, str(folder / "t.json"))
    transcript = read_json(folder / "t.json")
    assert transcript["kind"] == "text" and transcript["title"] == "Why we mulch"
    assert [segment[2] for segment in transcript["segments"]] == [
        "Mulch",
        "Cover the soil with straw, a hand thick.",
        "No bark near lettuce.",
    ]
    search = search_in_memory([(transcript, record)])
    (passage, *_) = search.passages("mulch with straw")
    search.store.connection.close()
    assert passage.link == "https://example.org/blog/mulch?x=1" and passage.start_s is None


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "https://",
        "https://a b.org",
        "ftp://x.org/a",
        "https://u:p@x.org/",
        'https://x.org/"><b>',
        "",
    ],
)
def test_an_address_that_is_none_leaves_the_file_s_name(tmp_path, address):
    (tmp_path / "Mulch.md").write_text(f"---\nurl: {address}\n---\nCover the soil with straw.\n")
    ((record,), _) = videos.videos_of_folder(source(tmp_path, channel=None), [])
    assert record["url"] is None and record["title"] == "Mulch"
    fetch_transcript(record, ["en"], None, str(tmp_path / "t.json"))
    search = search_in_memory([(read_json(tmp_path / "t.json"), record)])
    (passage,) = search.passages("straw on the soil")
    search.store.connection.close()
    assert passage.link == "Mulch.md, no times"


def test_a_text_without_front_matter_and_a_rule_in_it_is_whole(tmp_path):
    (tmp_path / "Note.txt").write_text("One line.\n---\nTwo lines.\n---\nThree.\n")
    fetch_transcript(
        video_record("aaaaaaaaaaa", "A", source_file=str(tmp_path / "Note.txt")), ["en"], None, str(tmp_path / "t.json")
    )
    assert read_json(tmp_path / "t.json")["text"].startswith("One line.")
    assert "Two lines." in read_json(tmp_path / "t.json")["text"]


@pytest.mark.parametrize(
    ("name", "front", "language"),
    [
        ("Note.md", "language: nl", "nl"),
        ("Note.txt", "Language: 'de_CH'", "de-CH"),
        ("Note.md", "lang: pt-BR", "pt-BR"),
        ("Note.de.md", "language: nl", "de"),
        ("Note.md", "language: Dutch", "en"),
        ("Note.md", "title: Note", "en"),
    ],
)
def test_a_text_says_its_language(tmp_path, name, front, language):
    text = "Cover the soil with straw, a hand thick, and water it in the evening before the sun comes back."
    (tmp_path / name).write_text(f"---\n{front}\n---\n{text}\n")
    fetch_transcript(
        video_record("aaaaaaaaaaa", "A", source_file=str(tmp_path / name)), ["en"], None, str(tmp_path / "t.json")
    )
    assert read_json(tmp_path / "t.json")["language"] == language
    assert read_json(tmp_path / "t.json")["text"] == text
