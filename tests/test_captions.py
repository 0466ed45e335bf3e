"""Caption files of all kinds that people have, and those that are broken."""

import json
from pathlib import Path

import pytest

from lib.captions import CaptionError, caption_files, described_by_name, id_from_title, read_segments
from lib.errors import ConfigurationError
from lib.files import read_json
from project import REPOSITORY

DEMO = REPOSITORY / "demo/captions"
ROLLING = """WEBVTT
Kind: captions
Language: en

00:00:00.000 --> 00:00:02.000 align:start position:0%
~
the<00:00:00.500><c> soil</c><00:00:01.000><c> keeps</c>

00:00:02.000 --> 00:00:02.010 align:start position:0%
the soil keeps
~

00:00:02.010 --> 00:00:04.000 align:start position:0%
the soil keeps
the<00:00:02.500><c> books</c>

00:00:04.000 --> 00:00:04.010 align:start position:0%
the books
~

00:00:04.010 --> 00:00:06.000 align:start position:0%
the books
[Music]
""".replace("~", " ")


def words_of(path: Path) -> str:
    return " ".join(segment.text for segment in read_segments(path))


def written(tmp_path, name: str, content: str | bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def srt(*lines: str) -> str:
    return "\n".join(f"{n}\n00:00:{n:02d},000 --> 00:00:{n + 1:02d},000\n{line}\n" for n, line in enumerate(lines, 1))


def test_the_demo_has_captions_of_all_kinds_and_its_talks_their_length():
    kinds = {path.suffix for path in DEMO.iterdir()}
    assert kinds == {".vtt", ".srt", ".json3"}
    lengths = [len(words_of(path).split()) for path in DEMO.iterdir()]
    assert len(lengths) >= 8
    assert all(600 <= length <= 1200 for length in lengths)


def test_rolling_lines_are_said_once(tmp_path):
    assert words_of(written(tmp_path, "a.vtt", ROLLING)) == "the soil keeps the books"


def test_rolling_lines_of_srt_are_said_once(tmp_path):
    text = srt("one two", "one two\nthree four", "three four\nfive six", "five six\nseven")
    assert words_of(written(tmp_path, "a.srt", text)) == "one two three four five six seven"


def test_a_line_said_twice_in_captions_that_do_not_roll_stays(tmp_path):
    text = srt("No.", "No.", "Not today.", "Ask your thumb.", "Water well.")
    assert words_of(written(tmp_path, "a.srt", text)) == "No. No. Not today. Ask your thumb. Water well."


def test_json3_keeps_words_and_times(tmp_path):
    events = [
        {"tStartMs": 0, "dDurationMs": 9, "id": 1},
        {"tStartMs": 1500, "dDurationMs": 2000, "segs": [{"utf8": "slow"}, {"utf8": " hands"}]},
        {"tStartMs": 1500, "dDurationMs": 9, "aAppend": 1, "segs": [{"utf8": "\n"}]},
    ]
    segments = read_segments(written(tmp_path, "a.json3", json.dumps({"events": events})))
    assert segments == [(1.5, 2.0, "slow hands")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_encodings(tmp_path, encoding):
    assert words_of(written(tmp_path, "a.srt", srt("Crème fraîche").encode(encoding))) == "Crème fraîche"


def test_notes_of_webvtt_are_not_said(tmp_path):
    text = ROLLING.replace("00:00:02.000 -->", "NOTE a comment\nof two lines\n\n00:00:02.000 -->", 1)
    assert words_of(written(tmp_path, "a.vtt", text)) == "the soil keeps the books"


def test_half_a_character_in_json3_is_replaced(tmp_path):
    events = {"events": [{"tStartMs": 0, "segs": [{"utf8": "dig \ud83d deep"}]}]}
    assert words_of(written(tmp_path, "a.json3", json.dumps(events))) == "dig ? deep"


def test_marks_and_entities_are_removed(tmp_path):
    text = srt("&gt;&gt; Hello &amp; welcome [Applause]", "[Music]", "to the garden")
    assert words_of(written(tmp_path, "a.srt", text)) == "Hello & welcome to the garden"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.srt", "", "is empty"),
        ("a.vtt", "WEBVTT\n\n", "holds no captions"),
        ("a.srt", b"\x00\x01\x02\xff" * 50, "a.srt"),
        ("a.json3", '{"events": [{"segs": ', "can't be read as .json3"),
        ("a.json3", "[1, 2]", "can't be read as .json3"),
        ("a.json3", '{"events": 3}', "can't be read as .json3"),
        ("a.srt", srt("[Music]"), "holds no captions"),
    ],
)
def test_what_is_no_captions_is_an_error_that_names_the_file(tmp_path, name, content, message):
    with pytest.raises(CaptionError, match=message):
        read_segments(written(tmp_path, name, content))


@pytest.mark.parametrize(
    ("name", "video_id", "title", "language"),
    [
        ("Slow hands [a-b_c1234XY].en.vtt", "a-b_c1234XY", "Slow hands", "en"),
        ("Slow hands [a-b_c1234XY].json3", "a-b_c1234XY", "Slow hands", None),
        ("Slow hands.en-GB.srt", id_from_title("Slow hands"), "Slow hands", "en-GB"),
        ("Slow hands.srt", id_from_title("Slow hands"), "Slow hands", None),
        ("Vol. 2 of it.srt", id_from_title("Vol. 2 of it"), "Vol. 2 of it", None),
        ("Part.III.srt", id_from_title("Part.III"), "Part.III", None),
    ],
)
def test_names_give_id_title_and_language(name, video_id, title, language):
    assert described_by_name(Path(name))[1:] == (video_id, title, language)


@pytest.mark.parametrize("name", ["On <results> and more.srt", "On {video_id}.srt"])
def test_a_name_that_snakemake_would_expand_is_refused(tmp_path, name):
    written(tmp_path, name, srt("Words."))
    with pytest.raises(ConfigurationError, match="Rename the file"):
        caption_files(tmp_path)


def test_damaged_files_get_a_record_and_the_others_go_on(new_project):
    captions = new_project / "captions"
    (captions / "empty.srt").write_text("")
    (captions / "damaged.json3").write_text('{"events": [')
    (captions / "latin.srt").write_bytes(srt("Crème fraîche helps the soil, every spring.").encode("latin-1"))
    (captions / "It's odd; $(touch owned) <B> & `x`.srt").write_text(srt("A talk with a strange name."))
    new_project.snakemake("data/dataset/train.jsonl")
    transcripts = {
        record["title"]: record for record in map(read_json, new_project.path.glob("data/transcripts/*.json"))
    }
    assert transcripts["empty"]["status"] == transcripts["damaged"]["status"] == "unavailable"
    assert "empty.srt is empty" in transcripts["empty"]["reason"]
    assert "damaged.json3 can't be read" in transcripts["damaged"]["reason"]
    assert transcripts["latin"]["text"].startswith("Crème fraîche")
    assert transcripts["It's odd; $(touch owned) <B> & `x`"]["status"] == "ok"
    assert not list(new_project.path.rglob("owned"))
    report = read_json(new_project / "data/dataset/report.json")
    assert report["transcripts"] == {"ok": 4, "unavailable": 2}
    assert sum(report["rows"].values()) == 4 * 3
