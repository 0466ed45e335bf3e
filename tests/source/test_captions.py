"""Caption files of all kinds that people have, and those that are broken."""

import json
import unicodedata
from pathlib import Path

import pytest

from project import REPOSITORY
from understudy.shared.errors import ConfigurationError
from understudy.shared.files import read_json
from understudy.source.captions.cleaning import joined
from understudy.source.captions.files import caption_files, described_by_name, id_from_title, talks_of
from understudy.source.captions.formats import CaptionError, read_segments
from understudy.source.captions.language import is_translation, matches
from understudy.source.captions.speakers import Segment
from understudy.source.selection import video_record

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
    return " ".join(segment.text for segment in read_segments(path)[0])


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


def test_words_that_roll_on_one_line_are_said_once(tmp_path):
    text = srt(
        "the soil keeps",
        "the soil keeps the books",
        "keeps the books and the",
        "books and the worms",
        "and the worms pay",
    )
    assert words_of(written(tmp_path, "a.srt", text)) == "the soil keeps the books and the worms pay"


@pytest.mark.parametrize("lines", [["No.", "No."], ["No."] * 9, ["Dig.", "Dig.", "Wait.", "Wait."]])
def test_what_is_only_repeated_was_said_again(tmp_path, lines):
    assert words_of(written(tmp_path, "a.srt", srt(*lines))) == " ".join(lines)


def test_json3_keeps_words_and_times(tmp_path):
    events = [
        {"tStartMs": 0, "dDurationMs": 9, "id": 1},
        {"tStartMs": 1500, "dDurationMs": 2000, "segs": [{"utf8": "slow"}, {"utf8": " hands"}]},
        {"tStartMs": 1500, "dDurationMs": 9, "aAppend": 1, "segs": [{"utf8": "\n"}]},
    ]
    segments, _ = read_segments(written(tmp_path, "a.json3", json.dumps({"events": events})))
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


def test_marks_and_entities_are_removed_and_counted(tmp_path):
    text = srt(
        "&gt;&gt; Hello &amp; welcome [Applause]",
        "[Music]",
        "♪ to the garden ♪",
        "- Thanks.\n- >> ANNA: Dig &copy; now",
    )
    segments, removed = read_segments(written(tmp_path, "a.srt", text))
    assert " ".join(segment.text for segment in segments) == "Hello & welcome to the garden Thanks. Dig © now"
    assert [segment.start_s for segment in segments] == [1, 3, 4]
    assert removed == {"repeated_lines": 0, "sound_tags": 4, "speaker_marks": 4, "entities": 4}


@pytest.mark.parametrize(
    "spoken",
    [
        "a < b & c > d",
        "AT&T and R&D; Q&A",
        "&notit stays",
        "It is - 5 degrees",
        "{ not a tag }",
        "5 - 3 is 2",
        "mail-order",
        "C:\\New",
    ],
)
def test_what_only_looks_like_a_mark_stays(tmp_path, spoken):
    assert words_of(written(tmp_path, "a.srt", srt(spoken))) == spoken


def test_a_last_line_that_is_a_number_is_said(tmp_path):
    assert words_of(written(tmp_path, "a.srt", srt("Count down:\n3", "2", "1"))) == "Count down: 3 2 1"
    vtt = "WEBVTT\n\nintro\n00:01.000 --> 00:02.000 line:0\nTen,\n9\n\n00:02.000 --> 00:03.000\n<v Ann>8 <i>and</i>\n"
    assert words_of(written(tmp_path, "a.vtt", vtt)) == "Ten, 9 8 and"


def test_subtitles_without_numbers_or_with_half_a_time_are_read(tmp_path):
    text = "00:00:01,5 --> 00:00:02,000\nDig.\n\n0:00:03 --> 0:0\nWait.\n\nAnd wait.\n"
    segments, _ = read_segments(written(tmp_path, "a.srt", text))
    assert segments == [(1.5, 0.5, "Dig."), (3.0, 0.0, "Wait. And wait.")]


@pytest.mark.parametrize(
    ("name", "text", "spoken"),
    [
        ("a.srt", srt("Hello.", "Bye.").replace("\n", "\r\r\n"), "Hello. Bye."),
        ("a.srt", srt("Hello.", "Bye.").replace("\n\n", "\n"), "Hello. Bye."),
        ("a.srt", srt("if a <b and c> d", "x --> y"), "if a <b and c> d x --> y"),
        ("a.srt", srt("one<br>two", "<span class='x'>three</span>", "&lt;i&gt;four&lt;/i&gt;"), "one two three four"),
        ("a.srt", srt(">> AND THEN HE SAID: COME HOME", ">> DR. JO SMITH: Dig."), "AND THEN HE SAID: COME HOME Dig."),
        ("a.srt", srt("Hello.").replace(",000 -->", ",000000 -->"), "Hello."),
        ("a.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\nOne\n\nWEBVTT\nX-MAP=1\n\n00:02.000 --> 00:03.000\nTwo", "One Two"),
        ("a.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\nOne\n\nSTYLE matters.\n\nNOTE no speech\n", "One STYLE matters."),
        ("a.vtt", ROLLING.split("00:00:04.000 -->")[0], "the soil keeps the books"),
        ("a.txt", "Transcript\n0:00\nSlow\n0:04\nhands\n", "Transcript Slow hands"),
    ],
    ids=["cr cr lf", "no blank lines", "not a tag", "tags", "names", "microseconds", "joined files", "style", "short", "heading"],
)  # fmt: skip
def test_files_as_tools_write_them(tmp_path, name, text, spoken):
    assert words_of(written(tmp_path, name, text)) == spoken


def test_a_damaged_place_in_utf_8_does_not_spoil_the_rest(tmp_path):
    text = srt("Привет, мир. Полейте землю.")
    assert words_of(written(tmp_path, "a.srt", text.encode()[:-2] + b"\xd0")).startswith("Привет, мир. Полейте")


def test_an_arrow_without_a_time_is_named_by_its_line(tmp_path):
    with pytest.raises(CaptionError, match=r"a\.srt.*line 6: no time before the arrow"):
        read_segments(written(tmp_path, "a.srt", srt("Dig.", "Wait.").replace("00:00:02,000 -->", "soon -->", 2)))


@pytest.mark.parametrize(
    "content",
    [
        [{"text": "slow", "start": 1, "duration": 2.5}, {"text": "hands", "start": 3.5, "duration": 1}],
        [[{"text": "slow", "start": 1, "duration": 2.5}, {"text": "hands", "start": 3.5, "duration": 1}]],
        {"snippets": [{"text": "slow", "start": 1, "duration": 2.5}, {"text": "hands", "start": 3.5, "duration": 1}]},
        {"text": "x", "segments": [{"text": "slow", "start": 1, "end": 3.5}, {"text": " hands", "start": 3.5, "end": 4.5}]},
        {"events": [{"tStartMs": 3500, "dDurationMs": 1000, "segs": [{"utf8": "hands"}]},
                    {"tStartMs": 1000, "dDurationMs": 2500, "segs": [{"utf8": "slow"}]}]},
    ],
    ids=["youtube-transcript-api", "its command line", "its record", "whisper", "youtube"],
)  # fmt: skip
def test_json_of_other_tools(tmp_path, content):
    segments, _ = read_segments(written(tmp_path, "a.json", json.dumps(content)))
    assert segments == [(1.0, 2.5, "slow"), (3.5, 1.0, "hands")]


def test_plain_text_has_no_times_unless_it_says_them(tmp_path):
    assert read_segments(written(tmp_path, "a.txt", "At 10:30 dig.\n\nThen wait.\n"))[0] == [
        (None, None, "At 10:30 dig."),
        (None, None, "Then wait."),
    ]
    copied = "0:00\nSlow\n0:04\nhands.\n1:00:01 The end.\n"
    assert read_segments(written(tmp_path, "b.txt", copied))[0] == [
        (0.0, 4.0, "Slow"),
        (4.0, 3597.0, "hands."),
        (3601.0, 0.0, "The end."),
    ]


def test_a_sentence_cut_by_its_cues_is_whole_again():
    assert joined([Segment(0, 1, "The soil keeps"), Segment(1, 1, "the books.")]) == "The soil keeps the books."
    assert (
        joined([Segment(0, 1, "土は帳簿を"), Segment(1, 1, "つける。"), Segment(2, 1, "Yes")])
        == "土は帳簿をつける。 Yes"
    )
    assert joined([]) == ""


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.srt", "", "is empty"),
        ("a.vtt", "WEBVTT\n\n", "holds no captions"),
        ("a.srt", b"\x00\x01\x02\xff" * 50, "a.srt is not text"),
        ("a.json", '[{"text": 3, "start": 0, "duration": 1}]', "is no text"),
        ("a.json", '[{"text": "a", "start": NaN, "duration": 1}]', "nan is no time"),
        ("a.json", '[{"text": "a", "start": 1' + "0" * 400 + ', "duration": 1}]', "can't be read as .json"),
        ("a.json", "[" * 100000, "can't be read as .json"),
        ("a.txt", "\n \n", "is empty"),
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
        ("Slow hands [a-b_c1234XY].ceb.vtt", "a-b_c1234XY", "Slow hands", "ceb"),
        ("Slow hands [a-b_c1234XY].en_GB.srt", "a-b_c1234XY", "Slow hands", "en-GB"),
        ("Slow hands.en-GB.srt", id_from_title("Slow hands"), "Slow hands", "en-GB"),
        ("Slow hands.srt", id_from_title("Slow hands"), "Slow hands", None),
        ("Vol. 2 of it.srt", id_from_title("Vol. 2 of it"), "Vol. 2 of it", None),
        ("Part.III.srt", id_from_title("Part.III"), "Part.III", None),
        ("Talk [a-b_c1234XY].wav.vtt", "a-b_c1234XY", "Talk", None),
        ("Talk [a-b_c1234XY].wav.de.vtt", "a-b_c1234XY", "Talk", "de"),
        ("Talk [a-b_c1234XY].en (1).vtt", "a-b_c1234XY", "Talk", "en"),
        ("Talk [a-b_c1234XY].iw.vtt", "a-b_c1234XY", "Talk", "he"),
        ("Talk [a-b_c1234XY].en-nP7-2PuUl7o.vtt", "a-b_c1234XY", "Talk", "en-nP7-2PuUl7o"),
        ("Talk [a-b_c1234XY].en-de-DE.vtt", "a-b_c1234XY", "Talk", "en-de-DE"),
        ("Intro to Node.js.vtt", id_from_title("Intro to Node.js"), "Intro to Node.js", None),
        ("Talk.mp4.srt", id_from_title("Talk.mp4"), "Talk.mp4", None),
        ("Draw.io.srt", id_from_title("Draw.io"), "Draw.io", None),
        ("Sit.in-depth.srt", id_from_title("Sit.in-depth"), "Sit.in-depth", None),
        ("Talk.eng.forced.srt", id_from_title("Talk"), "Talk", "en"),
        ("Talk.en.hi.srt", id_from_title("Talk"), "Talk", "en"),
        ("Talk.hi.srt", id_from_title("Talk"), "Talk", "hi"),
        ("Why？ ｜ A⧸B ＂x＂ 1：2＊.srt", id_from_title('Why? | A/B "x" 1:2*'), 'Why? | A/B "x" 1:2*', None),
        ("なぜ？.ja.srt", id_from_title("なぜ？"), "なぜ？", "ja"),
    ],
)
def test_names_give_id_title_and_language(name, video_id, title, language):
    assert described_by_name(Path(name))[1:] == (video_id, title, language)


def test_a_file_renamed_and_back_has_its_old_id(tmp_path):
    path = written(tmp_path, "Slow hands.srt", "x")
    before = described_by_name(path).video_id
    moved = path.rename(tmp_path / "Fast hands.srt")
    assert described_by_name(moved).video_id != before
    assert described_by_name(moved.rename(path)).video_id == before


def test_a_file_that_is_listed_keeps_id_and_title_and_no_other_talk_gets_its_id(tmp_path):
    """As names were read before: a second dot made a language, and yt-dlp's signs stayed."""
    records = [
        video_record(id_from_title("Intro to Node"), "Intro to Node", source_file="captions/Intro to Node.js.vtt"),
        video_record(id_from_title("Why？"), "Why？", source_file="captions/Why？.srt"),
        video_record("a-b_c1234XY", "Old title", source_file="captions/Old title [a-b_c1234XY].vtt"),
    ]
    names = ["Intro to Node.js.vtt", "Intro to Node.vtt", "New title [a-b_c1234XY].vtt", "Why？.de.srt", "Why？.vtt"]
    known = [(one["video_id"], one["title"]) for one in records]
    paths = [tmp_path / name for name in names]
    taken, _ = talks_of(paths, ["en"], records)
    assert [(file.video_id, file.title) for file in taken] == [
        known[0],
        (taken[1].video_id, "Intro to Node"),
        ("a-b_c1234XY", "New title"),
        known[1],
    ]
    assert taken[1].video_id not in {video_id for video_id, _ in known}
    listed = [video_record(file.video_id, file.title, source_file=str(file.path)) for file in taken]
    assert talks_of(paths, ["en"], listed)[0] == taken, "the second time, too"


def test_a_mac_s_file_name_gives_the_same_id_as_linux():
    assert id_from_title(unicodedata.normalize("NFD", "Crème")) == id_from_title(unicodedata.normalize("NFC", "Crème"))


def test_of_several_files_of_a_talk_the_language_then_the_kind_decides(tmp_path):
    names = [
        "Dig [a-b_c1234XY].de.vtt",
        "Dig [a-b_c1234XY].en-GB.vtt",
        "Dig [a-b_c1234XY].en-GB.json3",
        "Dig [a-b_c1234XY].txt",
    ]
    others = ["Dig [a-b_c1234XY].info.json", "Dig [a-b_c1234XY].live_chat.json", "Wait.srt"]
    for name in [*names, *others]:
        written(tmp_path, name, "x")
    codes = ["en-GB", "en-de", "en-orig", "en"]
    taken, _ = talks_of([Path(f"Ten [t-b_c1234XY].{code}.vtt") for code in codes], ["en"])
    assert [file.language for file in taken] == ["en"], "en-de is a translation"
    for wanted in ("he", "iw"):
        taken, _ = talks_of([Path(f"Ten [t-b_c1234XY].{code}.vtt") for code in ("en", "iw")], [wanted])
        assert [file.language for file in taken] == ["he"], "iw is he"
    for codes in (["en-de-DE", "de-DE"], ["de-DE", "en-de-DE"], ["fr-pt-BR", "zh-Hans-en", "de-DE"]):
        taken, _ = talks_of([Path(f"Ten [t-b_c1234XY].{code}.vtt") for code in codes], ["en", "fr"])
        assert [file.language for file in taken] == ["de-DE"], "a translation comes after what was said"
    taken, left_out = talks_of(caption_files(tmp_path), ["en", "de"])
    assert [file.path.name for file in taken] == ["Dig [a-b_c1234XY].en-GB.json3", "Wait.srt"]
    assert sorted(file.path.name for file in left_out) == sorted(set(names) - {taken[0].path.name})


def test_codes_of_regions_and_of_translations_are_told_apart():
    translations = ["en-de", "en-de-DE", "zh-Hans-en", "pt-BR-en", "iw-en", "en-iw", "ab-en", "en-pt-BR", "en-ar"]
    others = ["pt-br", "en-us", "es-ar", "fr-ca", "zh-tw", "en-in", "de-de", "zh-Hans", "es-419", "en-orig", "en-mp4"]
    assert [code for code in (*translations, *others) if is_translation(code)] == translations
    assert matches("iw", "he") and matches("he", "iw") and matches("eng", "en") and matches("he-IL", "iw")
    assert not matches("en", "en-GB") and not matches("en-de-DE", "en")


@pytest.mark.parametrize("name", ["庭\u3000土.srt", "गीत\u200dमाला.srt", "👨\u200d👩\u200d👧.srt"])
def test_names_of_all_languages_are_taken(tmp_path, name):
    written(tmp_path, name, srt("Words."))
    assert [path.name for path in caption_files(tmp_path)] == [name]


@pytest.mark.parametrize("name", ["On <results> and more.srt", "On {video_id}.srt", "Two\nlines.srt"])
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
    assert sum(report["rows"].values()) + sum(report["rejected"].values()) == 4 * 3
