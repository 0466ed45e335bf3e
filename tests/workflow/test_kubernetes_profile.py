"""profiles/kubernetes without a cluster: the profile's keys, and what a pod runs, run here."""

import os
import subprocess

import yaml

from project import REPOSITORY, Project, environment
from understudy.shared.files import read_json

DEFAULT, KUBERNETES = (
    yaml.safe_load((REPOSITORY / f"profiles/{name}/config.yaml").read_text()) for name in ("default", "kubernetes")
)
JOB = yaml.safe_load((REPOSITORY / "profiles/kubernetes/job.yaml").read_text())["spec"]
[CONTAINER] = JOB["template"]["spec"]["containers"]


def run_pod(folder, index: int, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [*CONTAINER["command"], *arguments],
        cwd=folder,
        env={**environment(), "JOB_COMPLETION_INDEX": str(index)},
        capture_output=True,
        text=True,
    )


def test_the_profile_repeats_every_key_of_the_default_one():
    assert DEFAULT.keys() <= KUBERNETES.keys()
    changed = {key for key in DEFAULT if KUBERNETES[key] != DEFAULT[key]}
    assert changed == {"cores", "resources"}
    assert [cap.split("=")[0] for cap in KUBERNETES["resources"]] == [cap.split("=")[0] for cap in DEFAULT["resources"]]


def test_a_pod_asks_for_the_cores_that_the_profile_uses():
    assert int(CONTAINER["resources"]["requests"]["cpu"]) == KUBERNETES["cores"]


def test_a_pod_runs_the_project_of_its_number_also_after_one_that_was_killed(tmp_path, teacher, tiny_base):
    for part in (*os.listdir(REPOSITORY), ".venv"):
        if part not in (".git", "channels") and (REPOSITORY / part).exists() and not (tmp_path / part).exists():
            (tmp_path / part).symlink_to(REPOSITORY / part)
    ada, bert = (Project.made_in(tmp_path / "channels" / name, teacher.base_url, tiny_base) for name in ("ada", "bert"))
    # An empty lock, of a run that was killed while it wrote it, locks nothing.
    locks = (ada / ".snakemake/locks").glob
    ada.killed_when(lambda: any(lock.stat().st_size for lock in locks("*.output.lock")), "data/videos.json")
    assert "LockException" in ada.snakemake("data/videos.json", succeeds=False)
    run = run_pod(tmp_path, 0, "data/videos.json")
    assert run.returncode == 0, run.stdout + run.stderr
    assert len(read_json(ada / "data/videos.json")) == 2
    assert not (bert / "data").exists()
    assert run_pod(tmp_path, 1, "data/videos.json").returncode == 0
    assert (bert / "data/videos.json").exists()
    missing = run_pod(tmp_path, 2, "data/videos.json")
    assert missing.returncode == 1
    assert "channels/ has no project number 2" in missing.stdout
