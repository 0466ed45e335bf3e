"""A failed job never counts as done: each rule whose output costs money or hours fails, is killed, is interrupted after an edit.

Afterwards the old results are there, the same command goes on, and it ends in the same bytes as a project in which nothing went
wrong. The rule's door is changed in a copy of the checkout; all else is real. `make check-failed-jobs` tries the whole table."""

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fake_teacher import NO_CREDIT
from project import MODEL, REPOSITORY, SNAKEMAKE, Project, copied_checkout, environment
from understudy.shared.files import read_json

TARGETS = (MODEL, "models/tiny/mlx-4bit/config.json", "models/tiny/export.json", "models/tiny/judge.json")
LONG = [pytest.mark.long, pytest.mark.failed_jobs]
EVALUATION = {"max_examples": 2, "max_tokens": 8, "judge": True}
# The stage and the rule of each output that costs money or hours.
RULES = [
    ("source", "videos"),
    ("source", "transcript"),
    ("teach", "questions"),
    ("teach", "reworded"),
    ("teach", "answers"),
    ("teach", "grounded"),
    ("teach", "reader"),
    ("dataset", "dataset"),
    ("base", "base_model"),
    ("train", "lora_config"),
    ("train", "adapters"),
    ("train", "fused"),
    ("export", "hf"),
    ("export", "gguf"),
    ("export", "mlx"),
    ("export", "ladder"),
    ("evaluate", "held_out_answers"),
    ("evaluate", "held_out_passages"),
    ("evaluate", "context_answers"),
    ("evaluate", "evaluation"),
    ("evaluate", "judge"),
]
# What of the project is compared: all that the rules make, but for what differs from run to run (times, seconds).
COMPARED = (
    "data/videos.json",
    "data/transcripts/*",
    "data/questions/*",
    "data/reworded/*",
    "data/answers/*/*",
    "data/grounded/*",
    "data/reader/*",
    "data/dataset/*.jsonl",
    "models/base/*/*",
    "models/tiny/lora.yaml",
    "models/tiny/adapters/adapter*",
    "models/tiny/fused/*",
    "models/tiny/hf/*",
    "models/tiny/mlx-4bit/*",
    "models/*.gguf",
)


def edit_setting(project: Project) -> None:
    project.configure(training={**project.config()["training"], "learning_rate": "2e-3"})


def edit_prompt(project: Project) -> None:
    prompt = project / "prompts/answers.md"
    prompt.write_text(prompt.read_text() + "\nBe brief.\n")


def add_rows(project: Project) -> None:
    project.add_talk("peas")


def edit_base(project: Project) -> None:
    """Another weight, the same shape."""
    path = project / "tiny-base/model.safetensors"
    content = bytearray(path.read_bytes())
    content[-2:] = content[-4:-2]
    path.write_bytes(content)


EDITS: dict[str, Callable[[Project], None]] = {
    "setting": edit_setting,
    "prompt": edit_prompt,
    "rows": add_rows,
    "base": edit_base,
    "nothing": lambda project: None,
}
# The rules that run after each edit.
FROM = {"setting": "lora_config", "prompt": "answers", "rows": "videos", "base": "base_model", "nothing": None}
TAUGHT = {"videos", "transcript", "questions", "reworded", "answers", "grounded", "reader"}
SPARED = {
    "setting": {*TAUGHT, "dataset", "base_model", "held_out_passages"},
    "prompt": {"videos", "transcript", "questions", "reworded", "base_model", "lora_config"},
    "rows": {"base_model"},
    "base": TAUGHT,
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory, session_teacher, tiny_base):
    """A project in which everything that costs is made. Not to be changed."""
    project = Project.made_in(tmp_path_factory.mktemp("whole") / "project", session_teacher.base_url, tiny_base)
    project.configure(
        evaluation=EVALUATION,
        grounding={"rows": True, "rewrite": True},
        dataset={**project.config()["dataset"], "second_reader": True},
        export={"mlx_bits": [4], "bad_answers": "warn", "quantizations": ["Q4_K_M"]},
    )
    project.snakemake(*TARGETS)
    return project


@pytest.fixture(scope="module")
def run_through(whole, tmp_path_factory):
    """What each edit leads to where nothing goes wrong: the bytes by path."""
    known: dict[str, dict[str, bytes]] = {}

    def result_of(edit: str) -> dict[str, bytes]:
        if edit not in known:
            project = whole.copied_to(tmp_path_factory.mktemp(edit) / "project")
            EDITS[edit](project)
            project.snakemake(*TARGETS)
            known[edit] = contents(project)
        return known[edit]

    return result_of


@pytest.fixture
def broken(tmp_path):
    """A copy of the checkout; call it with a door and what is to be put before or after its work."""
    checkout = tmp_path / "checkout"
    copied_checkout(checkout)

    def break_door(door: str, line: str, place: str) -> Path:
        path = checkout / f"workflow_scripts/{door}.py"
        head, mark, body = path.read_text().rpartition('if __name__ == "__main__":\n')
        body = f"    {line}\n{body}" if place == "before" else f"{body}\n    {line}\n"
        path.write_text(head + mark + body)
        return checkout

    return break_door


def contents(project: Project) -> dict[str, bytes]:
    return {
        path: content
        for pattern in COMPARED
        for path, content in project.contents(pattern).items()
        if (project / path).is_file()
    }


def times(project: Project) -> dict[str, int]:
    return {path: (project / path).stat().st_mtime_ns for path in contents(project)}


def run_broken(project: Project, checkout: Path, how: str) -> str:
    """Run the targets with the broken checkout to its bitter end, and return what was printed."""
    project.checkout = checkout
    try:
        if how == "fails":
            return project.snakemake(*TARGETS, succeeds=False)
        sign = signal.SIGKILL if how == "killed" else signal.SIGINT
        return project.stopped_when((project / "reached").exists, *TARGETS, sign=sign)
    finally:
        project.checkout = REPOSITORY
        (project / "reached").unlink(missing_ok=True)


def go_on(project: Project, how: str) -> None:
    if how == "killed":
        project.snakemake("--unlock")
    said = project.snakemake(*TARGETS)
    assert "Nothing to be done" not in said, "said over old results"
    assert "Nothing to be done" in project.snakemake(*TARGETS)


LINES = {
    "fails": "raise RuntimeError('made to fail')",
    "killed": "import pathlib, time; pathlib.Path('reached').touch(); time.sleep(60)",
    "interrupted": "import pathlib, time; pathlib.Path('reached').touch(); time.sleep(60)",
}


CASES = [
    pytest.param(
        stage,
        rule,
        how,
        edit,
        place,
        marks=LONG,
        id=f"{rule}-{how}-{edit}-{place}",
    )
    for stage, rule in RULES
    for how in LINES
    for edit in EDITS
    for place in (("before", "after") if how == "fails" else ("before",))
    if edit != "nothing" and rule not in SPARED[edit]
]


@pytest.mark.parametrize(("stage", "rule", "how", "edit", "place"), CASES)
def test_after_an_edit_the_same_command_goes_on(whole, run_through, broken, tmp_path, stage, rule, how, edit, place):
    project = whole.copied_to(tmp_path / "project")
    EDITS[edit](project)
    said = run_broken(project, broken(f"{stage}_{rule}", LINES[how], place), how)
    assert how != "fails" or "made to fail" in said
    old = contents(whole)
    for path, content in contents(project).items():
        assert content in (old.get(path), run_through(edit).get(path)), f"{path} is neither old nor new"
    assert old.keys() <= contents(project).keys(), "an old result is gone"
    go_on(project, how)
    assert contents(project) == run_through(edit)


@pytest.mark.parametrize(
    ("stage", "rule", "how"),
    [
        pytest.param(stage, rule, how, id=f"{rule}-{how}", marks=LONG)
        for stage, rule in RULES
        for how in LINES
        if rule != "videos"
    ],
)
def test_a_forced_job_that_fails_is_taken_up_by_a_plain_command(whole, broken, tmp_path, stage, rule, how):
    """Nothing was edited: `-R RULE` fails, and leaves all results as they were."""
    project = whole.copied_to(tmp_path / "project")
    before = contents(project), times(project)
    project.checkout = broken(f"{stage}_{rule}", LINES[how], "before")
    if how == "fails":
        assert "made to fail" in project.snakemake("-R", rule, "--", *TARGETS, succeeds=False)
    else:
        sign = signal.SIGKILL if how == "killed" else signal.SIGINT
        project.stopped_when((project / "reached").exists, "-R", rule, "--", *TARGETS, sign=sign)
    project.checkout = REPOSITORY
    (project / "reached").unlink(missing_ok=True)
    assert (contents(project), times(project)) == before
    if how == "killed":
        project.snakemake("--unlock")
    assert rule in project.planned(*TARGETS)
    project.snakemake(*TARGETS)
    assert contents(project) == before[0]
    assert project.planned(*TARGETS) == {}


@pytest.mark.long
@pytest.mark.failed_jobs
def test_a_list_that_can_not_be_looked_up_anew_stops_nobody(whole, broken, tmp_path):
    project = whole.copied_to(tmp_path / "project")
    project.checkout = broken("source_videos", LINES["fails"], "before")
    assert "made to fail" in project.snakemake("-f", "data/videos.json", succeeds=False)
    assert project.planned(*TARGETS) == {}
    edit_setting(project)
    project.snakemake(*TARGETS)


def test_a_wrong_key_after_an_edited_prompt_leaves_all_answers(project, session_teacher):
    """As it was tried: every answers job fails, and the next run said nothing of it."""
    before = contents(project)
    edit_prompt(project)
    session_teacher.fault_of = lambda request, number: NO_CREDIT
    try:
        project.snakemake(MODEL, succeeds=False)
    finally:
        session_teacher.fault_of = lambda request, number: None
    assert contents(project) == before
    assert project.planned()["answers"] == 2
    project.snakemake(MODEL)
    assert project.planned() == {}


def test_a_retraining_whose_model_is_not_fused_goes_on_to_the_file(project, broken):
    """The adapters are new when fused fails, and the GGUF file stays old until the same command has made it anew."""
    before = contents(project)
    edit_setting(project)
    project.checkout = broken("train_fused", LINES["fails"], "after")
    assert "made to fail" in project.snakemake(MODEL, succeeds=False)
    project.checkout = REPOSITORY
    adapters = "models/tiny/adapters/adapters.safetensors"
    assert contents(project)[MODEL] == before[MODEL] and contents(project)[adapters] != before[adapters]
    assert {"fused", "hf", "gguf"} <= set(project.planned())
    project.snakemake(MODEL)
    assert contents(project)[MODEL] != before[MODEL] and project.planned() == {}


def test_a_caption_file_with_a_time_in_the_future_keeps_the_list(project):
    before = contents(project)
    later = time.time() + 3600
    (project / "captions/beans.srt").write_bytes(b"")
    os.utime(project / "captions/beans.srt", (later, later))
    project.snakemake(MODEL, succeeds=False)
    assert contents(project)["data/videos.json"] == before["data/videos.json"]
    assert project.planned(MODEL) != {}


@pytest.mark.long
@pytest.mark.failed_jobs
def test_other_weights_under_the_same_config_are_a_reason_to_run(whole, run_through, tmp_path):
    """Step by step, each a run of its own that goes well: config.json of fused/ and hf/ has the same bytes as before."""
    project = whole.copied_to(tmp_path / "project")
    edit_setting(project)
    for target in ("models/tiny/fused/config.json", "models/tiny/hf/config.json"):
        project.snakemake(target)
        assert contents(project)[target] == contents(whole)[target]
    assert {"gguf", "mlx", "ladder", "held_out_answers"} <= set(project.planned(*TARGETS))
    project.snakemake(*TARGETS)
    assert contents(project) == run_through("setting")


@pytest.mark.long
@pytest.mark.failed_jobs
def test_a_project_without_snakemakes_records_notices_another_setting(whole, run_through, tmp_path):
    project = whole.copied_to(tmp_path / "project")
    shutil.rmtree(project / ".snakemake")
    assert project.planned(MODEL) == {}
    edit_setting(project)
    planned = project.planned(MODEL)
    assert {"lora_config", "adapters", "fused", "hf", "gguf"} <= set(planned) and "answers" not in planned
    project.snakemake(MODEL)
    assert contents(project)["models/tiny/lora.yaml"] == run_through("setting")["models/tiny/lora.yaml"]
    assert contents(project)[MODEL] == run_through("setting")[MODEL]


@pytest.mark.long
@pytest.mark.failed_jobs
def test_adapters_of_another_training_are_noticed_without_records(whole, tmp_path):
    """Copied in the middle: lora.yaml is new, the adapters are old, and a copy's times say nothing."""
    project, other = whole.copied_to(tmp_path / "project"), whole.copied_to(tmp_path / "other")
    edit_setting(other)
    other.snakemake("models/tiny/lora.yaml")
    shutil.copy(other / "models/tiny/lora.yaml", project / "models/tiny/lora.yaml")
    edit_setting(project)
    shutil.rmtree(project / ".snakemake")
    shutil.copystat(whole / "models/tiny/lora.yaml", project / "models/tiny/lora.yaml")
    assert "adapters" in project.planned(MODEL) and "lora_config" not in project.planned(MODEL)


def test_a_rule_that_does_not_write_its_output_fails(project, tmp_path):
    """With the old file still there, Snakemake itself would touch it and call it made."""
    checkout = tmp_path / "checkout"
    copied_checkout(checkout)
    (checkout / "workflow_scripts/train_lora_config.py").write_text("")
    edit_setting(project)
    project.checkout = checkout
    said = project.snakemake(MODEL, succeeds=False)
    assert "Rule lora_config ended without writing models/tiny/lora.yaml." in said
    project.checkout = REPOSITORY
    assert "lora_config" in project.planned(MODEL)


@pytest.mark.long
@pytest.mark.failed_jobs
def test_a_retraining_that_is_stopped_ten_times_ends_in_the_same_bytes(whole, run_through, tmp_path):
    project = whole.copied_to(tmp_path / "project")
    edit_setting(project)
    draw = random.Random(11)
    for number in range(10):
        end = time.monotonic() + draw.uniform(2.0, 9.0)
        sign = draw.choice((signal.SIGKILL, signal.SIGINT))
        try:
            project.stopped_when(lambda end=end: time.monotonic() > end, *TARGETS, sign=sign)
        except AssertionError:
            break  # it has ended by itself before
        assert contents(whole).keys() <= contents(project).keys(), number
        if (project / ".snakemake/locks").exists() and any((project / ".snakemake/locks").iterdir()):
            project.snakemake("--unlock")
    project.snakemake(*TARGETS)
    assert contents(project) == run_through("setting")
    assert project.planned(*TARGETS) == {}


# What Snakemake does by itself: should one of these change, understudy/shared/failed_jobs.py may do less.

PLAIN = """
rule all:
    default_target: True
    input: "final.txt"

rule middle:
    output: "middle.txt"
    params: config.get("word", "old")
    shell: "{command}"

rule final:
    input: "middle.txt"
    output: "final.txt"
    shell: "cp {{input}} {{output}}"
"""


@pytest.fixture
def plain(tmp_path):
    """A workflow of two rules without anything of ours; the first of them writes, or fails."""

    def run(command: str, *arguments: str) -> str:
        (tmp_path / "Snakefile").write_text(PLAIN.format(command=command))
        run = subprocess.run(
            [SNAKEMAKE, "--cores", "1", "--rerun-triggers", "mtime", "params", "input", *arguments],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
        )
        return run.stdout + run.stderr

    return run


def test_snakemake_deletes_the_outputs_of_a_job_and_forgets_why_it_ran(plain, tmp_path):
    plain("echo {params} > {output}")
    assert (tmp_path / "final.txt").read_text() == "old\n"
    assert "Error in rule middle" in plain("exit 1", "--config", "word=new")
    assert not (tmp_path / "middle.txt").exists(), "it deletes outputs before the job"
    said = plain("echo {params} > {output}", "--config", "word=new")
    assert "Nothing to be done" in said, "it records a failed job as finished, and a missing file is no reason to run"
    assert (tmp_path / "final.txt").read_text() == "old\n"


def test_the_record_of_adapters_names_their_run(finished):
    (run,) = (finished / "models/tiny/runs").iterdir()
    assert read_json(finished / "models/tiny/adapters/kept.json")["run"] == run.name
