"""Caption files of all kinds that people have, and those that are broken."""

# ruff: noqa: RUF001

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
from understudy.source.transcript import fetch_transcript, transcript_of_file
from understudy.source.videos import videos_of_folder

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


LOOK_ALIKES = "Why\uff1f \uff5c A\u29f8B \uff02x\uff02 1\uff1a2\uff0a"


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


WHISPER_CPP_ROW = {"offsets": {"from": 0, "to": 900}, "text": " Creuser."}
SPOKEN = {
    "cp1251": "Привет, мир. Полейте землю каждый день.",
    "koi8-r": "Привет, мир. Полейте землю каждый день.",
    "cp866": "Привет, мир. Полейте землю каждый день.",
    "cp1250": "Zażółć gęślą jaźń. Proszę podlewać ziemię.",
    "iso8859-2": "Příliš mnoho vody škodí. Zalévejte ráno, když je chladno.",
    "cp1252": "¿Qué hacéis mañana? El jardín está húmedo. “Así es” – sí.",
    "iso8859-6": "مرحبا بالعالم. اسقوا التربة كل يوم",
    "mac_cyrillic": "Сегодня мы говорим о помидорах. Поливайте их утром, не вечером.",
    "mac_roman": "Riéguenlos por la mañana, ¿no? El jardín está húmedo.",
    "cp850": "Arrosez-les le matin : l'été, c'est la méthode, même à l'ombre.",
    "cp437": "Gießt sie früh, nie am Abend. Das hält die Blätter schön trocken, natürlich.",
    "cp852": "Podlewajcie je rano, nie wieczorem, żeby liście były suche.",
    "iso2022_jp": "こんにちは。毎日土に水をやってください。",
    "cp874": "วันนี้เราจะพูดถึงมะเขือเทศ ต้องรดน้ำตอนเช้า ไม่ใช่ตอนเย็น และให้น้ำที่โคนต้น",
    "iso8859-15": "Une sœur lève son cœur, où ça ?",
    "cp1253": "Γειά σου κόσμε. Ποτίστε το χώμα κάθε μέρα.",
    "cp1254": "Toprağı her gün sulayın, çünkü güneş çok sıcak.",
    "cp1255": "שלום עולם, השקו את האדמה בכל יום",
    "cp1256": "مرحبا بالعالم. اسقوا التربة كل يوم",
    "gb2312": "你好，世界。请每天给土壤浇水。",
    "big5": "你好，世界。請每天給土壤澆水。",
    "shift_jis": "こんにちは。毎日土に水をやってください。",
    "euc_jp": "こんにちは。毎日土に水をやってください。",
    "euc_kr": "안녕하세요. 매일 흙에 물을 주세요.",
    "utf-16-le": "Crème fraîche",
    "utf-16-be": "Crème fraîche",
    "utf-32": "Crème fraîche",
}


@pytest.mark.parametrize("encoding", SPOKEN)
def test_other_encodings_are_told_by_their_words(tmp_path, encoding):
    assert words_of(written(tmp_path, "a.srt", srt(SPOKEN[encoding]).encode(encoding))) == SPOKEN[encoding]


def test_quotation_marks_alone_say_nothing_of_the_encoding(tmp_path):
    text = "It’s “fine” – really…"
    assert words_of(written(tmp_path, "a.srt", srt(text).encode("cp1252"))) == text


def test_one_letter_in_a_word_that_nobody_knows_is_no_punctuation(tmp_path):
    text = "Danes govorimo o paradižniku. Zalivajte ga zjutraj."
    assert words_of(written(tmp_path, "a.srt", srt(text).encode("cp1250"))) == text


def test_an_encoding_that_nobody_can_tell_is_no_transcript(tmp_path):
    path = written(tmp_path, "a.srt", srt("x").encode() + bytes(range(128, 256)) * 20)
    record = transcript_of_file(str(path))
    assert record["status"] == "unavailable" and "Save it as UTF-8" in record["reason"]


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
    assert [(*segment[3:], segment.text) for segment in segments[2:]] == [("Thanks.",), ("ANNA", "Dig © now")]
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


SBV = "0:00:01.000,0:00:02.500\nSlow\n\n0:00:03.500,0:00:04.500\nhands\n"
ASS = """[Script Info]
ScriptType: v4.00+

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:03.50,0:00:04.50,Default,,0,0,0,,{\\i1}hands{\\i0}
Dialogue: 0,0:00:01.00,0:00:02.50,Default,,0,0,0,,{\\an8}Slow
Dialogue: 1,0:00:01.00,0:00:02.50,Default,,0,0,0,,{\\an8}Slow
Comment: 0,0:00:01.00,0:00:02.50,Default,,0,0,0,,not said
Dialogue: 0,0:00:01.00,0:00:02.50,Default,,0,0,0,,{\\p1}m 0 0 l 9 9{\\p0}
"""


@pytest.mark.parametrize(
    ("name", "text", "spoken"),
    [
        ("a.sbv", SBV, "Slow hands"),
        ("a.srt", "1\n\n00:00:01,000 --> 00:00:02,000\n\nSlow\n\n2\n\n00:00:02,000 --> 00:00:03,000\n\nhands\n", "Slow hands"),
        ("a.srt", "1\n00:01,000 --> 00:02,000\nSlow\n\n2\n\n00:02,000 --> 00:03,000\n2\n\n3\n00:03,000 --> 00:04,000\nhands",
         "Slow 2 hands"),
        ("a.txt", "1:02:03.500 Slow\n1:02:05.000 hands\n", "Slow hands"),
        ("a.json", '{"segments": [{"start": 0, "end": 1, "text": "Slow"}, {"start": 1, "end": null, "text": "hands"}]}',
         "Slow hands"),
        ("a.md", '+++\ntitle = "Why"\nurl = "https://example.org"\ntags = [\n  "a",\n]\n+++\nSlow hands\n', "Slow hands"),
        ("a.sbv", SBV.replace("\n", "\r\n"), "Slow hands"),
        ("a.txt", SBV, "Slow hands"),
        ("a.txt", srt("Slow", "hands"), "Slow hands"),
        ("a.txt", "[00:01.000 --> 00:02.000]  Slow\n[00:02.000 --> 00:03.000]  hands\n", "Slow hands"),
        ("a.ass", ASS, "Slow hands"),
        ("a.ssa", ASS, "Slow hands"),
        ("a.srt", ASS, "Slow hands"),
        ("a.srt", "WEBVTT\n\nNOTE no\n\n00:01.000 --> 00:02.000\nSlow hands\n", "Slow hands"),
        ("a.srt", srt(r"{\an8}Slow", "{an8}hands"), "Slow hands"),
        ("a.srt", srt(r"Slow\Nhands", r"C:\New", r"\\server\Name"), r"Slow hands C:\New \\server\Name"),
        ("a.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\n<>Slow</> <.x>hands</.x> <1>1 < 2</00>\n", "Slow hands 1 < 2"),
        ("a.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\n<i.a\nb>Slow</i><br>hands\n", "Slow hands"),
        ("a.srt", srt("Slow", "hands", *["and so on"] * 9).replace("Slow", "Sl\0ow"), "Slow hands" + " and so on" * 9),
        ("a.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\n<b Mary>Slow</b> <bold>hands</bold>\n", "Slow hands"),
        ("a.srt", srt("<B MARY>Slow</B> <font x>hands</font>", "a <b and c> d"), "Slow hands a <b and c> d"),
        ("a.srt", srt("&lt;title&gt; opens, &lt;/title&gt; closes"), "<title> opens, </title> closes"),
        ("a.srt", srt("Slow") + "\n2\n\n3\n00:00:05,000 --> 00:00:06,000\nhands\n\n4\n", "Slow hands"),
        ("a.srt", srt("Slow").replace("1\n", "41\n", 1) + "\n42\n\n43\n00:00:05,000 --> 00:00:06,000\n7\n", "Slow 7"),
        ("a.srt", srt("-Slow.\n-Hands.", "–Dig.", "—¿Ya?", "\u2010Wait.", "\u2212Yes."), "Slow. Hands. Dig. ¿Ya? Wait. Yes."),
        ("a.srt", srt("-slow\n-hands", "-ing is an ending", "-5 degrees"), "slow hands -ing is an ending -5 degrees"),
        ("a.srt", srt("-[Music]", "Hands"), "Hands"),
        ("a.srt", srt("{y:i}Slow", "{c:$0000ff}hands", "a\\nb", '"\\n" ends a line'), 'Slow hands a b "\\n" ends a line'),
        ("a.srt", srt("♪ Slow hands [Music] ♪", "♪ [Music] ♪", "*Dig [Applause]*"), "Slow hands *Dig *"),
        ("a.srt", srt("土は帳簿を\nつける。", "水は\nABC\nだ",
                       "\uff0dはい\n\uff0dいいえ"), "土は帳簿をつける。水は ABC だはい いいえ"),
        ("a.srt", srt("今天我们\n浇水。"), "今天我们浇水。"),
    ],
)  # fmt: skip
def test_kinds_of_files_and_marks_as_people_have_them(tmp_path, name, text, spoken):
    assert joined(read_segments(written(tmp_path, name, text))[0]) == spoken


@pytest.mark.parametrize(
    "sound",
    [
        *(
            "(Musik)",
            "(música)",
            "*Musik*",
            "(upbeat music)",
            "(soft piano music playing)",
            "(MÚSICA ANIMADA)",
            "*lacht*",
        ),
        *(
            "(Applaus)",
            "(applaudissements)",
            "(risate)",
            "(palmas e risos)",
            "(gelach)",
            "(музыка)",
            "（拍手）",
            "(音乐)",
        ),
        *(
            "〔拍手〕",
            "〈音楽〉",
            "＊音楽＊",
            "🎵 Musik 🎵",
            "🎶",
            "<music>",
            "{Musik}",
            "~music~",
            "(Musik]",
            "(BLANK_AUDIO)",
        ),
        *(
            "(신나는 음악)",
            "(잔잔한 음악이 흐른다)",
            "(雑音)",
            "(шум)",
            "(bruit de vent)",
            "(noise)",
            "(Geräusche)",
            "(ruido)",
        ),
        *(
            "(clears throat)",
            "(wind howling)",
            "(chuckle)",
            "(Räuspern)",
            "(Seufzer)",
            "(Titelmusik)",
            "(Vogelgezwitscher)",
        ),
        *("(pianomuziek)", "(bakgrundsmusik)", "(the audience laughs)"),
        *("(박수)", "(संगीत)", "(موسيقى)", "#music#", "♪ Musik ♪", "((laughs))", "(upbeat\nmusic)", "[Musik]", "♪♪♪"),
    ],
)
def test_sounds_of_all_languages_are_no_speech(tmp_path, sound):
    segments, removed = read_segments(written(tmp_path, "a.srt", srt(sound, "Dig.")))
    assert [segment.text for segment in segments] == ["Dig."]
    assert removed["sound_tags"] == 1


@pytest.mark.parametrize(
    "spoken",
    ["Play (any music) to them", "They hear (the music) at night", "<Musikant> und {x}", "(나는 음악을 좋아한다)",
     "(I love music)", "*I mean it*", "a talk (music theory) on it", "(which is not so)", "2 * 3 * 4", "(我喜欢音乐会和很多人)"],
)  # fmt: skip
def test_what_is_said_in_brackets_stays(tmp_path, spoken):
    assert words_of(written(tmp_path, "a.srt", srt(spoken))) == spoken


@pytest.mark.parametrize(
    ("name", "content", "language"),
    [
        ("a.vtt", "WEBVTT\nKind: captions\nLanguage: iw\n\n00:01.000 --> 00:02.000\nDig.\n", "he"),
        ("a.json", json.dumps({"text": "Dig.", "segments": [{"start": 0, "end": 1, "text": "Dig."}], "language": "de"}), "de"),
        ("a.json", json.dumps({"result": {"language": "fr"}, "transcription": [WHISPER_CPP_ROW]}), "fr"),
        ("a.en-GB.vtt", "WEBVTT\nLanguage: de\n\n00:01.000 --> 00:02.000\nDig.\n", "en-GB"),
        ("Node.js.srt", srt("Im Garten gießt man die Tomaten am besten morgens, wenn die Erde noch kühl ist."), "de"),
        ("a.srt", srt("Hm."), None),
    ],
)  # fmt: skip
def test_the_language_is_the_name_s_then_the_file_s_then_the_text_s(tmp_path, name, content, language):
    assert transcript_of_file(str(written(tmp_path, name, content)))["language"] == language


def test_hidden_files_are_no_talks(tmp_path):
    written(tmp_path, "Talk.srt", srt("Dig."))
    written(tmp_path, "._Talk.srt", b"\0\5\x16\7" * 20)
    assert [path.name for path in caption_files(tmp_path)] == ["Talk.srt"]


def test_what_is_not_read_is_named(tmp_path, caplog):
    for name in ("Dig.srt", "Dig.tsv", "Dig.docx", ".hidden"):
        written(tmp_path, name, srt("Dig."))
    written(tmp_path, "fetched.txt", "youtube a-b_c1234XY\nyoutube b-b_c1234XY\n")
    (tmp_path / "older").mkdir()
    (tmp_path / "gone.vtt").symlink_to(tmp_path / "nowhere.vtt")
    settings = {"title_include": [], "title_exclude": [], "published_after": None, "max_videos": None}
    source = {**settings, "languages": ["en"]}
    videos, others = videos_of_folder({**source, "captions_dir": str(tmp_path)}, before=[])
    assert [video["title"] for video in videos] == ["Dig"]
    why = {one["title"]: one["why"] for one in others}
    assert why.keys() == {"Dig.tsv", "Dig.docx", "fetched.txt", "older", "gone.vtt"}
    assert "archive" in why["fetched.txt"] and "folder" in why["older"] and "broken link" in why["gone.vtt"]
    assert len([line for line in caplog.messages if "5 not read" in line]) == 1
    (tmp_path / "Dig.srt").unlink()
    with pytest.raises(ConfigurationError, match=r"no caption files \('Dig.docx'"):
        caption_files(tmp_path)


@pytest.mark.parametrize(("words", "status"), [(4, "unavailable"), (3, "ok"), (0, "ok")])
def test_a_talk_of_few_words_has_no_speech(tmp_path, words, status):
    path = written(tmp_path, "a.srt", srt("you", "thank you"))
    video = video_record("a-b_c1234XY", "Silence", source_file=str(path))
    fetch_transcript(video, ["en"], None, tmp_path / "record.json", words)
    record = read_json(tmp_path / "record.json")
    assert (record["status"], record["reason"]) == (status, "no speech" if status == "unavailable" else None)


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
        {"result": {"language": "en"}, "transcription": [{"offsets": {"from": 1000, "to": 3500}, "text": " slow"},
                                                         {"offsets": {"from": 3500, "to": 4500}, "text": " hands"}]},
        {"text": "x", "chunks": [{"timestamp": [1.0, 3.5], "text": " slow"}, {"timestamp": [3.5, 4.5], "text": "hands"}]},
        [{"timestamp": [1.0, 3.5], "text": " slow"}, {"timestamp": [3.5, 4.5], "text": "hands"}],
    ],
    ids=["youtube-transcript-api", "its command line", "its record", "whisper", "youtube", "cpp", "chunks", "chunks alone"],
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
        (f"{LOOK_ALIKES}.srt", id_from_title('Why? | A/B "x" 1:2*'), 'Why? | A/B "x" 1:2*', None),
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
