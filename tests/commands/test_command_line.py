"""The command `understudy`: its project, its configuration, what it says of mistakes, and that it may run beside Snakemake."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from project import MODEL, REPOSITORY, command_line, environment, understudy
from understudy.commands.chat import ChatError, model_and_question
from understudy.commands.command_line import calls_of_profile, main

COMMANDS = ("chat", "serve", "plan", "check-questions", "prune", "compare", "channels", "summary")


def test_help_names_every_command_and_each_has_its_own():
    said = understudy("--help").stdout
    for command in COMMANDS:
        assert re.search(rf"^    {command} ", said, re.MULTILINE), command
        assert understudy(command, "--help").returncode == 0


def test_the_project_is_named_before_or_after_the_command_or_is_the_nearest_one(project):
    said = understudy("--directory", project.path, "check-questions").stdout
    assert said == "2 question files are right, 0 videos have none yet.\n"
    assert understudy("check-questions", "--directory", project.path).stdout == said
    assert understudy("check-questions", cwd=project / "data/questions").stdout == said


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--directory", "nowhere", "plan"], "--directory is nowhere, which is no folder."),
        (["--directory", "/", "plan"], "--directory is /, which has no config.yaml."),
        (["plan"], "There is no config.yaml in /"),
    ],
)
def test_a_project_that_is_none_is_told_in_one_line(arguments, complaint):
    run = understudy(*arguments, cwd="/")
    assert run.returncode == 1 and run.stderr.startswith(f"Error: {complaint}") and run.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "command",
    ["chat", "ask q.txt", "search why", "serve", "pack", "plan", "check-questions", "prune", "compare", "summary"],
)
def test_a_project_beside_this_folder_is_entered_once(tmp_path, command):
    """By a name from here, which means nothing in the project itself."""
    (tmp_path / "demo/captions").mkdir(parents=True)
    config = "name: x\nsource: {captions_dir: captions}\nteacher: {gguf: t.gguf}\nbase_model: some/model\nanswers: {voice: me}\n"
    (tmp_path / "demo/config.yaml").write_text(config)
    (tmp_path / "demo/captions/a.srt").touch()
    (tmp_path / "demo/t.gguf").touch()
    (tmp_path / "q.txt").write_text("Why?\n")
    relative, absolute = (
        understudy("--directory", folder, *command.split(), cwd=tmp_path) for folder in ("demo", tmp_path / "demo")
    )
    assert (relative.returncode, relative.stdout, relative.stderr) == (
        absolute.returncode,
        absolute.stdout,
        absolute.stderr,
    )
    assert "--directory is" not in absolute.stderr and "Traceback" not in absolute.stderr


def test_the_configuration_is_checked_as_snakemake_checks_it(project):
    project.configure(training={"epoch": 1})
    complaint = "training.epoch is not a key. Did you mean training.epochs?"
    assert complaint in project.understudy("plan", succeeds=False)
    assert complaint in project.snakemake("-n", MODEL, succeeds=False)


@pytest.mark.parametrize("content", ["name: [\n", "", "- a\n", "name: \xff"])
def test_a_configuration_that_can_not_be_read_is_told_without_a_traceback(project, content):
    (project / "config.yaml").write_text(content, encoding="latin-1")
    said = project.understudy("plan", succeeds=False)
    assert said.startswith("Error: ") and "config.yaml" in said and "Traceback" not in said


def test_a_key_that_is_a_flag_now_is_named_with_its_flag_and_changes_nothing(project):
    project.configure(port=9, prune=True)
    said = project.snakemake("-n", MODEL)
    for line in (project.understudy("check-questions"), said):
        assert (
            "port is no key of config.yaml any more and does nothing. It is a flag: understudy serve --port 9" in line
        )
        assert (
            "prune is no key of config.yaml any more and does nothing. It is a flag: understudy prune --delete" in line
        )
    assert "Nothing to be done" in said
    before = project.contents("data/responses/**/*.json")
    project.understudy("prune")
    assert project.contents("data/responses/**/*.json") == before


def test_commands_work_beside_a_run_that_has_locked_the_folder(new_project, session_teacher, teacher):
    session_teacher.delay_s = 0.5
    try:
        run = subprocess.Popen(
            new_project.command(MODEL),
            cwd=REPOSITORY,
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        while not teacher.asked(kind="answers"):
            assert run.poll() is None
            time.sleep(0.05)
        assert list((new_project / ".snakemake/locks").iterdir())
        assert "The plan for 2 videos" in new_project.understudy("plan")
        assert "question files are right" in new_project.understudy("check-questions")
        assert "stored replies" in new_project.understudy("prune")
        assert run.poll() is None, "the run has ended before"
    finally:
        session_teacher.delay_s = 0.0
        os.killpg(run.pid, signal.SIGINT)
        run.wait()
    assert "LockException" not in new_project.snakemake(MODEL)


def test_one_word_is_the_model_if_it_is_there_or_named_like_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fused").mkdir()
    models, questions = ("fused", "x.gguf", "models/x/fused"), ("Why?", "Is 1/2 a number?", "What is x.gguf")
    assert [model_and_question([word]) for word in models] == [(Path(word), None) for word in models]
    assert [model_and_question([word]) for word in questions] == [(None, word) for word in questions]
    assert model_and_question([]) == (None, None)
    with pytest.raises(ChatError, match="put the question in quotation marks"):
        model_and_question(["x.gguf", "what", "now"])


def test_the_project_s_own_model_answers_where_none_is_named(project):
    run = understudy("--directory", project.path, "chat", "Why?", "--max-tokens", "3", "--temperature", "0")
    assert run.returncode == 0 and run.stdout and run.stderr == ""
    named = understudy("--directory", project.path, "chat", MODEL, "Why?", "--max-tokens", "3", "--temperature", "0")
    assert named.stdout == run.stdout


def test_a_question_may_stand_after_options_and_a_model_s_path_is_one_of_the_project_s(project):
    options = ("--max-tokens", "3", "--temperature", "0")
    expected = understudy("--directory", project.path, "chat", MODEL, "Why?", *options).stdout
    assert understudy("chat", MODEL, *options, "--directory", project.path, "Why?").stdout == expected
    assert understudy("chat", MODEL, *options, "Why?", cwd=project / "data").stdout == expected
    run = understudy("--directory", project.path, "chat", "models/tiny/mlx-4bit")
    assert run.returncode == 1 and "`understudy run models/tiny/mlx-4bit/config.json`" in run.stderr
    run = understudy("chat", "x.gguf", "--top-k", "Why?")
    assert run.returncode == 2 and "unrecognized arguments: --top-k" in run.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("--temperature", "nan"),
        ("--temperature", "-1"),
        ("--max-tokens", "0"),
        ("--max-tokens", "99999999999999999999"),
        ("--repeat-penalty", "0"),
        ("--directory", ""),
    ],
)
def test_impossible_numbers_and_an_empty_folder_are_told_before_anything(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["chat", "x.gguf", "Why?", *arguments])
    assert ended.value.code == 2 and f"argument {arguments[0]}:" in capsys.readouterr().err


def test_a_reader_that_leaves_is_no_error_to_talk_about(project):
    piped = f"{shlex.join(command_line('--directory', project.path, 'summary'))} | true"
    run = subprocess.run(["sh", "-c", piped], capture_output=True, text=True)
    assert run.stderr == ""


def test_nothing_is_pruned_beside_a_run(project):
    (project / ".snakemake/locks").mkdir(parents=True, exist_ok=True)
    (project / ".snakemake/locks/0.input.lock").write_text("data/videos.json\n")
    assert "A Snakemake run is under way here" in project.understudy("prune", "--delete", succeeds=False)
    assert "stored replies" in project.understudy("prune")


def test_a_folder_is_not_served(project):
    run = understudy("--directory", project.path, "serve", "models/tiny/fused")
    assert run.returncode == 1 and "it takes a GGUF file" in run.stderr


@pytest.mark.parametrize("number", ["0", "99999", "x", "-1"])
def test_an_impossible_port_is_told(number, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["serve", "x.gguf", f"--port={number}"])
    assert ended.value.code == 2 and "is no whole number from 1 to 65535" in capsys.readouterr().err


def test_a_plan_counts_with_the_profiles_calls(project):
    assert f"with {calls_of_profile()} requests in flight" in project.understudy("plan")
    assert "with 3 requests in flight" in project.understudy("plan", "--in-flight", "3")


def test_the_summary_says_what_was_made_and_what_comes_next(project):
    said = project.understudy("summary")
    assert f"{project / MODEL}  0 MB" in said and f"understudy --directory {project.path} chat" in said


def test_the_launcher_runs_the_checkout_that_its_environment_lies_in(tmp_path):
    """Two checkouts share one .venv; the launcher that create_venv.sh writes into it, and make, run the code of each."""
    first, second = tmp_path / "it's first", tmp_path / "second"
    for checkout in (first, second):
        (checkout / "workflow_scripts").mkdir(parents=True)
        (checkout / "workflow_scripts/command_line.py").write_text(f"print({checkout.name!r})\n")
        (checkout / "envs").mkdir()
        for name in ("envs/create_venv.sh", "requirements.lock", "Makefile"):
            shutil.copy(REPOSITORY / name, checkout / name)
    (first / ".venv/bin").mkdir(parents=True)
    shutil.copy(REPOSITORY / "requirements.lock", first / ".venv/made_from")
    (first / ".venv/bin/python").symlink_to(command_line()[0])
    (second / ".venv").symlink_to(first / ".venv")
    for checkout in (first, second):
        subprocess.run(["sh", "envs/create_venv.sh"], cwd=checkout, check=True)
        for each in (first, second):
            said = subprocess.run([each / ".venv/bin/understudy", "plan"], capture_output=True, text=True, cwd="/")
            assert said.stdout == f"{each.name}\n", said.stderr
        made = subprocess.run(["make", "--no-print-directory", "chat"], cwd=checkout, capture_output=True, text=True)
        assert made.stdout == f"{checkout.name}\n", made.stderr
    elsewhere = tmp_path / "bin"
    elsewhere.mkdir()
    for number, each in enumerate((first, second)):
        (elsewhere / f"linked{number}").symlink_to(each / ".venv/bin/understudy")
        said = subprocess.run([elsewhere / f"linked{number}"], capture_output=True, text=True)
        assert said.stdout == f"{each.name}\n", said.stderr
    shutil.copy(second / ".venv/bin/understudy", elsewhere / "understudy")
    said = subprocess.run([elsewhere / "understudy"], capture_output=True, text=True)
    assert said.stdout == "it's first\n", (
        "the one that the environment lies in: one that links it leaves its files alone"
    )
