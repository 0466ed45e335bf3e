"""Who has paid or trained never does it again because of a change here: a project that was finished at a897e9d has nothing to do.

tests/finished_project/make_project.py made it. Its records name prompts and general questions relative to the checkout, so it is
unpacked at the same place in a copy of this one."""

import os
import shutil
import tarfile

import pytest

from project import MODEL, REPOSITORY, Project, copied_checkout
from understudy.shared.moved_projects import name_in_records

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


def test_only_inputs_of_a_checkout_have_a_name_of_their_own():
    """A project may have a file of its own with the folder's and the file's name."""
    for before in (
        "../old/workflow_scripts/lib/general/questions.jsonl",
        "/a/workflow_scripts/understudy/evaluate/general/questions.jsonl",
    ):
        assert name_in_records(before) == "understudy:general/questions.jsonl"
    for prompt in ("../prompts/judge.md", "/a/checkout/prompts/judge.md", "prompts/judge.md"):
        assert name_in_records(prompt) == "prompts/judge.md"
    for own in ("general/questions.jsonl", "captions/prompts/judge.md", "my-prompts/judge.md", "data/prompts/x.txt"):
        assert name_in_records(own) == own


def in_place(project: Project) -> Project:
    return project


def beside(project: Project):
    """A folder beside the one that has the checkout and the project."""
    return project.path.parent.with_name(f"{project.path.parent.name} else where")


def moved(project: Project) -> Project:
    shutil.move(project.path, beside(project) / "mine")
    return Project(beside(project) / "mine", checkout=project.checkout)


def copied_without_times(project: Project) -> Project:
    """As `cp -r` does, here with every output older than what it was made of."""
    to = project.path.parent / "copy"
    shutil.copytree(project.path, to, copy_function=shutil.copyfile)
    files = sorted(
        (path for path in to.rglob("*") if path.is_file()), key=lambda path: original_time(project, to, path)
    )
    for number, path in enumerate(reversed(files)):
        os.utime(path, (path.stat().st_mtime - 60 + number * 0.01,) * 2)
    return Project(to, checkout=project.checkout)


def original_time(project: Project, copy, path) -> float:
    return (project.path / path.relative_to(copy)).stat().st_mtime


def with_another_checkout(project: Project) -> Project:
    return Project(project.path, checkout=copied_checkout(beside(project)))


MOVES = [(moved, True), (copied_without_times, True), (with_another_checkout, True), (in_place, False), (moved, False)]
MOVES += [(copied_without_times, False), (with_another_checkout, False)]


@pytest.mark.parametrize(("how", "has_records"), MOVES)
def test_a_moved_project_has_nothing_to_do(old_project, teacher, how, has_records):
    """With and without .snakemake. Without its records nobody knows that the review page has other inputs now."""
    project = how(old_project)
    if not has_records:
        shutil.rmtree(project.path / ".snakemake")
    intended = {rule: count for rule, count in INTENDED.items() if has_records or rule != "review_page"}
    assert project.planned("all") == intended


def test_without_records_an_edited_prompt_is_noticed(old_project):
    project = moved(old_project)
    shutil.rmtree(project.path / ".snakemake")
    prompt = project.checkout / "prompts/answers.md"
    prompt.write_text(prompt.read_text() + "\nBe brief.\n")
    os.utime(prompt, (0, 0))
    planned = project.planned(MODEL)
    assert planned["answers"] == 3 and "questions" not in planned and "transcript" not in planned


def test_a_prompt_of_ones_own_with_the_same_words_is_no_reason(old_project):
    """Nor is another one's age a reason to overlook it."""
    shutil.copytree(old_project.checkout / "prompts", old_project.path / "prompts")
    assert old_project.planned(MODEL) == {}
    prompt = old_project.path / "prompts/answers.md"
    prompt.write_text(prompt.read_text() + "\nBe brief.\n")
    os.utime(prompt, (0, 0))
    assert old_project.planned(MODEL)["answers"] == 3
