"""The stop file: one job met an error that every other would meet, too, so none asks for anything more."""

import time
from pathlib import Path

from lib.errors import UnderstudyError
from lib.files import write_text

STOP_FILE = Path("data/stopped.txt")
LOOK_EVERY_S = 0.25


class RunStopped(UnderstudyError):
    """No job of this run may send another request; the text says why and what to do."""


def check_not_stopped() -> None:
    """Raise RunStopped, with the reason that the first job gave, once any job of the run has stopped it."""
    try:
        raise RunStopped(STOP_FILE.read_text(encoding="utf-8").strip())
    except FileNotFoundError:
        return


def stop_run(reason: str) -> RunStopped:
    """Make every job of the run stop asking, and return the error to raise."""
    if not STOP_FILE.exists():
        write_text(STOP_FILE, reason + "\n")
    return RunStopped(reason)


def wait_unless_stopped(seconds: float) -> None:
    """Sleep; raise RunStopped, within LOOK_EVERY_S, once any job of the run has stopped it."""
    until = time.monotonic() + seconds
    check_not_stopped()
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, LOOK_EVERY_S))
        check_not_stopped()


def remove_stop_file() -> None:
    """A new run starts unstopped."""
    STOP_FILE.unlink(missing_ok=True)
