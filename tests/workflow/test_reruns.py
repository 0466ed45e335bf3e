"""What a change makes Snakemake run again, and what the teacher is asked for it."""

import json
from pathlib import Path

import pytest

from understudy.shared.files import read_json, read_json_lines, write_json

AFTER_DATASET = {"lora_config": 1, "adapters": 1, "fused": 1, "hf": 1, "gguf": 1}
AFTER_ANSWERS = {"dataset_block": 1, "dataset": 1, **AFTER_DATASET}


def test_a_second_run_has_nothing_to_do(project):
    assert project.planned() == {}


@pytest.mark.parametrize(
    "change",
    [
        {"teacher": {"base_url": "http://127.0.0.1:9/v1"}},
        {"teacher": {"concurrency": 3}},
        {"teacher": {"budget_usd": 5, "prices": {"input": 1, "output": 2}}},
        {"source": {"proxy": "http://127.0.0.1:9"}},
        {"source": {"pause_s": 9, "retries": 1}},
        {"source": {"fallback": True, "proxy_rotates": True}},
        {"source": {"cookies": "config.yaml"}},
    ],
    ids=["base_url", "concurrency", "budget and prices", "proxy", "pause", "fallback", "cookies"],
)
def test_what_shapes_no_artifact_reruns_nothing(project, change):
    project.configure(**change)
    assert project.planned() == {}


def test_a_new_talk_asks_for_that_talk_alone(project, teacher):
    before = project.contents("data/answers/*/*.json")
    project.add_talk("garlic")
    assert project.planned()["videos"] == 1
    project.snakemake("data/dataset/train.jsonl")
    assert len(teacher.asked("garlic", "questions")) == 1
    assert len(teacher.asked()) == 1 + teacher.questions == len(teacher.asked("garlic"))
    after = project.contents("data/answers/*/*.json")
    assert before.items() <= after.items()
    assert len(after) == len(before) + 4
    assert project.planned("data/dataset/train.jsonl") == {}
    assert project.planned() == AFTER_DATASET


def test_an_edited_answer_prompt_asks_for_answers_alone(project, teacher):
    prompt = project / "prompts/answers.md"
    prompt.write_text(prompt.read_text() + "\nBe kind.\n")
    assert project.planned() == {"answers": 2, **AFTER_ANSWERS}
    project.snakemake("data/dataset/train.jsonl")
    assert teacher.asked(kind="questions") == []
    assert len(teacher.asked(kind="answers")) == 2 * teacher.questions


def test_an_edited_question_asks_for_one_answer(project, teacher):
    path = project / f"data/questions/{project.video_ids()['beans']}.json"
    record = read_json(path)
    record["questions"][1]["question"] = "How deep do beans go?"
    write_json(path, record)
    project.snakemake("data/dataset/train.jsonl")
    assert [kind_and_text for kind_and_text in teacher.asked() if "How deep do beans go?" in json.dumps(kind_and_text)]
    assert len(teacher.asked()) == 1


def test_forcing_the_answers_asks_for_nothing_that_was_answered(project, teacher):
    before = project.contents("data/answers/*/*.json")
    project.snakemake("-R", "answers", "--", "data/dataset/train.jsonl")
    assert teacher.asked() == []
    assert project.contents("data/answers/*/*.json") == before


def test_one_slot_makes_its_video_alone_and_is_restored_for_free(new_project, teacher):
    new_project.snakemake("data/videos.json")
    video_id = new_project.video_ids()["tomatoes"]
    slot = f"data/answers/{video_id}/q03.json"
    new_project.snakemake(slot)
    answers = new_project.contents("data/answers/*/*.json")
    assert sorted(answers) == [f"data/answers/{video_id}/q{n:02d}.json" for n in (1, 2, 3, 4)]
    assert [read_json(new_project / path)["status"] for path in sorted(answers)] == ["ok", "ok", "ok", "unused"]
    assert teacher.asked("beans") == []
    teacher.forget()
    (new_project / slot).unlink()
    new_project.snakemake(slot)
    assert new_project.contents("data/answers/*/*.json") == answers
    assert teacher.asked() == []


def test_a_removed_talk_leaves_the_data_set(project):
    project.add_talk("garlic")
    project.snakemake("data/dataset/train.jsonl")
    gone = project.video_ids()["beans"]
    (project / "captions/beans.srt").unlink()
    project.snakemake("data/dataset/train.jsonl")
    left = {pair["video_id"] for _, pair in read_json_lines(project / "data/dataset/pairs.jsonl")}
    assert left == set(project.video_ids().values())
    assert gone not in left


def test_a_retitled_video_reruns_no_transcript_question_or_answer(project):
    videos = read_json(project / "data/videos.json")
    videos[0]["title"] = "A new title"
    write_json(project / "data/videos.json", videos)
    assert not {"transcript", "questions", "answers"} & set(project.planned())


def test_a_listing_that_fails_leaves_the_old_list_and_an_edited_prompt_still_runs(project, teacher):
    """The list of a channel can't be refreshed behind a proxy that isn't there; what was listed goes on."""
    listed = read_json(project / "data/videos.json")
    write_json(project / "data/videos.json", [{**video, "source_file": None} for video in listed])
    source = {
        "captions_dir": None,
        "channel": "https://www.youtube.com/@someone",
        "proxy": "http://127.0.0.1:9",
        "retries": 0,
    }
    project.configure(source=source)
    project.snakemake("--touch", "--", "data/dataset/train.jsonl")
    before = (project / "data/videos.json").read_bytes()

    said = project.snakemake("-f", "data/videos.json", succeeds=False)
    assert "the old list is kept" in said
    assert (project / "data/videos.json").read_bytes() == before

    prompt = project / "prompts/answers.md"
    prompt.write_text(prompt.read_text() + "\nBe kind.\n")
    project.snakemake("data/dataset/train.jsonl")
    assert len(teacher.asked(kind="answers")) == 2 * teacher.questions


def test_another_local_base_model_trains_anew_and_asks_for_nothing(project, tiny_base):
    """Its tokenizer counts what fits, so the data set is examined anew, too."""
    config = read_json(project / "tiny-base/config.json")
    write_json(project / "tiny-base/config.json", {**config, "rms_norm_eps": 1e-4})
    assert project.planned() == {"base_model": 1, "dataset": 1, **AFTER_DATASET}


def test_allow_missing_builds_from_what_is_answered(project):
    project.add_talk("garlic")
    project.snakemake("data/videos.json")
    project.configure(dataset={"allow_missing": True})
    project.snakemake("data/dataset/train.jsonl")
    report = read_json(project / "data/dataset/report.json")
    assert report["missing_videos"] == [project.video_ids()["garlic"]]
    assert report["rows"] == {"train": 3, "valid": 3}


def test_the_key_is_in_no_file_of_the_project(project):
    found = [path for path in Path(project.path).rglob("*") if path.is_file() and b"sk-test-never" in path.read_bytes()]
    assert found == []
