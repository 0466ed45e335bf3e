"""From answers to rows: every pair comes out once, kept or rejected with a reason; no talk is on both sides of the split."""

import json
import shutil

import pandas as pd
import pyarrow.parquet as pq
import pytest
from huggingface_hub import DatasetCard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataset_records import (
    ANSWER,
    GOOD_QUESTIONS,
    SETTINGS,
    VIDEOS,
    answer_record,
    built,
    good_records,
)
from project import REPOSITORY
from understudy.dataset.dataset import COLUMNS
from understudy.dataset.hand_written_pairs import hand_written_pairs
from understudy.dataset.teacher_names import teacher_names
from understudy.passages.time_span import SpokenSegments, greatest_run
from understudy.report.review.review import review_page
from understudy.shared.errors import InputFileError
from understudy.shared.files import read_json, read_json_lines

anything = st.text(st.characters(codec="utf-8"), max_size=80)
outcomes = st.sampled_from(["ok", "refused", "truncated", "invalid"])
decisions = st.sampled_from([None, "keep", "reject", "edit"])


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.tuples(anything, anything, outcomes, decisions), max_size=8), st.sampled_from(["best", "first", "all"])
)
def test_every_pair_comes_out_once_kept_or_rejected_with_a_reason(tmp_path_factory, tiny_base, rows, keep):
    records = good_records()
    records += [answer_record("abcabcabcab", f"q{n:02d}", q, a, status) for n, (q, a, status, _) in enumerate(rows, 1)]
    lines = [
        f"abcabcabcab,q{n:02d},,{decision},,{GOOD_QUESTIONS[0]},\r\n"
        for n, (*_, decision) in enumerate(rows, 1)
        if decision
    ]
    curation = "video_id,slot,question_sha256,decision,edited_question,edited_answer,note\r\n" + "".join(lines)
    kept, rejected, report = built(tmp_path_factory.mktemp("any"), tiny_base, records, {"keep": keep}, curation)
    came_out = [(pair["video_id"], pair["slot"]) for pair in kept + rejected]
    assert sorted(came_out) == sorted((record["video_id"], record["slot"]) for record in records)
    assert all(pair["verdict"] == "ok" and pair["split"] for pair in kept)
    assert all(pair["verdict"] != "ok" and pair["remarks"] and not pair["split"] for pair in rejected)
    assert report["split"]["videos_on_both_sides"] == []
    assert report["split"]["near_duplicates_across"] == 0
    assert len(kept) == sum(report["rows"].values())


FLOWERS = ["tulips", "roses", "daisies", "lilies", "poppies"]
UNUSUAL = [
    "Windows\r\nline **ends** stay.\r\n\r\n- one\r\n- two\r\n\r\nThe soil is warm and crumbles in your hand, water once.",
    "Code:\n\n```python\nplant('beans')  # 🌱\n\twater()\n```\n\nThe **soil** is warm and crumbles in your hand, so water once.",
    "Emoji 🌱👩🏽‍🌾🏳️‍🌈 and the **soil** is warm and crumbles in your hand, so water it once and leave alone.",
    "Right to left: **שלום עולם** مرحبا and the soil is warm, it crumbles in your hand; water once, leave alone.",
    "A no-break\u00a0space, a **soft\u00adhyphen**, \u2028 a line separator, the soil is warm and crumbles in your hand.  ",
]


def test_text_survives_to_the_byte(tmp_path, tiny_base):
    records = good_records()
    records += [
        answer_record("d" * 11, f"q0{n}", f"How many {what} fit a pot?", text)
        for n, (what, text) in enumerate(zip(FLOWERS, UNUSUAL, strict=True))
    ]
    kept, rejected, _ = built(
        tmp_path, tiny_base, records, {"keep": "all", "verdicts": dict.fromkeys(SETTINGS["verdicts"], "warn")}
    )
    assert not rejected
    assert [pair["answer"] for pair in kept if pair["video_id"] == "d" * 11] == UNUSUAL
    rows = [row for name in ("train", "valid") for _, row in read_json_lines(tmp_path / f"{name}.jsonl")]
    assert set(UNUSUAL) <= {row["messages"][1]["content"] for row in rows}


def test_each_used_slot_is_kept_or_rejected_with_its_reason(tmp_path, tiny_base):
    statuses = ("unused", "refused", "truncated", "invalid")
    records = good_records() + [
        answer_record("a" * 11, f"q1{n}", "Why plant early?", "", s) for n, s in enumerate(statuses)
    ]
    _, rejected, report = built(tmp_path, tiny_base, records)
    assert [(pair["slot"], pair["verdict"]) for pair in rejected] == [
        ("q11", "refused"),
        ("q12", "truncated"),
        ("q13", "invalid"),
    ]
    assert (report["slots"], report["questions"]) == (10, 9)


@pytest.mark.parametrize(("asked_of_the_talk", "warned"), [([0], False), ([0, 1, 2, 4], True)])
def test_more_than_a_fifth_of_one_reason_is_a_warning_with_three_examples(
    tmp_path, tiny_base, caplog, asked_of_the_talk, warned
):
    records = good_records()
    pointing = [records[number] for number in asked_of_the_talk]
    for record in pointing:
        record["question"] = f"What are the three steps mentioned for {record['question'].split()[7]}?"
    _, rejected, report = built(tmp_path, tiny_base, records)
    assert [pair["verdict"] for pair in rejected] == ["not_standalone"] * len(pointing)
    said = [line.getMessage() for line in caplog.records if line.levelname == "WARNING"]
    assert bool(said) == bool(report["frequent_reasons"]) == warned
    if warned:
        (reason,) = report["frequent_reasons"]
        assert (reason["verdict"], reason["share"], len(reason["examples"])) == ("not_standalone", 0.667, 3)
        assert said[0].startswith("67 % of the pairs are left out as not_standalone: ") and "`keep`" in said[0]
        assert all(repr(record["question"]) in said[0] for record in pointing[:3])
        assert "mentioned" in reason["examples"][0]["says"], "the words that caused it"


def test_a_pair_says_where_it_came_from(tmp_path, tiny_base):
    kept, _, _ = built(tmp_path, tiny_base, good_records())
    assert list(kept[0]) == COLUMNS
    assert (kept[0]["question_model"], kept[0]["question_prompt_sha256"], kept[0]["question_response"]) == (
        "m",
        "1",
        "s",
    )
    assert (kept[0]["answer_model"], kept[0]["answer_prompt_sha256"], kept[0]["answer_response"]) == ("m", "0", "r")
    assert (kept[0]["start_s"], kept[0]["end_s"]) == (0.0, 9.0)


def test_what_is_nearly_the_same_is_kept_once(tmp_path, tiny_base):
    again = answer_record(
        "d" * 11,
        "q01",
        "How should I plant rows of beans in the spring?",
        ANSWER.format(name="runner beans") + " Good luck.",
    )
    records = [*good_records(), again]
    _, rejected, report = built(tmp_path / "best", tiny_base, records)
    assert [(pair["video_id"], pair["verdict"]) for pair in rejected] == [("a" * 11, "duplicate")], (
        "the longer answer stays"
    )
    assert "d" * 11 in rejected[0]["remarks"][-1]["says"]
    assert [[pair["slot"] for pair in cluster] for cluster in report["duplicates"]] == [["q01", "q01"]]
    _, rejected, _ = built(tmp_path / "first", tiny_base, records, {"keep": "first"})
    assert [pair["video_id"] for pair in rejected] == ["d" * 11]
    _, rejected, report = built(tmp_path / "all", tiny_base, records, {"keep": "all"})
    assert report["split"]["near_duplicates_across"] == 0
    assert {pair["verdict"] for pair in rejected} <= {"leak"}


def test_a_copy_of_a_dropped_pair_goes_too(tmp_path, tiny_base):
    """Copies are linked to their first one alone: what stays is near that one."""
    copy = answer_record("d" * 11, "q01", GOOD_QUESTIONS[0], ANSWER.format(name="garlic"))
    longest = answer_record(
        "e" * 11, "q01", "How should I plant rows of beans in the spring?", ANSWER.format(name="chard") + " Good luck."
    )
    _, rejected, _ = built(tmp_path, tiny_base, [*good_records(), copy, longest])
    assert {(pair["video_id"], pair["verdict"]) for pair in rejected} == {
        ("a" * 11, "duplicate"),
        ("d" * 11, "duplicate"),
    }
    assert all("nearly the same question as eeeeeeeeeee q01" in pair["remarks"][-1]["says"] for pair in rejected)


def test_hand_written_pairs_are_warned_about_and_never_dropped(tmp_path, tiny_base):
    rows = [
        {"question": "Why is it?", "answer": "So."},
        {"question": GOOD_QUESTIONS[0], "answer": "Dig.", "video_id": "a" * 11},
    ]
    extra = "".join(json.dumps(row) + "\n" for row in rows)
    kept, rejected, _ = built(tmp_path, tiny_base, good_records(), extra=extra)
    written = [pair for pair in kept if pair["origin"] == "extra_pairs"]
    assert [pair["answer"] for pair in written] == ["So.", "Dig."]
    assert {remark["level"] for pair in written for remark in pair["remarks"]} == {"warn"}
    assert [(pair["slot"], pair["verdict"]) for pair in rejected] == [("q01", "duplicate")], (
        "the teacher's answer to the same question"
    )


def lines(tmp_path, *rows, name: str = "extra.jsonl") -> str:
    path = tmp_path / name
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))
    return str(path)


def test_hand_written_pairs_go_to_their_talk(tmp_path):
    row = {"question": "Q?", "answer": "A."}
    path = lines(
        tmp_path,
        {**row, "source_file": "A.srt"},
        {**row, "video_id": "b" * 11},
        row,
        {**row, "source_file": "gone.srt"},
    )
    pairs = hand_written_pairs(path, VIDEOS)
    assert [pair["video_id"] for pair in pairs] == ["a" * 11, "b" * 11, None, None]
    assert [pair["status"] for pair in pairs] == ["ok", "ok", "ok", "talk_not_listed"]
    assert pairs[3]["says"] == "its talk (gone.srt) is not in data/videos.json"


def test_hand_written_pairs_come_from_a_spreadsheet_too(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_bytes(
        '\ufeffQuestion;Answer;Tags;source_file\r\n"Why; not?";"A ""good""\r\nanswer";soil, spring;A.srt\r\n'.encode()
    )
    (pair,) = hand_written_pairs(str(path), VIDEOS)
    assert (pair["question"], pair["answer"], pair["tags"]) == ("Why; not?", 'A "good"\r\nanswer', ["soil", "spring"])
    assert (pair["video_id"], pair["slot"]) == ("a" * 11, "line2")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('{"question": ', "line 2: not JSON"),
        ({"question": "Q?"}, "line 2: `answer` is missing or empty"),
        ({"question": " ", "answer": "A."}, "line 2: `question` is missing or empty"),
        ({"question": "Q?", "answer": "A.", "tags": "x"}, "line 2: `tags` takes a list"),
        ({"question": "Q?", "answer": "A.", "answr": "x"}, "line 2: there is no key `answr`"),
        ([1], "line 2: it takes an object"),
        ({"question": "Q?", "answer": "half of an emoji: \ud83c"}, "line 2: there is half of a character"),
    ],
)
def test_a_hand_written_pair_that_is_none_is_an_error_with_its_line(tmp_path, row, message):
    with pytest.raises(InputFileError, match=message):
        hand_written_pairs(lines(tmp_path, {"question": "Q?", "answer": "A."}, row), VIDEOS)


def test_a_file_that_ends_within_a_character_is_told_with_its_line(tmp_path):
    path = tmp_path / "extra.jsonl"
    path.write_bytes('{"question": "Q?", "answer": "A."}\n{"question": "Q?", "answer": "é'.encode()[:-1])
    with pytest.raises(InputFileError, match="line 2: not UTF-8"):
        hand_written_pairs(str(path), VIDEOS)


def test_the_teachers_names_are_those_of_the_voice_or_the_configurations():
    assert teacher_names(None, "Dr. Jason Fung, nephrologist") == ["Jason Fung"]
    assert teacher_names(None, "the teacher's own: direct") == []
    assert teacher_names(["Nell"], "Jason Fung") == ["Nell"]


def test_the_time_span_is_where_the_answers_words_are():
    spoken = [
        [0.0, 5.0, "welcome to the garden"],
        [5.0, 5.0, "tomatoes want water"],
        [10.0, 5.0, "ten litres of water"],
        [15.0, 5.0, "goodbye"],
    ]
    assert SpokenSegments(spoken).span_of("Give **tomatoes** ten litres of water.") == (5.0, 15.0)
    assert SpokenSegments(spoken).span_of("Nothing said.") is None
    assert SpokenSegments([]).span_of("Nothing there.") is None
    assert SpokenSegments([[None, None, "plain text has no times"]]).span_of("Plain text.") is None
    assert greatest_run([-1.0, 2.0, -1.0, 3.0, -5.0, 1.0]) == (1, 3)


def test_no_talk_is_on_both_sides(finished):
    pairs = pd.read_json(finished / "data/dataset/pairs.jsonl", lines=True)
    assert (pairs.groupby("video_id")["split"].nunique() == 1).all()
    rows = [row for _, row in read_json_lines(finished / "data/dataset/train.jsonl")]
    assert all(list(row) == ["messages"] for row in rows)
    assert [message["role"] for message in rows[0]["messages"]] == ["user", "assistant"]
    assert len(rows) == read_json(finished / "data/dataset/report.json")["rows"]["train"]


def test_a_new_talk_moves_no_old_one_and_a_test_split_is_written(project):
    before = read_json(project / "data/dataset/split.json")["videos"]
    for subject in ("garlic", "leeks", "kale"):
        project.add_talk(subject)
    project.snakemake("data/dataset/train.jsonl")
    after = read_json(project / "data/dataset/split.json")["videos"]
    assert len(after) == 5
    assert before.items() <= after.items()
    project.configure(dataset={"valid_fraction": 0.2, "test_fraction": 0.2})
    project.snakemake("data/dataset/train.jsonl", "data/dataset/test.jsonl")
    rows = {name: len(read_json_lines(project / f"data/dataset/{name}.jsonl")) for name in ("train", "valid", "test")}
    assert rows == {"train": 9, "valid": 3, "test": 3}


def test_too_few_pairs_are_an_error_and_the_log_counts_what_was_left_out(project):
    before = project.contents("data/dataset/*.jsonl")
    project.configure(dataset={"doctor": {"min_answer_words": 500}})
    output = project.snakemake("data/dataset/train.jsonl", succeeds=False)
    assert "pairs of 0 video(s)" in output
    assert "Left out: 6 too_short." in output
    assert project.contents("data/dataset/*.jsonl") == before
    assert "Left out: 6 too_short." in (project / "logs/dataset.log").read_text()


def test_a_validation_set_that_is_smaller_than_a_batch_stops_with_the_number(project):
    project.configure(training={"batch_size": 5})
    output = project.snakemake("data/dataset/train.jsonl", succeeds=False)
    assert "would have 3 rows, and training.batch_size is 5" in output
    assert "lower training.batch_size to 3" in output
    assert (project / "data/dataset/split.json").exists()


def test_the_report_page_and_the_export_are_made(project):
    (project / "captions/beans.srt").rename(project / "captions/beans & 'more'.srt")
    project.configure(dataset={"export": True})
    project.snakemake("data/dataset/report.html", "data/dataset/export/README.md")
    page = (project / "data/dataset/report.html").read_text()
    assert page.count("data:image/svg+xml;base64,") == 2
    card = DatasetCard.load(project / "data/dataset/export/README.md")
    assert card.data.configs[0]["data_files"][1] == {"split": "validation", "path": "data/validation-*.parquet"}
    table = pq.read_table(project / "data/dataset/export/data/train-00000-of-00001.parquet").to_pylist()
    trained = [row for _, row in read_json_lines(project / "data/dataset/train.jsonl")]
    assert [row["messages"] for row in table] == [row["messages"] for row in trained]
    assert {row["title"] for row in table} <= {"beans & 'more'", "tomatoes"}
    shutil.rmtree(project / "data/dataset/export")
    assert "dataset_export" in project.planned("all")
    project.configure(dataset={"export": False})
    assert "dataset_export" not in project.planned("all")


def test_the_page_and_the_card_name_the_talks_that_are_missing(project):
    project.add_talk("garlic")
    project.configure(dataset={"allow_missing": True, "export": True})
    project.snakemake("data/videos.json")
    project.snakemake("data/dataset/report.html", "data/dataset/export/README.md")
    missing = project.video_ids()["garlic"]
    assert read_json(project / "data/dataset/report.json")["missing_videos"] == [missing]
    assert missing in (project / "data/dataset/report.html").read_text()
    assert (
        f"1 listed talk is missing, without answers yet: {missing}."
        in DatasetCard.load(project / "data/dataset/export/README.md").text
    )


def test_the_demos_hand_written_pairs_all_name_a_talk_and_have_the_form():
    files = {path.name for path in (REPOSITORY / "demo/captions").iterdir()}
    videos = [{"video_id": name, "title": name, "source_file": name} for name in files]
    pairs = hand_written_pairs(str(REPOSITORY / "demo/extra_pairs.jsonl"), videos)
    assert len(pairs) >= 60
    assert {pair["status"] for pair in pairs} == {"ok"}
    assert {pair["video_id"] for pair in pairs} == files
    assert all("**" in pair["answer"] and "\n- **" in pair["answer"] for pair in pairs)


def test_the_review_shows_every_pair_and_nothing_breaks_out_of_it():
    pair = dict.fromkeys(COLUMNS) | {
        "slot": "q01",
        "question": "Why?",
        "answer": "So.",
        "tags": [],
        "origin": "teacher",
        "tokens": 9,
    }
    pair |= {
        "title": "A\n# not a heading",
        "verdict": "ok",
        "remarks": [],
        "split": "train",
        "video_id": "a" * 11,
        "start_s": 61.0,
        "end_s": 75.0,
    }
    ill = {
        "verdict": "too_short",
        "remarks": [{"verdict": "too_short", "level": "reject", "says": "1 word <b>"}],
        "split": None,
    }
    page = review_page([pair, {**pair, **ill, "question": "<script>?", "answer": "# Loud\n\nText", "title": None}])
    assert page.startswith("# 1 pairs, 1 rejected")
    assert page.count("\n### ") == 2
    assert "q01, 1:01-1:15, teacher, train" in page
    assert "**reject: too_short**, 1 word &lt;b>" in page
    assert "\n# not" not in page
    assert "\n# Loud" not in page
    assert "&lt;script>" in page
