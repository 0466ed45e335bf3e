"""What a person decided is read from any spreadsheet, applied where it still means something, reported where it doesn't,
never lost."""

import pytest

from dataset_records import GOOD_QUESTIONS, answer_record, built, good_records
from understudy.dataset.curation import question_sha256, read_curation
from understudy.shared.errors import InputFileError

HEADER = "video_id,slot,question_sha256,decision,edited_question,edited_answer,note"
A, B, C = "a" * 11, "b" * 11, "c" * 11
EDITED = "Sow **beans** in spring, once the soil is warm and crumbles in your hand, and water them just once."


def curation_file(tmp_path, *rows: str, header: str = HEADER) -> str:
    path = tmp_path / "curation.csv"
    path.write_text("\n".join([header, *rows]) + "\n", newline="")
    return str(path)


def test_decisions_are_carried_out(tmp_path, tiny_base):
    records = [
        *good_records(),
        answer_record(C, "q09", "Why is it so?", "Because the **soil** is warm and crumbles in your hand."),
    ]
    rows = [
        f"{A},q01,{question_sha256(GOOD_QUESTIONS[0])},edit,,{EDITED.replace(',', ';')},better",
        f"{A},q02,{question_sha256(GOOD_QUESTIONS[1])},reject,,,dull",
        f"{C},q09,{question_sha256('Why is it so?')},keep,,,",
        f"{B},q01,,,,,only a note",
    ]
    kept, rejected, report = built(tmp_path, tiny_base, records, curation="\n".join([HEADER, *rows]))
    by_slot = {(pair["video_id"], pair["slot"]): pair for pair in kept + rejected}
    edited = by_slot[A, "q01"]
    assert (edited["answer"], edited["question"]) == (EDITED.replace(",", ";"), GOOD_QUESTIONS[0])
    assert edited["original_answer"].startswith("Plant the **beans**")
    assert edited["question_sha256"] == question_sha256(GOOD_QUESTIONS[0])
    assert by_slot[A, "q02"]["verdict"] == "rejected_by_person"
    assert by_slot[A, "q02"]["remarks"][0]["says"] == "dull"
    assert by_slot[C, "q09"]["verdict"] == "ok"
    assert {remark["verdict"] for remark in by_slot[C, "q09"]["remarks"]} == {"not_standalone", "too_short"}
    assert by_slot[B, "q01"]["note"] == "only a note"
    assert report["curation"] == {"decisions": 4, "applied": {"edit": 1, "reject": 1, "keep": 1}, "not_applied": []}


def test_a_decision_that_means_nothing_any_more_is_reported_and_not_applied(tmp_path, tiny_base):
    rows = [f"{A},q01,{question_sha256('Another one?')},reject,,,", "goneVideo01,q01,,reject,,,", f"{A},q77,,keep,,,"]
    kept, rejected, report = built(tmp_path, tiny_base, good_records(), curation="\n".join([HEADER, *rows]))
    assert not rejected
    assert len(kept) == 6
    assert [(decision["line"], decision["why"]) for decision in report["curation"]["not_applied"]] == [
        (2, "the question is another one now"),
        (3, "there are no pairs of this video"),
        (4, "there is no such slot with a question"),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_spreadsheets_file_is_read(tmp_path, encoding, delimiter):
    cells = [A, "q01", "0" * 64, "Edit", "", '"One; two,\tthree\r\nfour ""quoted"" 🌱"', "é"]
    path = tmp_path / "curation.csv"
    path.write_bytes(
        f"{HEADER.replace(',', delimiter)}\r\n{delimiter.join(cells)}\r\n{delimiter * 6}\r\n".encode(encoding)
    )
    curation = read_curation(str(path))
    assert curation["edited_answer"].tolist() == ['One; two,\tthree\r\nfour "quoted" 🌱']
    assert curation[["decision", "note", "line"]].values.tolist() == [["edit", "é", 2]]


@pytest.mark.parametrize("ending", ["\r", "\n", "\r\n"])
@pytest.mark.parametrize("before", ["", "sep=;|", "|;;;;;;|"])
def test_any_line_ends_and_what_a_spreadsheet_puts_before_the_header_are_read(tmp_path, ending, before):
    rows = [HEADER.replace(",", ";"), "a;q01;;edit;;One, two, three, four, five, six, seven, eight.;", "a;q02;;keep;;;"]
    path = tmp_path / "curation.csv"
    path.write_bytes((before + "|".join(rows) + "|").replace("|", ending).encode())
    curation = read_curation(str(path))
    assert curation["decision"].tolist() == ["edit", "keep"]
    assert curation["line"].tolist() == [line + before.count("|") for line in (2, 3)]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["a,q01,,delete,,,"], "line 2: the decision is 'delete'; it takes keep, reject or edit"),
        (["a,,,keep,,,"], "line 2: the slot is empty"),
        (["a,q01,,edit,,,"], "line 2: an edit without an edited question or answer"),
        (["a,q01,,edit,,one, two, three,four"], "line 2: 9 cells under 7 columns"),
        (["a,q02,,keep,,,", '"a,q01,,keep,,,'], "line 3: not CSV"),
        (["a,q01,,keep,,,", "a,q02,,keep,,,", "a,q01,,reject,,,"], "lines 2 and 4: decisions on a q01 that differ"),
    ],
)
def test_what_is_no_decision_is_an_error_with_its_line(tmp_path, rows, message):
    with pytest.raises(InputFileError, match=message):
        read_curation(curation_file(tmp_path, *rows))


def test_the_same_decision_twice_is_one(tmp_path):
    assert read_curation(curation_file(tmp_path, "a,q01,,keep,,,", "a,q01,,keep,,,"))["line"].tolist() == [2]


def test_two_decisions_on_one_pair_that_differ_are_an_error_also_where_only_one_names_the_question(tmp_path, tiny_base):
    named = f"{A},q01,{question_sha256(GOOD_QUESTIONS[0]).upper()},keep,,,"
    with pytest.raises(InputFileError, match=f"lines 2 and 3: decisions on {A} q01 that differ"):
        built(tmp_path, tiny_base, good_records(), curation="\n".join([HEADER, f"{A},q01,,reject,,,", named]))
    _, _, report = built(tmp_path, tiny_base, good_records(), curation="\n".join([HEADER, f"{A},q01,,keep,,,", named]))
    assert report["curation"]["applied"] == {"keep": 1}
    assert report["curation"]["not_applied"] == []


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("video_id,slot", "the column 'decision' is missing"),
        (HEADER + ",reviewer", "there is no column 'reviewer'"),
        (HEADER + ",note", "the column 'note' is there twice"),
    ],
)
def test_a_header_that_is_another_one_is_told(tmp_path, header, message):
    with pytest.raises(InputFileError, match=message):
        read_curation(curation_file(tmp_path, "a,q01,,keep,,,", header=header))


def test_an_encoding_that_is_not_unicode_is_told_with_its_line(tmp_path):
    path = tmp_path / "curation.csv"
    path.write_bytes(f"{HEADER}\r\na,q01,,keep,,,ok\r\na,q02,,keep,,,caf\u00e9\r\n".encode("cp1252"))
    with pytest.raises(InputFileError, match=r"line 3: not UTF-8\. Save it from the spreadsheet"):
        read_curation(str(path))


def test_an_empty_file_is_told(tmp_path):
    path = tmp_path / "curation.csv"
    path.write_bytes(b"")
    with pytest.raises(InputFileError, match="is empty"):
        read_curation(str(path))


def test_no_rule_writes_the_decisions_and_a_new_one_rebuilds_the_data_set(project):
    decisions = HEADER + "\n" + f"{next(iter(project.video_ids().values()))},q01,,reject,,,\n"
    (project / "data/curation.csv").write_text(decisions)
    assert set(project.planned("data/dataset/train.jsonl")) == {"dataset"}
    project.snakemake("data/dataset/train.jsonl")
    assert (project / "data/curation.csv").read_text() == decisions
    assert not project.planned("data/dataset/train.jsonl")
