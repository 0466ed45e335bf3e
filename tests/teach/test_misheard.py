"""Misheard terms: corrections.csv, where it is applied, and what is proposed for it."""

import pytest

from understudy.passages.filling import search_in_memory
from understudy.shared.errors import InputFileError
from understudy.shared.files import write_json
from understudy.source.selection import video_record
from understudy.teach.misheard import proposals_of
from understudy.teach.planned import can_be_asked_about
from understudy.teacher.prompts import messages_about
from understudy.text.corrections import Corrections
from understudy.text.transcripts import Reading

SAID = [
    "So I take met foreman in the morning.",
    "Some people say met",
    "foreman hurts. Foreman, the builder, is met often.",
]


def transcript(lines=SAID, video_id: str = "aaaaaaaaaaa") -> dict:
    segments = [[4.0 * n, 4.0, line] for n, line in enumerate(lines)]
    record = {"video_id": video_id, "title": "Sugar", "status": "ok", "reason": None, "language": "en", "kind": "file"}
    return record | {"removed": {}, "segments": segments, "text": " ".join(lines)}


def corrections(tmp_path, text: str) -> Corrections:
    (tmp_path / "corrections.csv").write_text(text, encoding="utf-8")
    return Corrections.read(tmp_path / "corrections.csv")


@pytest.mark.parametrize(
    ("line", "text", "mended"),
    [
        ("met foreman,metformin", "Take met foreman.", "Take metformin."),
        ("met foreman,metformin", "Met foreman helps.", "Metformin helps."),
        ("met foreman,metformin", "MET FOREMAN", "METFORMIN"),
        ("met foreman,metformin", "they met foremans", "they met foremans"),
        ("cat,CAT", "concatenate cat", "concatenate CAT"),
        ("in solent,insulin", "in  solent", "insulin"),
        ("ketone's,ketones", "ketone's", "ketones"),
        ('"a, b",ab', "a, b", "ab"),
        ("meta,metha", "metá meta", "metá metha"),
        ("土台,土壌", "この土台は", "この土壌は"),
        ("c++,C plus plus", "c++ is", "C plus plus is"),
        ("GPT for,GPT-4", "gpt for you", "GPT-4 you"),
        ("a.b,x", "axb a.b", "axb x"),
        ("कमल,लोटस", "कमल का फूल कमला", "लोटस का फूल कमला"),
        ("की,का", "की कीमत", "का कीमत"),
        ("bế,bể", "bế bếp", "bể bếp"),
        ("İstanbul,Stambul", "istanbul İSTANBUL", "Stambul STAMBUL"),
    ],
)
def test_whole_words_are_mended_and_keep_their_case(tmp_path, line, text, mended):
    assert corrections(tmp_path, f"heard,meant\n{line}\n").mended(text) == mended


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a,b\n", "line 1"),
        ("heard,meant\nx\n", "line 2"),
        ("heard,meant\n,x\n", "line 2"),
        ("heard,meant\na,b\na,c\n", "line 3.*already"),
        ("heard,meant\n--,b\n", "line 2"),
        ("heard,meant\nmet foreman,#NAME?\n", "line 2: meant is .*an error of the spreadsheet"),
        ("heard,meant\nete,Ã©tÃ©\n", "line 2: meant has .*UTF-8 read in another encoding"),
        ("", "line 1"),
    ],
)
def test_a_line_that_cannot_be_applied_is_named(tmp_path, text, says):
    with pytest.raises(InputFileError, match=says):
        corrections(tmp_path, text)


def test_a_spreadsheet_s_file_is_read(tmp_path):
    (tmp_path / "corrections.csv").write_bytes("\ufeffHeard;Meant\r\nmet foreman;metformin\r\n\r\n".encode())
    assert Corrections.read(tmp_path / "corrections.csv").pairs == (("met foreman", "metformin"),)


def test_a_phrase_across_two_captions_is_mended_and_the_record_stays(tmp_path):
    record = transcript()
    reading = Reading(corrections=corrections(tmp_path, "heard,meant\nmet foreman,metformin\n"))
    read = reading.applied(record)
    assert [segment[2] for segment in read["segments"]] == [
        "So I take metformin in the morning.",
        "Some people say metformin",
        "hurts. Foreman, the builder, is met often.",
    ]
    assert "metformin hurts" in read["text"] and "metformin" in messages_about(read)[0]["content"]
    assert record == transcript()
    search = search_in_memory([(read, video_record("aaaaaaaaaaa", "Sugar"))])
    passages = search.passages("What does metformin do?")
    search.store.connection.close()
    assert "metformin" in passages[0].text


def test_an_edit_changes_only_the_talks_in_which_it_occurs(tmp_path):
    reading = Reading(corrections=corrections(tmp_path, "heard,meant\nmet foreman,metformin\nx y z,xyz\n"))
    assert reading.shaping(transcript()) == {"corrections": [["met foreman", "metformin"]]}
    other = transcript(["Peas want water."], "bbbbbbbbbbb")
    assert reading.shaping(other) == {} and reading.applied(other) is other
    assert messages_about(reading.applied(other)) == messages_about(other) and can_be_asked_about(other)


def test_what_sounds_like_a_term_of_the_answers_is_proposed(tmp_path):
    write_json(tmp_path / "videos.json", [video_record("aaaaaaaaaaa", "Sugar")])
    write_json(
        tmp_path / "transcripts/aaaaaaaaaaa.json", transcript([*SAID, "Kito acidosis and glue cagon are rare words."])
    )
    answer = {
        "question": "What does metformin do?",
        "answer": "**Metformin** lowers glucagon, and rarely brings ketoacidosis.",
    }
    write_json(tmp_path / "answers/aaaaaaaaaaa/q01.json", answer)
    proposed = {(each.heard, each.meant) for each in proposals_of(tmp_path, Reading())}
    assert proposed == {("met foreman", "metformin"), ("glue cagon", "glucagon"), ("kito acidosis", "ketoacidosis")}
