"""Pairs without talks: the names that rows give are the talks, and what is wrong names its line."""

import json

import pytest

from dataset_records import ANSWER, GOOD_QUESTIONS, built
from understudy.dataset.hand_written_pairs import hand_written_pairs
from understudy.shared.errors import InputFileError

NAMES = ("beans", "peas", "leeks", "onions", "carrots", "kale")
ROWS = [
    {"question": question, "answer": ANSWER.format(name=name)}
    for question, name in zip(GOOD_QUESTIONS, NAMES, strict=True)
]


def lines(rows: list[dict]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def pairs_of(tmp_path, rows: list[dict]) -> list[dict]:
    (tmp_path / "pairs.jsonl").write_text(lines(rows))
    return hand_written_pairs(str(tmp_path / "pairs.jsonl"), [])


def test_rows_that_name_the_same_talk_have_one_id_and_others_one_each(tmp_path):
    named = [{"talk": "Spring"}, {"talk": " Spring "}, {"source_file": "a.pdf"}, {"video_id": "dQw4w9WgXcQ"}, {}, {}]
    pairs = pairs_of(tmp_path, [{**row, **name} for row, name in zip(ROWS, named, strict=True)])
    ids = [pair["video_id"] for pair in pairs]
    assert ids[0] == ids[1] and len(set(ids)) == 5 and ids[3] == "dQw4w9WgXcQ"
    assert all(len(video_id) == 11 for video_id in ids)
    assert [pair["title"] for pair in pairs] == ["Spring", "Spring", "a.pdf", "dQw4w9WgXcQ", None, None]
    assert {pair["status"] for pair in pairs} == {"ok"}


def test_beside_listed_talks_a_row_may_name_one_by_its_title(tmp_path):
    (tmp_path / "pairs.csv").write_text("question,answer,talk\nWhy now?,So.,Spring\nWhy then?,So.,Autumn\n")
    videos = [{"video_id": "a" * 11, "title": "Spring", "source_file": None}]
    found = hand_written_pairs(str(tmp_path / "pairs.csv"), videos)
    assert [(pair["video_id"], pair["status"]) for pair in found] == [("a" * 11, "ok"), (None, "talk_not_listed")]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("p.jsonl", '{"question": "Why?", "answer": "So."}\n{"question": "Why?"}\n', "p.jsonl, line 2: `answer` is missing"),
        ("p.jsonl", '{"question": "Why?", "answer": "So."}\n{"question"\n', "p.jsonl, line 2"),
        ("p.jsonl", '{"question": "Why?", "answer": "So.", "talk": 3}\n', "p.jsonl, line 1: `talk` takes text"),
        ("p.csv", "question,answer,talk\nWhy?,So.,A\nWhy?,,A\n", "p.csv, line 3: `answer` is missing"),
        ("p.csv", "question,reply\nWhy?,So.\n", "p.csv, line 1: the column 'answer' is missing"),
        ("p.csv", "question,answer\n", "p.csv has no pairs"),
        ("p.jsonl", "\n", "p.jsonl has no pairs"),
    ],
)  # fmt: skip
def test_what_is_wrong_names_file_and_line(tmp_path, name, text, says):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputFileError) as error:
        hand_written_pairs(str(tmp_path / name), [])
    assert says in str(error.value)


def test_without_talks_the_split_is_by_what_rows_name_and_the_checks_that_are_off_are_said(tmp_path, tiny_base):
    rows = [{**row, "talk": f"Talk {number // 2}"} for number, row in enumerate(ROWS)]
    kept, rejected, report = built(tmp_path, tiny_base, [], {"valid_fraction": 0.34}, extra=lines(rows))
    assert len(kept) == 6 and not rejected
    assert report["rows"] == {"train": 4, "valid": 2} and report["split"]["videos_on_both_sides"] == []
    assert report["checks_off"] == ["copies_transcript", "off_topic", "other_speaker"]
    assert report["languages"] == {"en": 6}


def test_without_talks_and_names_what_is_nearly_the_same_is_on_one_side(tmp_path, tiny_base):
    again = [{"question": row["question"], "answer": row["answer"] + " Good luck with it."} for row in ROWS]
    kept, rejected, report = built(tmp_path, tiny_base, [], {"valid_fraction": 0.34}, extra=lines(ROWS + again))
    assert not rejected and report["rows"] == {"train": 8, "valid": 4}
    sides = {}
    for pair in kept:
        sides.setdefault(pair["question"], set()).add(pair["split"])
    assert all(len(each) == 1 for each in sides.values())


def test_another_row_moves_no_row_to_the_other_side(tmp_path, tiny_base):
    before, _, _ = built(tmp_path, tiny_base, [], {"valid_fraction": 0.34}, extra=lines(ROWS[:5]))
    after, _, _ = built(tmp_path, tiny_base, [], {"valid_fraction": 0.34}, extra=lines(ROWS))
    sides = {pair["question"]: pair["split"] for pair in after}
    assert all(sides[pair["question"]] == pair["split"] for pair in before)
