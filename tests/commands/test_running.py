"""`understudy run`: one display for the whole job, a cause once, and an end that says how to go on. The real Snakemake runs."""

import os
import pty
import re
import signal
import subprocess
import time

import psutil
import pytest

from project import MODEL, command_line, environment, understudy
from understudy.commands.running.events import Run
from understudy.commands.running.picture import Moment
from understudy.commands.running.running import shown_in_lines

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture
def five_talks(new_project, tmp_path, monkeypatch):
    """A project of five talks; what is learnt of this machine stays in the test's folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for subject in ("onions", "leeks", "peas"):
        new_project.add_talk(subject)
    return new_project


def run(project, *arguments: str) -> tuple[int, str]:
    ended = understudy("run", *arguments, cwd=project.path)
    return ended.returncode, ended.stdout + ended.stderr


def test_a_first_run_prints_a_page_and_ends_with_what_was_made(five_talks):
    status, said = run(five_talks, MODEL)
    assert status == 0, said
    assert len(said.splitlines()) <= 40
    assert f"{MODEL}  0 MB, made in" in said
    assert "How good: not measured" in said and "understudy run models/tiny/report.html" in said
    assert "understudy chat" in said
    (log,) = (five_talks / "logs/runs").glob("*.log")
    assert str(log.relative_to(five_talks.path)) in said
    assert "Finished jobid" in log.read_text()
    status, said = run(five_talks, MODEL)
    assert status == 0 and "Nothing to be done" in said


def test_a_failure_says_its_cause_once_and_how_to_go_on(five_talks, teacher, monkeypatch):
    said = {"message": "Incorrect API key provided: sk-test-never-in-a-file", "code": "invalid_api_key"}
    monkeypatch.setattr(teacher, "error", (401, {"error": said}))
    status, said = run(five_talks, MODEL)
    assert status == 1
    before = ("Before the first job", "talks ", "rows ", "teacher ", "disk ", "memory ", "export ")
    assert len([line for line in said.splitlines() if not line.startswith(before)]) <= 10
    assert said.count("API key") == 1 and "more jobs: " in said
    (log,) = (five_talks / "logs/runs").glob("*.log")
    assert f"Log: {log.relative_to(five_talks.path)}" in said
    assert f"To go on: understudy run {MODEL}" in said
    assert "sk-test" not in said + log.read_text()


def test_a_second_run_beside_a_running_one_ends_at_once_and_one_after_a_killed_one_goes_on(
    five_talks, teacher, monkeypatch
):
    """The first is killed without a chance to unlock, and so is its Snakemake."""
    monkeypatch.setattr(teacher, "delay_s", 60)
    words = command_line("run", MODEL)
    first = subprocess.Popen(words, cwd=five_talks.path, env=environment(), stdout=subprocess.DEVNULL)
    while not teacher.requests:
        assert first.poll() is None
        time.sleep(0.1)
    for command in (("run", MODEL), ("update",), ("preview",)):
        said = understudy(*command, cwd=five_talks.path)
        assert said.returncode == 1 and said.stdout == "", said.stdout
        assert (
            said.stderr.startswith("Error: Another run is under way in this project.") and said.stderr.count("\n") == 1
        )
    for process in psutil.Process(first.pid).children(recursive=True):
        process.kill()
    first.kill()
    first.wait()
    monkeypatch.setattr(teacher, "delay_s", 0)
    status, said = run(five_talks, MODEL)
    assert status == 1 and "has left its lock. Once none does: `understudy run --unlock`" in said
    assert run(five_talks, "--unlock")[0] == 0
    assert run(five_talks, "data/videos.json")[0] == 0


@pytest.mark.parametrize(("hours", "most"), [(0.5, 11), (24, 25)])
def test_in_a_pipe_a_long_run_has_few_lines(capsys, hours, most):
    """The page before the first job and the end take another fifteen."""
    with shown_in_lines("bread: the log is x.log") as show:
        for second in range(int(hours * 3600)):
            show(Moment(Run(), second, None, {}, []))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "bread: the log is x.log" and lines[1].startswith("1 min 0 s so far")
    assert len(lines) <= most


def test_a_target_that_nothing_makes_is_named(five_talks):
    status, said = run(five_talks, "models/tiny.bin")
    assert status == 1
    assert "models/tiny.bin" in said and len(said.splitlines()) <= 10


def test_what_only_tells_is_snakemake_s_own_output(five_talks):
    status, said = run(five_talks, "-n", MODEL)
    assert status == 0 and "This was a dry-run" in said
    assert not (five_talks / "logs/runs").exists()


def test_on_a_terminal_the_stages_are_drawn_and_titles_command_nothing(five_talks):
    said, status = on_a_terminal(five_talks, MODEL)
    assert status == 0, said
    assert "\x1b[?25h" in said
    drawn = ESCAPES.sub("", said).replace("\r", "\n")
    for stage in ("talks", "questions", "answers", "training", "export"):
        assert re.search(rf"^{stage} +[█░]+", drawn, re.MULTILINE), stage
    assert "calls to the teacher" in drawn and "left" in drawn


def on_a_terminal(project, *arguments: str) -> tuple[str, int]:
    """Run the command on a terminal of its own; return all that it writes to it."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command_line("run", *arguments),
        cwd=project.path,
        env={**environment(), "TERM": "xterm", "COLUMNS": "120", "LINES": "40"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    said = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:
            break
        if not piece:
            break
        said += piece
    os.close(ours)
    return said.decode(errors="replace"), process.wait()


@pytest.mark.parametrize("to_the_group", [True, False], ids=["group", "pid"])
def test_stopped_it_says_what_is_kept_and_leaves_nothing_behind(five_talks, teacher, to_the_group, monkeypatch):
    monkeypatch.setattr(teacher, "delay_s", 60)
    process = subprocess.Popen(
        command_line("run", MODEL),
        cwd=five_talks.path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    while not teacher.requests:
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.1)
    if to_the_group:
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.send_signal(signal.SIGINT)
    said, _ = process.communicate()
    assert process.returncode == 130
    (line,) = [line for line in said.splitlines() if line.startswith("Stopped")]
    assert "kept" in line and f"`understudy run {MODEL}`" in line
    assert not list((five_talks / ".snakemake/locks").glob("*"))
    monkeypatch.setattr(teacher, "delay_s", 0)
    status, said = run(five_talks, "data/questions/" + next(iter(five_talks.video_ids().values())) + ".json")
    assert status == 0 and "unlock" not in said, said
