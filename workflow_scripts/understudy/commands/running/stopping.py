"""Ctrl-C and its like: Snakemake's whole process group is asked once to stop, and what doesn't is ended."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from understudy.commands.running.events import Run

LOCKS = Path(".snakemake/locks")
PATIENCE_S, MORE_FOR_SNAKEMAKE_S = 2.0, 0.5
# A step of a training may take some seconds; killed within it, all since its last save would be lost. And a cluster's jobs have
# to be cancelled.
LONGER_PATIENCE_S = 60.0
TRAINING = "adapters"


class Stopping:
    """Whether somebody has asked to stop, and what is done about it."""

    def __init__(self, process: subprocess.Popen, is_elsewhere: bool):
        self._process = process
        self._is_elsewhere = is_elsewhere
        self._asked_at: float | None = None
        self._is_urgent = False

    @property
    def was_asked(self) -> bool:
        return self._asked_at is not None

    def ask(self, *_: object) -> None:
        """Take a signal; the second one waits for nothing."""
        if self._asked_at is not None:
            self._is_urgent = True
            return
        self._asked_at = time.monotonic()
        self._send(signal.SIGINT)

    def waits_for(self, run: Run) -> str:
        """What it waits for, in words, once it was asked to stop; nothing where that takes a moment."""
        if self.was_asked and run.running(TRAINING):
            return "Stopping: the training saves its step first, which may take a minute. A second Ctrl-C waits for nothing."
        if self.was_asked and self._is_elsewhere:
            return "Stopping: jobs on other machines are cancelled first. A second Ctrl-C waits for nothing."
        return ""

    def see_to_it(self, run: Run) -> None:
        """End jobs that haven't stopped in time, then Snakemake, should it wait all the same."""
        if self._asked_at is None:
            return
        over = time.monotonic() - self._asked_at
        patience = LONGER_PATIENCE_S if run.running(TRAINING) or self._is_elsewhere else PATIENCE_S
        if over > patience + MORE_FOR_SNAKEMAKE_S or (self._is_urgent and over > MORE_FOR_SNAKEMAKE_S):
            self._send(signal.SIGKILL)
            self._process.wait()
            unlock(run)
        elif over > patience or self._is_urgent:
            for job in self._jobs():
                with suppress(psutil.NoSuchProcess):
                    job.kill()

    def _jobs(self) -> list[psutil.Process]:
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(self._process.pid).children(recursive=True)
        return []

    def _send(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


def unlock(run: Run) -> None:
    """Take away the locks of a Snakemake that was killed; only one that ran jobs had them."""
    for lock in LOCKS.glob("*.lock") if run.jobs else ():
        lock.unlink(missing_ok=True)


@contextmanager
def stopping_on_signals(process: subprocess.Popen, is_elsewhere: bool = False) -> Iterator[Stopping]:
    """Have Ctrl-C, SIGTERM and the end of the terminal ask the process, the leader of a group of its own, to stop; what is
    ignored, as after nohup, stays so. `is_elsewhere` says that its jobs run on other machines."""
    stopping = Stopping(process, is_elsewhere)
    numbers = [one for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) if signal.getsignal(one) != signal.SIG_IGN]
    before = {number: signal.signal(number, stopping.ask) for number in numbers}
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
