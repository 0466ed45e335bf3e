"""profiles/slurm on a real Slurm of two nodes: the demo through it, and nodes whose power is cut. `make check-slurm`."""

import re
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fake_teacher import FakeTeacher, error
from loopback_slurm import NODES, LoopbackSlurm, why_not_here
from project import REPOSITORY, Project, environment
from understudy.shared.files import read_json

ADAPTERS = "models/tiny/adapters/adapters.safetensors"
KEY = "sk-test-never-in-a-file"
# Snakemake asks how the jobs are doing after so many seconds, then ten seconds later each time; a real controller has more to do.
PROFILE = ["--workflow-profile", "profiles/slurm", "--slurm-init-seconds-before-status-checks", "2"]

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.skipif(why_not_here() is not None, reason=f"no Slurm here: {why_not_here()}"),
]


@pytest.fixture
def cluster():
    with LoopbackSlurm() as cluster:
        yield cluster


@contextmanager
def run_on(cluster: LoopbackSlurm, project: Project, *arguments: str) -> Iterator[subprocess.Popen]:
    """Snakemake on the head node, its output in printed.txt; ended with the block. The key is in the project's .env alone."""
    (project / ".env").write_text(f"OPENAI_API_KEY={KEY}\n")
    variables = {name: value for name, value in environment().items() if value != KEY}
    command = project.command(*PROFILE, "--cores", "16", *arguments)
    with (project / "printed.txt").open("a") as printed:
        run = subprocess.Popen(
            command, cwd=REPOSITORY, env={**variables, **cluster.environment}, stdout=printed, stderr=printed
        )
        try:
            yield run
        finally:
            run.kill()
            run.wait()


def run_through(cluster: LoopbackSlurm, project: Project, *targets: str, succeeds: bool = True) -> str:
    """Run Snakemake to its end; return all that it has printed until now."""
    with run_on(cluster, project, *targets) as run:
        run.wait()
        printed = (project / "printed.txt").read_text()
        assert (run.returncode == 0) == succeeds, printed + cluster.logs()
    return printed


def wait_until(reached: Callable[[], bool], run: subprocess.Popen, project: Project) -> None:
    while not reached():
        assert run.poll() is None, "it ended too soon: " + (project / "printed.txt").read_text()
        time.sleep(0.05)


def comments(cluster: LoopbackSlurm) -> Counter:
    """How many Slurm jobs there were of each rule or group; the rest of the comment names the talks."""
    lines = cluster.run("squeue", "--noheader", "--states", "all", "--format", "%k").splitlines()
    return Counter(
        re.match(r"rule_(?:talks|[a-z_]+?)(?=_wildcards|_answers|_questions|$)", line).group() for line in lines
    )


def files_with(text: str, *folders: Path) -> list[Path]:
    """The files below folders that hold a text."""
    paths = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return [path for path in paths if text.encode() in path.read_bytes()]


def test_the_demo_from_captions_to_a_gguf_file(tmp_path, cluster):
    shutil.copytree(
        REPOSITORY / "demo", tmp_path / "demo", ignore=shutil.ignore_patterns("data", "models", "logs", ".*")
    )
    demo = Project(tmp_path / "demo")
    run_through(cluster, demo, "models/demo-Q4_K_M.gguf")
    assert (demo / "models/demo-Q4_K_M.gguf").read_bytes()[:4] == b"GGUF"
    jobs = comments(cluster)
    # Nine talks are one job; the small steps between the large ones stay on the head node.
    assert jobs == {f"rule_{name}": 1 for name in ("talks", "dataset", "adapters", "fused", "hf", "gguf")}


def test_no_key_is_in_what_slurm_and_snakemake_keep(tmp_path, cluster, teacher, tiny_base):
    project = Project.made_in(tmp_path / "project", teacher.base_url, tiny_base)
    with run_on(cluster, project, "data/dataset/train.jsonl") as run:
        wait_until(lambda: comments(cluster)["rule_talks"] == 1, run, project)
        [job] = cluster.run("squeue", "--noheader", "--states", "all", "--format", "%A").split()
        script = cluster.run("scontrol", "write", "batch_script", job, "-")
        run.wait()
        assert run.returncode == 0, (project / "printed.txt").read_text()
    assert "snakemake" in script and KEY not in script
    assert files_with(KEY, project.path, cluster.folder) == [project / ".env"]
    assert len(teacher.asked()) == 8


def test_a_node_that_loses_its_power_while_it_asks(tmp_path, cluster, tiny_base):
    with FakeTeacher(delay_s=0.5) as server:
        project = Project.made_in(tmp_path / "project", server.base_url, tiny_base)
        for number in range(22):
            project.add_talk(f"subject {number}")
        project.configure(dataset={"valid_fraction": 0.2})
        with run_on(cluster, project, "--group-components", "talks=2", "--", "data/dataset/train.jsonl") as run:
            wait_until(lambda: server.served >= 12, run, project)
            assert comments(cluster)["rule_talks"] == 8, "twelve jobs could run, but eight of two requests each may ask"
            lost = cluster.jobs_on("node1")
            cluster.cut_power("node1")
            run.wait()
            assert run.returncode == 0, (project / "printed.txt").read_text() + cluster.logs()
        replies = Counter(server.served_digests)
        assert server.most_in_flight <= 16
    statuses = Counter(read_json(path)["status"] for path in project.path.glob("data/answers/*/*.json"))
    assert statuses == {"ok": 24 * 3, "unused": 24}
    assert len(lost) == 4 and len(replies) == 24 * 4
    assert sum(count - 1 for count in replies.values()) <= 2 * len(lost), "more than what was in flight was asked again"


def test_a_talk_that_fails_takes_no_other_one_with_it(tmp_path, cluster, teacher, tiny_base):
    project = Project.made_in(tmp_path / "project", teacher.base_url, tiny_base)
    for subject in ("carrots", "leeks"):
        project.add_talk(subject)
    odd = error(418, "This is a teapot")
    teacher.fault_of = lambda request, number: odd if "beans" in str(request["messages"]) else None
    try:
        run_through(cluster, project, "data/dataset/train.jsonl", succeeds=False)
    finally:
        teacher.fault_of = lambda request, number: None
    beans = project.video_ids()["beans"]
    assert "This is a teapot" in (project / f"logs/questions/{beans}.log").read_text()
    assert len(list(project.path.glob("data/answers/*/q01.json"))) == 3
    teacher.forget()
    run_through(cluster, project, "data/dataset/train.jsonl")
    assert len(teacher.asked()) == len(teacher.asked("beans")) == 4


def cut_power(cluster: LoopbackSlurm, job: str) -> None:
    [node] = [node for node in NODES if job in cluster.jobs_on(node)]
    cluster.cut_power(node)


def end_its_time(cluster: LoopbackSlurm, job: str) -> None:
    """What Slurm sends to a job before its time is over."""
    cluster.run("scancel", "--signal", "TERM", job)


@pytest.mark.parametrize("stop", [cut_power, end_its_time])
def test_a_training_goes_on_from_its_last_save(tmp_path, cluster, finished, stop):
    whole, stopped = (finished.copied_to(tmp_path / name) for name in ("whole", "stopped"))
    for project in (whole, stopped):
        project.configure(training={"epochs": 60, "save_every": 50})
    whole.snakemake(ADAPTERS)
    old = set(stopped.path.glob("models/tiny/runs/*"))

    def saves() -> list[int]:
        new = set(stopped.path.glob("models/tiny/runs/*")) - old
        return sorted(int(path.name.split("_")[0]) for run in new for path in run.glob("*_state.json"))

    with run_on(cluster, stopped, ADAPTERS) as run:
        wait_until(lambda: saves() and saves()[-1] >= 50, run, stopped)
        [job] = [
            line.split()[0] for line in cluster.run("squeue", "-h", "-o", "%A %k").splitlines() if "adapters" in line
        ]
        stop(cluster, job)
        last = saves()[-1]
        run.wait()
        assert run.returncode == 0, (stopped / "printed.txt").read_text() + cluster.logs()
    [gone_on] = re.findall(r"going on after iteration ([\d,]+)", (stopped / "logs/tiny/adapters.log").read_text())
    assert int(gone_on.replace(",", "")) >= last
    adapters = [project.contents("models/tiny/adapters/*.safetensors") for project in (stopped, whole)]
    assert adapters[0] == adapters[1]
