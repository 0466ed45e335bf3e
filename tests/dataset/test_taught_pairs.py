"""Reworded questions and rewritten answers in the data set: what takes whose place, and what a person decided stays."""

import pytest

from dataset_records import answer_record, built, good_records, grounded_record, reworded_record
from understudy.dataset.curation import question_sha256
from understudy.dataset.taught_pairs import REWORDING_COLUMNS
from understudy.shared.files import read_json_lines

RECORDS = good_records()
FIRST = RECORDS[0]
PLAIN = "When do my beans go into the ground?"
REWORDED = {"reworded": [reworded_record(FIRST["video_id"], {"q01": (FIRST["question"], PLAIN)})]}


def pair_of(pairs: list[dict], record: dict) -> dict:
    return next(pair for pair in pairs if (pair["video_id"], pair["slot"]) == (record["video_id"], record["slot"]))


def test_a_reworded_question_takes_the_place_of_its_own_alone(tmp_path, tiny_base):
    kept, rejected, _ = built(tmp_path, tiny_base, RECORDS, beside=REWORDED)
    assert rejected == []
    pair = pair_of(kept, FIRST)
    assert (pair["question"], pair["teacher_question"]) == (PLAIN, FIRST["question"])
    assert (pair["rewording_model"], pair["rewording_prompt_sha256"], pair["rewording_response"]) == ("m", "2", "w")
    assert [other["question"] for other in kept if other is not pair] == [each["question"] for each in RECORDS[1:]]
    assert all(other["teacher_question"] is None for other in kept if other is not pair)
    rows = [row for name in ("train", "valid") for _, row in read_json_lines(tmp_path / f"{name}.jsonl")]
    assert sum(row["messages"][0]["content"] == PLAIN for row in rows) == 1


def test_without_rewordings_the_files_are_what_they_were(tmp_path, tiny_base):
    built(tmp_path / "none", tiny_base, RECORDS)
    built(tmp_path / "empty", tiny_base, RECORDS, beside={"reworded": [reworded_record(FIRST["video_id"], {})]})
    text = (tmp_path / "none/pairs.jsonl").read_text()
    assert text == (tmp_path / "empty/pairs.jsonl").read_text()
    assert not any(name in text for name in REWORDING_COLUMNS)


def test_a_rewording_of_a_question_that_is_another_one_now_is_left_out(tmp_path, tiny_base):
    stale = {"reworded": [reworded_record(FIRST["video_id"], {"q01": ("How was it before?", PLAIN)})]}
    kept, _, _ = built(tmp_path, tiny_base, RECORDS, beside=stale)
    assert pair_of(kept, FIRST)["question"] == FIRST["question"]


def test_the_doctor_examines_a_reworded_question(tmp_path, tiny_base):
    outside = {
        "reworded": [reworded_record(FIRST["video_id"], {"q01": (FIRST["question"], "What does the speaker say?")})]
    }
    _, rejected, _ = built(tmp_path, tiny_base, RECORDS, beside=outside)
    assert [(pair["slot"], pair["verdict"]) for pair in rejected] == [("q01", "not_standalone")]


@pytest.mark.parametrize("beside", [None, REWORDED], ids=["before", "after"])
def test_what_a_person_decided_holds_before_and_after_rewording(tmp_path, tiny_base, beside):
    sha256 = question_sha256(FIRST["question"])
    decided = (
        "video_id,slot,question_sha256,decision,edited_question,edited_answer,note\n"
        f"{FIRST['video_id']},q01,{sha256},edit,How do I sow my beans well?,,\n"
    )
    kept, _, report = built(tmp_path, tiny_base, RECORDS, curation=decided, beside=beside)
    pair = pair_of(kept, FIRST)
    assert (pair["question"], pair["question_sha256"]) == ("How do I sow my beans well?", sha256)
    assert report["curation"]["not_applied"] == []


GOOD = "Plant in spring, when the **soil** is warm and crumbles in your hand. Water it once, then leave it alone."


def test_a_rewritten_answer_stands_in_the_rows_with_passages(tmp_path, tiny_base):
    strange = [
        answer_record(each["video_id"], each["slot"], each["question"], each["answer"] + " Use 77 litres.")
        for each in RECORDS
    ]
    beside = {
        "grounded": [
            grounded_record(each["video_id"], "q01", f"**{each['video_id'][:3]}:** {GOOD}") for each in strange[::2]
        ]
    }
    on = {"grounding": {"plain_fraction": 0, "refusal_fraction": 0.25, "passage_words": 300}}
    kept, _, report = built(tmp_path, tiny_base, strange, on, beside=beside)
    trained = {pair["video_id"] for pair in kept if pair["split"] == "train"}
    text = (tmp_path / "train.jsonl").read_text()
    assert all(f"**{video_id[:3]}:** {GOOD}" in text for video_id in trained)
    assert report["grounding"]["plain"] == {"not_supported": len(trained)}, "q02 of each has no rewritten answer"
