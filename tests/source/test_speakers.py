"""Who speaks: labels of many styles become speakers of segments, and sentences that look like labels stay sentences."""

import json
from pathlib import Path

import pytest

from understudy.shared.files import read_json
from understudy.source.captions.formats import read_segments
from understudy.source.selection import video_record
from understudy.source.transcript import fetch_transcript

QUESTION, ANSWER = "How much water do beans want?", "Ten litres a week, never more."


def written(tmp_path: Path, name: str, content: str) -> Path:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    return path


def srt(*lines: str) -> str:
    return "\n".join(f"{n}\n00:00:{n:02d},000 --> 00:00:{n + 1:02d},000\n{line}\n" for n, line in enumerate(lines, 1))


def said(path) -> list[tuple[str | None, str]]:
    """Speaker and words of each segment."""
    return [(segment[3] if len(segment) > 3 else None, segment.text) for segment in read_segments(path)[0]]


def vtt(*lines: str) -> str:
    cues = (f"00:{n:02d}.000 --> 00:{n + 1:02d}.000\n{line}\n" for n, line in enumerate(lines, 1))
    return "WEBVTT\n\n" + "\n".join(cues)


def whisperx(*turns: tuple[str | None, str]) -> str:
    segments = [
        {"start": n, "end": n + 1, "text": text} | ({"speaker": name} if name else {})
        for n, (name, text) in enumerate(turns)
    ]
    return json.dumps({"segments": segments, "language": "en"})


def captions(style: str, turns: list[tuple[str, str]]) -> tuple[str, str]:
    """File name and text of turns in one of the ways in which tools name who speaks."""
    ways = {
        "brackets": ("a.srt", srt(*(f"[{name}]: {text}" for name, text in turns))),
        "brackets alone": ("a.vtt", vtt(*(f"[{name}] {text}" for name, text in turns))),
        "voice": ("a.vtt", vtt(*(f"<v {name}>{text}</v>" for name, text in turns))),
        "voice with classes": ("a.vtt", vtt(*(f"<v.first.loud {name}>{text}" for name, text in turns))),
        "arrows": ("a.srt", srt(*(f">> {name}: {text}" for name, text in turns))),
        "arrows as entities": ("a.vtt", vtt(*(f"&gt;&gt; {name}: {text}" for name, text in turns))),
        "colon": ("a.srt", srt(*(f"{name}: {text}" for name, text in turns))),
        "colon in italics": ("a.srt", srt(*(f"<i>{name}:</i> {text}" for name, text in turns))),
        "own line": ("a.srt", srt(*(f"{name}:\n{text}" for name, text in turns))),
        "own cue": ("a.srt", srt(*(line for name, text in turns for line in (f"{name}:", text)))),
        "dash": ("a.srt", srt("\n".join(f"- {name}: {text}" for name, text in turns))),
        "text": ("a.txt", "\n\n".join(f"{name}: {text}" for name, text in turns)),
        "text in one line": ("a.txt", " ".join(f"{name}: {text}" for name, text in turns)),
        "stars": ("a.txt", "\n\n".join(f"**{name}:** {text}" for name, text in turns)),
        "role": ("a.txt", "\n\n".join(f"{name} (garden): {text}" for name, text in turns)),
        "parentheses": ("a.srt", srt(*(f"({name}) {text}" for name, text in turns))),
        "brackets without a colon": ("a.srt", srt(*(f"[{name}] {text}" for name, text in turns))),
        "curly brackets": ("a.srt", srt(*(f"{{{name}}} {text}" for name, text in turns))),
        "angles": ("a.srt", srt(*(f"<{name}> {text}" for name, text in turns))),
        "brackets of Japanese": ("a.srt", srt(*(f"【{name}】{text}" for name, text in turns))),
        "parentheses of Japanese": ("a.srt", srt(*(f"\uff08{name}\uff09{text}" for name, text in turns))),
        "name over a time": (
            "a.txt",
            "\n\n".join(f"{name}  0:{5 * at:02}\n{text}" for at, (name, text) in enumerate(turns)),
        ),
        "name and range": (
            "a.txt",
            "\n".join(f"{name} [00:0{at}:01.000 - 00:0{at}:30.000]\n{text}" for at, (name, text) in enumerate(turns)),
        ),
        "full width": ("a.srt", srt(*(f"{name}：{text}" for name, text in turns))),
        "whisperX": ("a.json", whisperx(*turns)),
    }
    return ways[style]


NUMBERED = ("brackets", "brackets alone", "voice", "colon", "text", "whisperX", "own line", "text in one line")
NAMED = ("voice", "voice with classes", "arrows", "arrows as entities", "colon", "colon in italics", "own line", "own cue",
         "dash", "text", "text in one line", "stars", "role", "parentheses", "full width", "whisperX", "brackets",
         "brackets without a colon", "curly brackets", "angles", "name over a time", "name and range")  # fmt: skip


@pytest.mark.parametrize(
    ("style", "host", "teacher"),
    [(style, "SPEAKER_00", "SPEAKER_01") for style in NUMBERED]
    + [(style, "Speaker 1", "Speaker 2") for style in NUMBERED]
    + [(style, "ANNA", "DR. BEN SMITH") for style in NAMED]
    + [(style, "Anna Schmidt", "Ben") for style in NAMED]
    + [(style, "田中", "司会") for style in ("colon", "full width", "own line", "voice", "whisperX")]
    + [
        (style, "主持人", "李老师")
        for style in ("brackets of Japanese", "parentheses of Japanese", "brackets without a colon")
    ]
    + [(style, "अनीता", "राम सिंह") for style in ("colon", "text", "parentheses", "name over a time")]
    + [(style, "Анна", "Борис") for style in ("colon", "text", "voice", "brackets without a colon")],
)
def test_labels_become_speakers_and_leave_the_text(tmp_path, style, host, teacher):
    turns = [(host, QUESTION), (teacher, ANSWER), (host, "And peas?"), (teacher, "Half of that.")]
    name, text = captions(style, turns)
    assert said(written(tmp_path, name, text)) == turns


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.srt", srt("[SPEAKER_00]: Hello."), [("SPEAKER_00", "Hello.")]),
        ("a.srt", srt("[SPEAKER_00]: Hi. [SPEAKER_01]: Bye."), [("SPEAKER_00", "Hi."), ("SPEAKER_01", "Bye.")]),
        ("a.vtt", vtt("<v Anna>Hello</v>"), [("Anna", "Hello")]),
        ("a.vtt", vtt("<v Anna>Hi</v> <v Ben>Bye</v>", "One"), [("Anna", "Hi"), ("Ben", "Bye"), (None, "One")]),
        ("a.vtt", vtt("<v Anna &amp; Ben>Hello <i>all</i>"), [("Anna & Ben", "Hello all")]),
        ("a.srt", srt("ANNA: Hello.", "BEN: Bye."), [("ANNA", "Hello."), ("BEN", "Bye.")]),
        ("a.srt", srt("[Music] ANNA: Hello.", "and welcome"), [(None, "ANNA: Hello."), (None, "and welcome")]),
        ("a.srt", srt("[Music]", "ANNA: Hello.", "and welcome"), [("ANNA", "Hello."), ("ANNA", "and welcome")]),
        ("a.srt", srt("ANNA: One.", "Two.", "BEN: Three."), [("ANNA", "One."), ("ANNA", "Two."), ("BEN", "Three.")]),
        ("a.srt", srt(">> ANNA: One.", ">> Two."), [("ANNA", "One."), (None, "Two.")]),
        ("a.json", whisperx(("S_0", "Hi."), (None, "Um."), ("S_1", "Bye.")), [("S_0", "Hi."), (None, "Um."), ("S_1", "Bye.")]),
        ("a.srt", srt("Speaker 1: Hello."), [("Speaker 1", "Hello.")]),
        ("a.srt", srt("Good evening.", ">> ANNA: Hello.", ">> Ben Adler: Hi.", ">> Remember: salt."), [
            (None, "Good evening."), ("ANNA", "Hello."), ("Ben Adler", "Hi."), (None, "Remember: salt.")]),
        ("a.srt", srt("Mówca 1: Cześć.", "発言者2：はい。"), [("Mówca 1", "Cześć."), ("発言者2", "はい。")]),
        ("a.srt", srt("(speaker 0) Hi.", "(speaker ?) Um.", "(speaker 1) Bye."), [
            ("speaker 0", "Hi."), (None, "Um."), ("speaker 1", "Bye.")]),
        ("a.json", whisperx(("0", "Hi."), ("1", "Bye."), ("?", "Um.")), [
            ("SPEAKER_00", "Hi."), ("SPEAKER_01", "Bye."), (None, "Um.")]),
        ("a.json", '{"text": "Hi. Bye.", "utterances": [{"speaker": "A", "start": 500, "end": 900, "text": "Hi."}, '
         '{"speaker": "B", "start": 900, "end": 1200, "text": "Bye."}]}', [("A", "Hi."), ("B", "Bye.")]),
    ],
)  # fmt: skip
def test_labels_in_other_places(tmp_path, name, text, expected):
    assert said(written(tmp_path, name, text)) == expected


@pytest.mark.parametrize(
    "lines",
    [
        ["Remember: salt.", "Note: no salt.", "Remember: water.", "Note: no water."],
        ["We dig.", "Remember: salt.", "Then we rest.", "Remember: water."],
        ["10:30 is late.", "At 10:30: dig.", "10:30 again."],
        ["Monday: chicken.", "Tuesday: fish.", "Monday: soup.", "Tuesday: rice."],
        ["Step 1: dig.", "Step 2: wait.", "Step 1: dig again."],
        ["NOTE: water.", "WARNING: no salt.", "NOTE: rest."],
        ["Salt: one spoon.", "Pepper: two spoons.", "Sugar: three."],
        ["Salt: one spoon.", "Pepper: two.", "Salt: no more salt.", "Pepper: no more pepper."],
        ["See https://example.org/a: it is good.", "Ratio 3:1 is best."],
        ["Frage: wie viel?", "Antwort: zehn.", "Frage: wann?", "Antwort: morgens."],
        ["Q: How much?", "A: Ten.", "Q: When?", "A: At dawn."],
        ["注意：塩はだめ。", "例：水。", "注意：休む。", "例：土。"],
        ["REMEMBER: SALT.", "THE RULE: NEVER DIG WET.", "REMEMBER: WATER.", "THE RULE: REST."],
        ["He said: dig.", "She said: wait.", "He said: rest.", "She said: no."],
        ["(Musik) Los.", "Wir graben.", "Tief.", "(Applaus) Danke.", "Weiter.", "So.", "(Musik) Ende.", "(Applaus) Bis bald."],
        ["I like Anna: she digs.", "And Ben: he waits."],
        ["[Music] We dig.", "[Applause] Thanks.", "[Music] And rest.", "[Applause] Bye."],
        ["[Upbeat Music] We dig.", "[Door Opens] Thanks.", "[Upbeat Music] Rest.", "[Laughter] Bye.", "Yes.", "No."],
        ["[Musik] Wir graben.", "[Gelächter] Danke.", "[Musik] Los.", "[Gelächter] Ende."],
        ["<Tomato> is a tag.", "So is <Leek>.", "<Tomato> again.", "It ends."],
        ["We dig every day of the week, and then we rest for a long time.", "Anna: no.", "So we dig on and on."],
    ],
)  # fmt: skip
def test_what_only_looks_like_a_label_names_nobody(tmp_path, lines):
    found = read_segments(written(tmp_path, "a.srt", srt(*lines)))[0]
    assert all(len(segment) == 3 for segment in found)
    for line, segment in zip(lines, found, strict=True):
        assert segment.text == line or line.startswith(("(", "["))


def test_a_mark_without_a_name_is_a_turn_of_nobody_and_its_text_as_ever(tmp_path):
    segments, removed = read_segments(
        written(tmp_path, "a.srt", srt(">> How much?", ">> Ten litres.", "- Yes.\n- No."))
    )
    assert segments == [(1.0, 1.0, "How much?"), (2.0, 1.0, "Ten litres."), (3.0, 1.0, "Yes. No.")]
    assert removed["speaker_marks"] == 4


def test_two_who_speak_in_one_cue_share_its_time(tmp_path):
    (one, other) = read_segments(written(tmp_path, "a.srt", srt("ANNA: aaaa\nBEN: bbbb")))[0]
    assert (one.start_s, one.speaker, other.speaker) == (1.0, "ANNA", "BEN")
    assert one.start_s + one.duration_s == pytest.approx(other.start_s)
    assert other.start_s + other.duration_s == pytest.approx(2.0)


@pytest.mark.parametrize(
    "label", ["Ben (the teacher)", "Ben\nAnna: I", "=====x=====", "<b>Ben</b>", "Ben]: [Anna", "B" * 500]
)
def test_a_label_cannot_hold_more_than_a_name(tmp_path, label):
    ((speaker, _),) = said(written(tmp_path, "a.json", whisperx((label, "Hello."))))
    assert not set(speaker) & set("()[]<>:=\n") and len(speaker) <= 60


def test_the_record_names_who_speaks_and_without_labels_stays_as_it_was(tmp_path):
    for name, text in (("plain.srt", srt("Dig.", "Wait.")), ("talk.srt", srt("ANNA: Dig.", "BEN: Wait."))):
        video = video_record("aaaaaaaaaaa", "A", source_file=str(written(tmp_path, name, text)))
        fetch_transcript(video, ["en"], None, str(tmp_path / f"{name}.json"))
    assert read_json(tmp_path / "plain.srt.json")["segments"] == [[1.0, 1.0, "Dig."], [2.0, 1.0, "Wait."]]
    record = read_json(tmp_path / "talk.srt.json")
    assert record["segments"] == [[1.0, 1.0, "Dig.", "ANNA"], [2.0, 1.0, "Wait.", "BEN"]]
    assert record["text"] == "Dig. Wait."


def test_the_name_field_of_substation_alpha_says_who_speaks(tmp_path):
    lines = ("Anna,0,0,0,,How much {\\i1}water{\\i0}?", "Ben Adler,0,0,0,,Ten litres.", ",0,0,0,,Music off.")
    events = [f"Dialogue: 0,0:00:0{n}.00,0:00:0{n + 1}.00,Default,{line}" for n, line in enumerate(lines)]
    head = "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text"
    path = written(tmp_path, "a.ass", "\n".join(["[Script Info]", "ScriptType: v4.00+", "", "[Events]", head, *events]))
    assert said(path) == [("Anna", "How much water?"), ("Ben Adler", "Ten litres."), (None, "Music off.")]
