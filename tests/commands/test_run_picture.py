"""What a run looks like, and how it says why it failed, from made events."""

import io

import pytest
from rich.console import Console

from understudy.commands.running.ending import causes
from understudy.commands.running.events import Run
from understudy.commands.running.picture import Moment, line, picture
from understudy.commands.running.running import only_tells, shown_in_lines, stopped_line
from understudy.commands.summary import summary

HOSTILE = "\x1b]0;owned\x07[red]x[/red]\u202eevil\r\n\x1b[2J"


@pytest.fixture
def run():
    run = Run()
    for event in (
        {"event": "plan", "jobs": {"videos": 1, "answers": 3, "adapters": 1, "all": 1}},
        {"event": "begins", "job": 1, "rule": "answers", "of": {"video_id": "abcdefghijk"}, "log": ["logs/a.log"]},
        {"event": "asked", "pass": "answers", "talk": "abcdefghijk", "tokens": 1500, "usd": 0.25},
    ):
        run.take({"time": 1.0, **event})
    return run


def drawn(moment: Moment, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    console.print(picture(moment))
    return console.file.getvalue()


@pytest.mark.parametrize("shown", [drawn, line])
def test_what_comes_from_outside_commands_nothing_and_is_no_markup(run, shown):
    said = shown(Moment(run, 75, 300, {"abcdefghijk": HOSTILE}, [HOSTILE]))
    assert "[red]x[/red]evil" in said and "answers" in said
    assert not {"\x1b", "\x07", "\u202e", "\r"} & set(said)
    assert "1 min 15 s so far, about 5 min left" in said
    assert "1 call to the teacher, 1.5 k tokens, 0.25 US dollars" in said


def test_stages_are_done_running_and_to_come(run):
    run.take({"time": 2.0, "event": "begins", "job": 2, "rule": "videos", "of": {}, "log": []})
    run.take({"time": 3.0, "event": "ends", "job": 2})
    said = [text.split() for text in drawn(Moment(run, 3, None, {}, [])).splitlines()]
    states = {words[0]: words[-1] for words in said if words}
    assert states["talks"] == "done" and states["training"] == "come" and "abcdefghijk" in states["answers"]


@pytest.mark.parametrize(("is_stopped", "state"), [(False, "failed"), (True, "come")])
def test_what_a_stopped_run_ends_has_not_failed(run, is_stopped, state):
    run.take({"time": 2.0, "event": "fails", "job": 1, "log": []})
    run.is_stopped = is_stopped
    (answers,) = (line for line in drawn(Moment(run, 3, None, {}, [])).splitlines() if line.startswith("answers"))
    assert answers.split()[-1] == state


def test_a_narrow_terminal_cuts_off_what_a_stage_is_at_and_nothing_else(run):
    said = drawn(Moment(run, 3, None, {"abcdefghijk": "A long title " * 5}, []), width=60).splitlines()
    (answers,) = (line for line in said if line.startswith("answers"))
    assert " 0 of 3  running  A long " in answers and answers.endswith("…")
    assert all(len(line) <= 60 for line in said) and len(said) == len(drawn(Moment(run, 3, None, {}, [])).splitlines())


def test_what_is_to_be_noticed_is_in_the_picture_and_once_in_a_pipe(run, capsys):
    moment = Moment(run, 3, None, {}, [], note="Stopping: soon.")
    assert drawn(moment).splitlines()[-1].strip() == "Stopping: soon."
    with shown_in_lines("") as show:
        show(moment)
        show(moment)
    assert capsys.readouterr().out == "Stopping: soon.\n"


def test_equal_errors_are_one_line_and_keys_are_hidden(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-a-secret-of-mine")
    for job in range(34):
        log = tmp_path / f"{job}.log"
        log.write_text(
            f"2026-11-29 11:57:14,507 INFO began\n2026-11-29 11:57:15,507 ERROR Error: sk-a-secret-of-mine {HOSTILE}\n"
        )
        run.take({"time": 2.0, "event": "fails", "job": 10 + job, "rule": "answers", "log": [str(log)]})
    (said,) = causes(run, tmp_path / "none.log")
    assert said.startswith("answers and 33 more jobs: *** ]0;owned[red]x[/red]evil") and "\x1b" not in said


def test_a_defect_s_last_line_and_a_killed_job_are_told(run, tmp_path):
    log = tmp_path / "defect.log"
    log.write_text(
        "2026-11-29 11:57:15,507 ERROR Unexpected error\nTraceback (most recent call last):\n  x\nKeyError: 'y'\n"
    )
    run.take({"time": 2.0, "event": "fails", "job": 10, "rule": "fused", "log": [str(log)]})
    run.take({"time": 2.0, "event": "fails", "job": 11, "rule": "gguf", "log": [str(tmp_path / "none")]})
    assert causes(run, tmp_path / "none.log") == [
        "fused: KeyError: 'y'",
        "gguf: it ended without a word (was it killed, or was there no memory left?)",
    ]


def test_snakemake_s_own_errors_are_told_without_their_class(tmp_path):
    run = Run()
    run.take(
        {
            "time": 0,
            "event": "says",
            "level": "ERROR",
            "text": 'MissingRuleException in file "x", line 1:\nNo rule for y',
        }
    )
    run.take(
        {
            "time": 0,
            "event": "says",
            "level": "ERROR",
            "text": "WorkflowError:\nAt least one job did not complete successfully.",
        }
    )
    assert causes(run, tmp_path / "none.log") == ["No rule for y"]


def test_a_list_of_what_is_wrong_keeps_its_lines(tmp_path):
    run = Run()
    listed = "\n".join(f"{number}. config.yaml: {'x' * 400}\x1b[2J" for number in range(9))
    run.take({"time": 0, "event": "says", "level": "ERROR", "text": f'WorkflowError in file "x", line 1:\n{listed}'})
    said = causes(run, tmp_path / "none.log")
    assert len(said) == 9 and len(said[0]) > 400 and "\x1b" not in said[0]


@pytest.mark.parametrize(
    "words", [["-n"], ["-np"], ["--dry-run", "x"], ["--list-rules"], ["--unlock"], ["--summary"], ["--help"]]
)
def test_what_only_tells_gets_no_display(words):
    assert only_tells(words)


@pytest.mark.parametrize(
    "words", [[], ["models/n-Q8_0.gguf"], ["--cores", "2"], ["-R", "answers"], ["-f", "data/videos.json"]]
)
def test_what_makes_files_gets_one(words):
    assert not only_tells(words)


def test_a_run_that_was_stopped_before_a_step_was_finished_counts_none():
    said = stopped_line(Run(), "understudy run")
    assert said == "Stopped; what earlier runs made is kept: `understudy run` goes on from there."


def test_a_run_of_the_index_alone_ends_with_what_can_be_searched(tmp_path):
    assert summary(tmp_path, "x", None).startswith("No model yet")
    (tmp_path / "data/index").mkdir(parents=True)
    (tmp_path / "data/index/index.json").write_text('{"talks": 5}')
    said = summary(tmp_path, "x", None)
    assert f"5 talks can be searched: `understudy --directory {tmp_path} search" in said and "No model yet" in said
