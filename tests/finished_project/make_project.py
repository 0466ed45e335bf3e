"""Make finished_project.tar.gz anew: a project that was finished with the code of commit a897e9d, everything in it made.

    git worktree add /tmp/understudy a897e9d && ln -s "$PWD/.venv" /tmp/understudy/.venv
    .venv/bin/python tests/finished_project/make_project.py /tmp/understudy tests/finished_project/finished_project.tar.gz

It is a record of what users have: make it anew only from that commit. The base model has random weights, the teacher is the
tests' fake one, and the three talks have names of the kinds that people's files have."""

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import yaml

FOLDER = "finished"
TALK = """{head}00:00:00{point}000 --> 00:00:04{point}000
Today we talk about {subject}, and why it matters to you.

00:00:04{point}000 --> 00:00:08{point}000
Give {subject} ten litres of water a week, never more.

00:00:08{point}000 --> 00:00:12{point}000
And if {subject} looks tired, feed the soil first.
"""
TALKS = {
    "Intro to Node.js.vtt": TALK.format(head="WEBVTT\n\n", point=".", subject="nodes"),
    "Why do beans climb？.srt": TALK.format(head="", point=",", subject="beans"),
    "Peas in pots [k3J-9_xQz0A].en.vtt": TALK.format(head="WEBVTT\n\n", point=".", subject="peas"),
}
CONFIG = {
    "name": "tiny",
    "source": {"captions_dir": "captions"},
    "teacher": {"model": "fake-1"},
    "questions": {"per_video": 4},
    "dataset": {"valid_fraction": 0.4, "export": True},
    "base_model": "tiny-base",
    "training": {
        "epochs": 4,
        "num_layers": 1,
        "lora_parameters": {"rank": 4},
        "learning_rate": "1e-3",
        "grad_accumulation_steps": 1,
        "grad_checkpoint": False,
        "steps_per_report": 1,
        "steps_per_eval": 4,
    },
    # A random model has nothing to say.
    "export": {"quantizations": ["F16", "Q4_K_M"], "mlx_bits": [4], "bad_answers": "warn"},
    "evaluation": {"max_examples": 4, "max_tokens": 24, "judge": True},
}


def make_project(checkout: Path, archive: Path) -> None:
    """Run everything in CHECKOUT/finished with the code of that checkout, and pack it."""
    sys.path[:0] = [str(checkout / "workflow_scripts"), str(checkout / "tests")]
    from fake_teacher import FakeTeacher
    from random_llama import write_random_llama

    project = checkout / FOLDER
    (project / "captions").mkdir(parents=True)
    for name, text in TALKS.items():
        (project / "captions" / name).write_text(text, encoding="utf-8")
    write_random_llama(project / "tiny-base", hidden_size=64)
    with FakeTeacher() as teacher:
        config = {**CONFIG, "teacher": {**CONFIG["teacher"], "base_url": teacher.base_url}}
        (project / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
        for targets in ([], ["channel_report"]):
            snakemake = [checkout / ".venv/bin/snakemake", "--directory", project, "--cores", "2", *targets]
            subprocess.run(snakemake, cwd=checkout, env={"PATH": "/usr/bin:/bin", "OPENAI_API_KEY": "none"}, check=True)
    for name in ("log", "locks", "auxiliary"):
        shutil.rmtree(project / ".snakemake" / name, ignore_errors=True)
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(project, FOLDER, filter=without_owner)


def without_owner(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


if __name__ == "__main__":
    make_project(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
