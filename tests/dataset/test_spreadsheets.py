"""What a spreadsheet spoils is refused with its line; what it keeps is read as it was meant."""

import pytest

from dataset_records import GOOD_QUESTIONS, built, good_records
from understudy.dataset.curation import read_curation
from understudy.dataset.hand_written_pairs import hand_written_pairs
from understudy.shared.errors import InputFileError
from understudy.text.spreadsheets import misread

HEADER = "video_id,slot,question_sha256,decision,edited_question,edited_answer,note"
A, B = "a" * 11, "b" * 11
ERRORS = (
    "#NAME? #REF! #DIV/0! #N/A #SPILL! #WERT! #BEZUG! #NV #NOM? #VALEUR! #¿NOMBRE? #¡VALOR! #N/D #ИМЯ? #\u041d/\u0414 #I/T "
    "#YOK #GETTING_DATA #NAME ##### Err:508"
)


def curation(tmp_path, *rows: str):
    path = tmp_path / "curation.csv"
    path.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    return read_curation(str(path))


@pytest.mark.parametrize("value", ERRORS.split())
def test_an_error_value_is_no_answer_and_no_id(tmp_path, value):
    with pytest.raises(InputFileError, match=r"line 3: edited_answer is .*an error of the spreadsheet"):
        curation(tmp_path, f"{A},q01,,keep,,,", f"{A},q02,,edit,,{value},")
    with pytest.raises(InputFileError, match=r"line 2: video_id is .*an error of the spreadsheet"):
        curation(tmp_path, f"{value},q01,,reject,,,")
    (tmp_path / "pairs.csv").write_text(f"question,answer\nWhy dig deep?,{value}\n", encoding="utf-8")
    with pytest.raises(InputFileError, match=r"pairs.csv, line 2: answer is"):
        hand_written_pairs(str(tmp_path / "pairs.csv"), [])


def test_a_text_with_such_signs_in_it_is_none(tmp_path):
    read = curation(tmp_path, f'{A},q01,,edit,,"# Beans\n\nPlant #1 in May. What is #NAME? A mistake.",#beans')
    assert read["edited_answer"][0].endswith("A mistake.")


@pytest.mark.parametrize("cell", ["1.23457E+10", "1,23457E+10", "1E+11"])
def test_an_id_that_became_a_number_is_told(tmp_path, cell):
    with pytest.raises(InputFileError, match=r"line 2: video_id is .*a number that the spreadsheet made of it"):
        curation(tmp_path, f'"{cell}",q01,,reject,,,')


@pytest.mark.parametrize("covered", ["-abcdefghij", "'-abcdefghij"])
def test_an_id_with_a_dash_is_found_with_and_without_what_keeps_it_from_being_a_formula(tmp_path, covered):
    read = curation(
        tmp_path, f"{covered},q01,,reject,,,", f"{A},q01,,edit,,'- **One:** dig.\\n- **Two:** wait.,'tis fine"
    )
    assert read["video_id"].tolist() == ["-abcdefghij", A]
    assert read["edited_answer"][1].startswith("- **One:**")
    assert read["note"][1] == "'tis fine"


@pytest.mark.parametrize("encoding", ["cp1252", "mac_roman", "cp1250", "cp1251", "koi8-r"])
@pytest.mark.parametrize("text", ["Gießen – für", "Où ? À l’été", "¿Cuándo? Mañana", "Вода и хлеб", "番茄"])
def test_utf_8_read_in_another_encoding_is_told(tmp_path, encoding, text):
    spoilt = "".join(bytes([byte]).decode(encoding, "replace") for byte in text.encode())
    spoilt = "".join(
        chr(byte) if letter == "\ufffd" else letter for byte, letter in zip(text.encode(), spoilt, strict=True)
    )
    with pytest.raises(InputFileError, match=r"line 2: note has .*UTF-8 read in another encoding"):
        curation(tmp_path, f'{A},q01,,keep,,,"{spoilt}"')


@pytest.mark.parametrize(
    "text",
    [
        "Gießen – für",
        "Ã la carte",
        "naïve café",
        "«Â»",
        "Où ? À l’été",
        "¿Mañana?",
        "Вода и хлеб",
        "Рік",
        "MŮŽE",
        "zvlášť",
        "PÓŹNIEJ",
        "ИЛИ только список",
        "为什么",
        "しかし",
        "São",
        "番茄",
        "½ °C",
    ],
)
def test_text_as_people_write_it_is_not(text):
    assert misread(text) is None


@pytest.mark.parametrize("encoding", ["gbk", "cp949", "cp1254", "cp437", "cp850"])
def test_so_it_is_where_the_spreadsheet_is_set_to_other_countries(encoding):
    text = "Größe für die Blätter, weiß und grün"
    assert misread(text.encode().decode(encoding, "surrogateescape")) == text


def test_a_lost_character_is_told(tmp_path):
    with pytest.raises(InputFileError, match=r"line 2: note has lost a character"):
        curation(tmp_path, f"{A},q01,,keep,,,caf\ufffd")


def test_what_is_not_applied_stands_on_the_terminal_also_where_nothing_is_left(
    tmp_path, tiny_base, caplog, monkeypatch
):
    monkeypatch.setattr("understudy.shared.log.log.propagate", True)
    leaking = [*good_records(), {**good_records()[0], "video_id": B, "slot": "q09"}]
    rows = ["goneVideo01,q01,,reject,,,", *(f"{record['video_id']},{record['slot']},,keep,,," for record in leaking)]
    built(tmp_path, tiny_base, leaking, curation="\n".join([HEADER, *rows]))
    assert "data/curation.csv, line 2: goneVideo01 q01 is not applied: there are no pairs of this video." in caplog.text
    kept, rejected, _ = built(tmp_path, tiny_base, leaking, curation="\n".join([HEADER, *rows]))
    for pair in rejected:
        assert f"{pair['video_id']} {pair['slot']} is left out although it is decided keep: leak" in caplog.text
    assert len(kept) + len(rejected) == len(leaking)
    assert GOOD_QUESTIONS[1] in {pair["question"] for pair in kept}
