"""How far the teaching is, in one line that reads well in a terminal and in a log file."""

import os
import time
from pathlib import Path

from understudy.shared.errors import UnderstudyError
from understudy.shared.files import read_json, write_text
from understudy.shared.formats import as_duration, in_thousands
from understudy.shared.log import log
from understudy.shared.run import run_started
from understudy.teacher.spending import ledger_lines, spent_usd

# Reading all ledgers takes a second for 5,000 videos, too long for each of 10,000 jobs.
EVERY_S = 15


def log_progress(data: Path) -> None:
    """Log the state of the teaching after a job has ended, unless it was just said; it stays in progress.txt to look at."""
    try:
        say_if_new(data)
    except (UnderstudyError, OSError, ArithmeticError, LookupError) as error:
        # The job's own work is done, and must not fail for this.
        log.info("No progress line: %s", error)


def say_if_new(data: Path) -> None:
    said = data / "progress.txt"
    is_new = not said.exists() or time.time() - said.stat().st_mtime > EVERY_S
    if is_new or folders_in(data / "answers") >= len(read_json(data / "videos.json")):
        line = progress_line(data)
        write_text(said, line + "\n")
        log.info("%s", line)


def progress_line(data: Path, now: float | None = None) -> str:
    """Videos, answers, tokens, cached share, money, rate and time left, from the files in `data` and the ledgers of this run."""
    now = time.time() if now is None else now
    videos = len(read_json(data / "videos.json"))
    questions, answered = files_in(data / "questions"), folders_in(data / "answers")
    lines = ledger_lines(data / "spending", since=run_started())
    answers = [line for line in lines if line["pass"] == "answers"]
    parts = [f"Teaching: {questions}/{videos} videos have questions, {answered}/{videos} answers"]
    if lines:
        parts += [f"{len(answers)} answers in this run", tokens_of(lines)]
    if any(line["usd"] is not None for line in lines):
        parts.append(f"{spent_usd(data / 'spending'):.2f} US dollars in all")
    parts += rate_and_rest(lines, videos - answered, now)
    return ", ".join(parts) + "."


def spending_summary(data: Path) -> str:
    """What this run has asked, pass by pass, and what all runs have cost; nothing if it asked for nothing."""
    lines = ledger_lines(data / "spending", since=run_started())
    if not lines:
        return ""
    passes = [
        f"{pass_} {said_of([line for line in lines if line['pass'] == pass_])}"
        for pass_ in ("questions", "answers", "reworded", "grounded", "reader", "judge")
        if any(line["pass"] == pass_ for line in lines)
    ]
    total = f"; {spent_usd(data / 'spending'):.2f} US dollars in all runs" if lines[0]["usd"] is not None else ""
    return f"Asked the teacher in this run: {'; '.join(passes)}{total}."


def said_of(lines: list[dict]) -> str:
    """Requests, tokens, cached share and money of some requests."""
    money = f", {sum(line['usd'] for line in lines):.2f} US dollars" if lines[0]["usd"] is not None else ""
    return f"{len(lines)} requests, {tokens_of(lines)}{money}"


def tokens_of(lines: list[dict]) -> str:
    """Tokens and cached share of some requests."""
    prompt, cached, completion = (
        sum(line[key] for line in lines) for key in ("prompt_tokens", "cached_tokens", "completion_tokens")
    )
    return f"{in_thousands(prompt)} prompt tokens ({cached / prompt:.0%} cached), {in_thousands(completion)} completion tokens"


def rate_and_rest(lines: list[dict], videos_left: int, now: float) -> list[str]:
    """Requests a minute in this run, and the time that the rest takes at the rate of this run's videos."""
    elapsed_s = now - run_started()
    if not lines or elapsed_s <= 0:
        return []
    said = [f"{60 * len(lines) / elapsed_s:.1f} requests/min"]
    requests_a_video = len(lines) / max(1, len({line["video"] for line in lines}))
    left = videos_left * requests_a_video
    if left > 0:
        said.append(f"about {as_duration(left * elapsed_s / len(lines))} left")
    return said


def files_in(folder: Path) -> int:
    return sum(entry.name.endswith(".json") for entry in os.scandir(folder)) if folder.is_dir() else 0


def folders_in(folder: Path) -> int:
    """Videos whose answers are written; a job writes all of a video's at its end."""
    return sum(entry.is_dir() and any(os.scandir(entry.path)) for entry in os.scandir(folder)) if folder.is_dir() else 0
