"""What the jobs of one run know of it, each a process of its own: whether one of them met an error that every other would
meet, too, so that none asks for anything more; when the run began; since when a pass is asked again on purpose."""

import datetime
import os
import time
from pathlib import Path

from understudy.shared.errors import InputFileError, UnderstudyError
from understudy.shared.files import read_json, write_json, write_text

STOP_FILE = Path("data/stopped.txt")
LOOK_EVERY_S = 0.25
# The rules of which a run is to make something, from its main process to its jobs.
PLANNED_RULES = "UNDERSTUDY_PLANNED_RULES"


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


STARTED_FILE = Path("data/run_started.txt")
FRESH_FILE = Path("data/fresh.json")


def start_run_clock(fresh: str | None) -> None:
    """Note that a run begins now, which asks the pass `fresh` again. A run that was to do so and did not end is gone on with."""
    started = time.time()
    write_text(STARTED_FILE, f"{started:.3f}\n")
    # By this a copy that has not kept its times is known: shared/moved_projects.py.
    os.utime(STARTED_FILE, (started, started))
    if fresh is None:
        return
    since = fresh_since(fresh)
    if since:
        begun = datetime.datetime.fromtimestamp(since).strftime("%Y-%m-%d %H:%M")
        print(f"Going on with asking the pass `{fresh}` again, as begun {begun}. To begin anew, delete {FRESH_FILE}.")
    else:
        write_json(FRESH_FILE, {"pass": fresh, "since": time.time()})


def run_started() -> float:
    """Seconds since the epoch at which the present run began; 0 if no run has ever noted it."""
    try:
        return float(STARTED_FILE.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return 0.0


def fresh_since(pass_: str) -> float:
    """Seconds since the epoch before which stored replies of a pass count as old; 0 if none do."""
    try:
        fresh = read_json(FRESH_FILE)
        return float(fresh["since"]) if fresh["pass"] == pass_ else 0.0
    except (InputFileError, LookupError, TypeError, ValueError):
        return 0.0


def end_fresh() -> None:
    """A run has ended well: what was to be asked again has been."""
    FRESH_FILE.unlink(missing_ok=True)
