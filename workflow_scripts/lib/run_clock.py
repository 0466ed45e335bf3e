"""When a run began, and since when a pass is asked again on purpose, for jobs that are processes of their own."""

import datetime
import time
from pathlib import Path

from lib.errors import InputFileError
from lib.files import read_json, write_json, write_text

STARTED_FILE = Path("data/run_started.txt")
FRESH_FILE = Path("data/fresh.json")


def start_run_clock(fresh: str | None) -> None:
    """Note that a run begins now, which asks the pass `fresh` again. A run that was to do so and did not end is gone on with."""
    write_text(STARTED_FILE, f"{time.time():.3f}\n")
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
