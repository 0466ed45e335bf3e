"""Runs that are killed: SIGKILL to the whole process group, then --unlock and the same command again."""

from collections import Counter

import pytest

from fake_teacher import FakeTeacher
from project import MODEL, Project
from understudy.shared.files import read_json

ADAPTERS = "models/tiny/adapters/adapters.safetensors"
RESULTS = ("data/dataset/*.jsonl", "models/tiny/adapters/*", "models/tiny/fused/*", "models/*.gguf")


def results(project: Project) -> dict[str, bytes]:
    return {path: content for pattern in RESULTS for path, content in project.contents(pattern).items()}


def run_again(project: Project) -> None:
    """What a user does after a crash: the same command, which names --unlock; that; the same command."""
    assert "--unlock" in project.snakemake(MODEL, succeeds=False)
    project.snakemake("--unlock")
    project.snakemake(MODEL)
    assert project.planned() == {}


def test_killed_while_answers_are_written(tmp_path, finished, tiny_base):
    with FakeTeacher(delay_s=0.3) as slow:
        project = Project.made_in(tmp_path / "project", slow.base_url, tiny_base)
        project.configure(teacher={"concurrency": 1})
        project.killed_when(lambda: len(slow.asked(kind="answers")) == 2, MODEL)
        stored = project.contents("data/responses/*/*.json")
        assert stored
        run_again(project)
        assert stored.items() <= project.contents("data/responses/*/*.json").items()
        times = Counter(
            request["messages"][-1]["content"] + request["messages"][0]["content"] for request in slow.asked()
        )
        assert sum(count - 1 for count in times.values()) <= 2, "only what was in flight at the kill is asked again"
    statuses = Counter(read_json(path)["status"] for path in project.path.glob("data/answers/*/*.json"))
    assert statuses == {"ok": 6, "unused": 2}
    assert results(project) == results(finished)


@pytest.mark.parametrize(
    ("stage", "sign"),
    [("training", "models/tiny/runs/*/metrics.csv"), ("quantization", "models/.tiny-Q4_K_M.gguf.*.part")],
)
def test_killed_later(tmp_path, finished, teacher, tiny_base, stage, sign):
    project = Project.made_in(tmp_path / "project", teacher.base_url, tiny_base)
    project.killed_when(lambda: any(path.stat().st_size for path in project.path.glob(sign)), MODEL)
    assert not (project / MODEL).exists()
    left_over = set(project.path.glob("models/.*.part"))
    stored = project.contents("data/responses/*/*.json")
    teacher.forget()
    run_again(project)
    assert teacher.asked() == []
    assert project.contents("data/responses/*/*.json") == stored
    assert results(project) == results(finished)
    assert not left_over & set(project.path.glob("models/.*.part"))


def test_an_edited_learning_rate_costs_no_adapter_before_the_new_one_is_trained(project):
    before = project.contents("models/tiny/adapters/*")
    runs = set(project.path.glob("models/tiny/runs/*"))
    project.configure(training={"learning_rate": "2e-3"})
    project.killed_when(lambda: new_metrics(project, runs), MODEL)
    assert project.contents("models/tiny/adapters/*") == before
    run_again(project)
    assert project.contents("models/tiny/adapters/*") != before
    project.configure(training={"learning_rate": "1e-3"})
    said = project.snakemake("models/tiny/adapters/adapters.safetensors")
    assert "holds this training already" in said
    assert project.contents("models/tiny/adapters/*") == before


def new_metrics(project: Project, runs: set) -> bool:
    """Whether a training that was not there before has reported a first loss."""
    new = set(project.path.glob("models/tiny/runs/*")) - runs
    return any(path.stat().st_size for run in new for path in run.glob("metrics.csv"))


def test_an_error_that_all_would_meet_stops_the_run_with_one_line(new_project, session_teacher):
    session_teacher.error = (
        401,
        {"error": {"message": "Incorrect API key: sk-test-never-in-a-file", "code": "invalid_api_key"}},
    )
    try:
        said = new_project.snakemake("data/dataset/train.jsonl", succeeds=False)
    finally:
        session_teacher.error = None
    assert "refuses the API key" in said
    assert "sk-test-never" not in said
    assert len(session_teacher.asked()) <= 2
    new_project.snakemake("data/dataset/train.jsonl")


def test_a_spent_budget_stops_before_the_next_request_and_keeps_what_was_paid(new_project, teacher):
    prices = {"input": 0, "output": 1000}  # 0.06 dollars a request of the fake, and at most 0.064
    limits = {"questions": {"max_tokens": 64}, "answers": {"max_tokens": 64}}
    new_project.configure(teacher={"budget_usd": 0.2, "prices": prices, "concurrency": 1}, **limits)
    said = new_project.snakemake("--resources", "llm=1", "--", "data/dataset/train.jsonl", succeeds=False)
    assert "teacher.budget_usd (0.20) is reached: 0.18 US dollars are spent" in said
    assert len(teacher.asked()) == 3
    new_project.configure(teacher={"budget_usd": 20.0})
    teacher.forget()
    new_project.snakemake("data/dataset/train.jsonl")
    assert len(teacher.asked()) == 8 - 3


def test_a_server_that_wants_another_name_for_the_limit_is_understood_by_all_requests_in_flight(tmp_path, tiny_base):
    with FakeTeacher(delay_s=0.2, questions=4) as reasoning:
        reasoning.refuses_max_tokens = True
        project = Project.made_in(tmp_path / "project", reasoning.base_url, tiny_base)
        project.configure(teacher={"concurrency": 4})
        project.snakemake("data/dataset/train.jsonl")
    statuses = Counter(read_json(path)["status"] for path in project.path.glob("data/answers/*/*.json"))
    assert statuses == {"ok": 8}


def test_questions_that_are_none_fail_their_talk_and_the_next_run_asks_again(new_project, session_teacher):
    session_teacher.questions_reply = "Sure! Here are some questions:"
    try:
        said = new_project.snakemake("data/dataset/train.jsonl", succeeds=False)
    finally:
        session_teacher.questions_reply = None
    assert "can't be used: it is not the JSON asked for" in said
    assert "Traceback" not in said
    new_project.snakemake("data/dataset/train.jsonl")


def test_a_wrong_parameter_says_what_the_server_said_and_no_key(new_project, session_teacher):
    session_teacher.error = (400, {"error": {"message": "temperature 9 is too hot for sk-test-never-in-a-file"}})
    try:
        said = new_project.snakemake("data/dataset/train.jsonl", succeeds=False)
    finally:
        session_teacher.error = None
    assert "temperature 9 is too hot for [key]" in said
    assert "sk-test-never" not in said


def test_ctrl_c_during_the_training_saves_it_and_the_same_command_goes_on(tmp_path, finished, teacher, tiny_base):
    """SIGINT to the whole process group, as a terminal sends it: no --unlock, and the same adapters as without."""
    whole, stopped = (finished.copied_to(tmp_path / name) for name in ("whole", "stopped"))
    for project in (whole, stopped):
        project.configure(training={"epochs": 60, "save_every": 10_000})
    whole.snakemake(ADAPTERS)

    def is_well_on_its_way() -> bool:
        return any(len(path.read_text().splitlines()) > 40 for path in new_runs(stopped, finished))

    output = stopped.stopped_when(is_well_on_its_way, ADAPTERS)
    assert "The training was stopped and is saved after iteration" in output
    assert list(stopped.path.glob("models/tiny/runs/*/*_state.json"))
    assert "going on after iteration" in stopped.snakemake(ADAPTERS)
    adapters = [project.contents("models/tiny/adapters/*") for project in (stopped, whole)]
    assert adapters[0].keys() == adapters[1].keys()
    assert [name for name in adapters[0] if adapters[0][name] != adapters[1][name]] == []


def new_runs(project: Project, before: Project) -> list:
    """The metrics files of runs that `before` does not have."""
    old = {path.name for path in before.path.glob("models/tiny/runs/*")}
    return [path for path in project.path.glob("models/tiny/runs/*/metrics.csv") if path.parent.name not in old]
