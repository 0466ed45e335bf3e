"""A project of pairs alone: from a file to a GGUF file, without talks, without a teacher, and what takes talks says so."""

import json

import pytest

from project import MODEL, REPOSITORY, TRAINING, Project
from understudy.shared.files import read_json, read_json_lines

OF_TALKS = {"transcript", "questions", "answers", "index_block", "index", "gate", "dataset_block", "channel_report"}


@pytest.fixture
def project(tmp_path, tiny_base):
    """Pairs of four talks, and nothing else."""
    made = Project(tmp_path / "project")
    made.path.mkdir()
    (made / "tiny-base").symlink_to(tiny_base)
    written = [pair for _, pair in read_json_lines(REPOSITORY / "demo/extra_pairs.jsonl")]
    talks = sorted({pair["source_file"] for pair in written})[:4]
    rows = [
        {"question": pair["question"], "answer": pair["answer"], "talk": pair["source_file"]}
        for pair in written
        if pair["source_file"] in talks
    ]
    (made / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    made.write_config(
        {
            "name": "tiny",
            "source": {"pairs": "pairs.jsonl"},
            "dataset": {"valid_fraction": 0.25},
            "base_model": "tiny-base",
            "training": {**TRAINING, "epochs": 1},
            "export": {"quantizations": ["Q4_K_M"], "bad_answers": "warn"},
        }
    )
    return made


def test_from_pairs_to_a_gguf_file(project):
    assert not OF_TALKS & project.planned("all").keys()
    output = project.snakemake(MODEL, "data/dataset/report.html", "data/review/index.html")
    assert "of 4 talks for the split" in output and "there are no transcripts: nothing is searched" in output
    assert (project / MODEL).stat().st_size and read_json(project / "data/videos.json") == []
    report = read_json(project / "data/dataset/report.json")
    assert set(report["rows"]) == {"train", "valid"} and report["split"]["videos_on_both_sides"] == []
    assert "these checks are off: copies_transcript, off_topic" in (project / "data/dataset/report.html").read_text()
    assert project.planned() == {} and not OF_TALKS & project.planned("all").keys()
    with (project / "pairs.jsonl").open("a") as file:
        file.write('{"question": "Why?"}\n')
    said = project.snakemake(MODEL, succeeds=False)
    assert (
        f"pairs.jsonl, line {len(report['pairs']) and report['pairs']['extra_pairs'] + 1}: `answer` is missing" in said
    )


def test_what_takes_talks_says_that_there_are_none(project):
    for target in ("data/index/index.json", "data/gate.json", "channel_report"):
        said = project.snakemake("--dry-run", target, succeeds=False)
        assert "this project has pairs alone: source.pairs is pairs.jsonl" in said
    for command in (["search", "soil"], ["preview"], ["update"]):
        assert "this project has none: its pairs are in pairs.jsonl" in project.understudy(*command, succeeds=False)
    assert "No teacher is asked: the pairs are in pairs.jsonl" in project.understudy("plan")
    assert "The teacher: not asked; the pairs are in pairs.jsonl." in project.understudy("status")
