"""Who has paid or trained never does it again because of a change here: a project that was finished at a897e9d has nothing to do.

tests/finished_project/make_project.py made it. Its records name prompts and general questions relative to the checkout, so it is
unpacked at the same place in a copy of this one."""

import tarfile

import pytest

from project import MODEL, REPOSITORY, Project, copied_checkout
from understudy.shared.files import read_json, write_json
from understudy.shared.snakemake_records import carry_over_inputs, record_of

ARCHIVE = REPOSITORY / "tests/finished_project/finished_project.tar.gz"
# What a change is meant to make in every project that wants everything, by rule; an issue names it. None of it takes a request.
INTENDED: dict[str, int] = {"index_block": 1, "index": 1, "gate": 1, "review_page": 1, "all": 1}
COSTLY = (
    "data/responses/**/*",
    "data/answers/**/*",
    "models/tiny/runs/**/*",
    "models/tiny/adapters/*",
    "models/tiny-*.gguf",
)


@pytest.fixture
def old_project(tmp_path, teacher):
    """The finished project inside a copy of the checkout, with a teacher that counts."""
    copied_checkout(tmp_path)
    with tarfile.open(ARCHIVE) as packed:
        packed.extractall(tmp_path, filter="data")
    project = Project(tmp_path / "finished", checkout=tmp_path)
    project.configure(teacher={"base_url": teacher.base_url})
    return project


def state(project: Project) -> dict[str, tuple[bytes, int]]:
    """Bytes and time of all that was paid for or trained."""
    files = (path for pattern in COSTLY for path in project.path.glob(pattern) if path.is_file())
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_a_finished_project_has_nothing_to_do(old_project, teacher):
    before = state(old_project)
    assert len(before) > 30
    for targets, intended in (([MODEL], {}), (["all"], INTENDED), (["channel_report"], {})):
        assert old_project.planned(*targets) == intended, targets
        old_project.snakemake(*targets)
    assert "1 of 1 steps" in old_project.snakemake("-f", "data/videos.json")
    for targets in ([MODEL], ["all"]):
        assert "Nothing to be done" in old_project.snakemake(*targets)
    assert state(old_project) == before
    assert teacher.asked() == []


def test_an_edited_answer_prompt_asks_again_but_for_answers_alone(old_project, teacher):
    """The project is alive: what should be noticed is."""
    prompt = old_project.path.parent / "prompts/answers.md"
    prompt.write_text(prompt.read_text() + "\nBe brief.\n")
    planned = old_project.planned(MODEL)
    assert planned["answers"] == 3 and "questions" not in planned and "transcript" not in planned


def test_only_inputs_of_a_checkout_are_carried_over(tmp_path, monkeypatch):
    """A project may have a file of its own with the folder's and the file's name."""
    monkeypatch.chdir(tmp_path)
    now = "../checkout/workflow_scripts/understudy/evaluate/general/questions.jsonl"
    before = "../old/workflow_scripts/lib/general/questions.jsonl"
    write_json(record_of("out"), {"input": [before, "general/questions.jsonl"], "input_checksums": {before: "x"}})
    carry_over_inputs("out", [now])
    assert read_json(record_of("out")) == {"input": [now, "general/questions.jsonl"], "input_checksums": {now: "x"}}
