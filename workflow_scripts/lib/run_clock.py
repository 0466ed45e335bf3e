"""When the present run of Snakemake began, for what depends on it in jobs that are processes of their own."""

import time
from pathlib import Path

from lib.files import write_text

STARTED_FILE = Path("data/run_started.txt")


def start_run_clock() -> None:
    """Note that a run begins now."""
    write_text(STARTED_FILE, f"{time.time():.3f}\n")


def run_started() -> float:
    """Seconds since the epoch at which the present run began; 0 if no run has ever noted it."""
    try:
        return float(STARTED_FILE.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return 0.0
