"""Ctrl-C during a run: what doesn't stop is ended, and no lock stays."""

import signal
import subprocess
import sys
import time

import psutil
import pytest

from understudy.commands.running import stopping
from understudy.commands.running.events import Run
from understudy.commands.running.stopping import stopping_on_signals

DEAF = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); print(flush=True); time.sleep(600)"
# Waits for its job after a signal, as Snakemake does.
WAITING = f"""
import signal, subprocess, sys
job = subprocess.Popen([sys.executable, "-c", {DEAF!r}], stdout=subprocess.PIPE)
job.stdout.readline()
signal.signal(signal.SIGINT, lambda *_: None)
print(job.pid, flush=True)
job.wait()
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run with a job, in a project that is locked."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stopping, "PATIENCE_S", 0.1)
    (tmp_path / ".snakemake/locks").mkdir(parents=True)
    (tmp_path / ".snakemake/locks/0.input.lock").touch()
    run = Run()
    run.take({"time": 0, "event": "begins", "job": 1, "rule": "gguf", "of": {}, "log": []})
    return run


@pytest.mark.parametrize("code", [WAITING, DEAF], ids=["job", "snakemake"])
def test_what_does_not_stop_is_ended(run, code):
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, process_group=0) as process:
        job = process.stdout.readline().strip()
        with stopping_on_signals(process) as stopping_it:
            assert not stopping_it.was_asked
            signal.raise_signal(signal.SIGINT)
            assert stopping_it.was_asked
            while process.poll() is None:
                stopping_it.see_to_it(run)
                time.sleep(0.05)
    assert not job or not psutil.pid_exists(int(job))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    # Of a Snakemake that ended by itself the locks are its own matter.
    assert bool(list((stopping.LOCKS).glob("*"))) == (code == WAITING)


def test_while_a_training_saves_its_step_it_says_so(run):
    with subprocess.Popen([sys.executable, "-c", DEAF], stdout=subprocess.PIPE, process_group=0) as process:
        process.stdout.readline()
        with stopping_on_signals(process) as stopping_it:
            run.take({"time": 0, "event": "begins", "job": 2, "rule": "adapters", "of": {}, "log": []})
            assert stopping_it.waits_for(run) == ""
            signal.raise_signal(signal.SIGINT)
            assert stopping_it.waits_for(run).startswith("Stopping: the training saves its step first")
            run.take({"time": 1, "event": "ends", "job": 2})
            assert stopping_it.waits_for(run) == ""
        process.kill()
