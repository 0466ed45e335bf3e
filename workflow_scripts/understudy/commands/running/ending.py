"""How a run ended: what stopped it, each cause once, and the command that goes on."""

import re
import shlex
from collections.abc import Iterable
from pathlib import Path

from understudy.commands.running.events import Job, Run
from understudy.shared.credentials import known_secrets, without_secrets
from understudy.shared.safe_markdown import plain_title

# `Error: ` is how the log of a job shows what a person can mend; a traceback's last line says what a defect was.
LOGGED = re.compile(r"^\S+ \S+ (?:ERROR|CRITICAL) (?:Error: )?(.*)$")
IN_SNAKEFILE = re.compile(r"^\w+(?:Error|Exception)(?: in (?:file|rule|line) .*)?:$")
PLACE_IN_CODE = re.compile(r'\n  File ".*", line \d+, in .*')
# Snakemake's account of a failed job; the job's own log says more.
OF_JOBS = re.compile(
    r"^(Error in rule|CalledProcessError|At least one job did not|Exiting because a job|RuleException|"
    r"WorkflowError:\s+At least)"
)
LOCKED, HOW_TO_UNLOCK = (
    "Directory cannot be locked",
    "Another Snakemake works in this project, or one that was killed has left its lock. Once none does: `understudy run "
    "--unlock`, then the same command.",
)
MOST_CAUSES, MOST_LINES = 5, 30
LONGEST = 2000
LONGEST_TAIL = 8


def causes(run: Run, run_log: Path) -> list[str]:
    """Why a run failed, a line each, the most frequent first."""
    most = MOST_CAUSES
    by_cause: dict[str, list[tuple[Job, str]]] = {}
    for job in run.failed():
        cause = cause_of(job)
        # Equal but for the talk is equal.
        by_cause.setdefault(cause.replace(job.talk, "") if job.talk else cause, []).append((job, cause))
    lines = [said_once(failed) for failed in sorted(by_cause.values(), key=len, reverse=True)]
    if not lines:
        said = dict.fromkeys(plain_cause(text) for level, text in run.says if level != "WARNING")
        # A list of what is wrong keeps its lines.
        lines = [line for text in said for line in text.splitlines()]
        most = MOST_LINES
    lines = lines or last_lines(run_log, LONGEST_TAIL)
    more = [f"... and {len(lines) - most} more; the log has them."] if len(lines) > most else []
    secrets = known_secrets()
    return [without_secrets(line, secrets) for line in lines[:most]] + more


def cause_of(job: Job) -> str:
    """The last error of a job's log."""
    for path in map(Path, job.logs):
        if path.is_file():
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            at = next((number for number in reversed(range(len(lines))) if LOGGED.match(lines[number])), None)
            if at is not None:
                first = LOGGED.match(lines[at])[1]
                said = lines[-1] if first == "Unexpected error" else " ".join([first, *lines[at + 1 :]])
                return plain_title(said, LONGEST)
    return "it ended without a word (was it killed, or was there no memory left?)"


def said_once(failed: list[tuple[Job, str]]) -> str:
    job, cause = failed[0]
    what = job.rule + (f" of {plain_title(job.talk)}" if job.talk else "")
    others = f" and {len(failed) - 1} more jobs" if len(failed) > 2 else " and 1 more job" if len(failed) == 2 else ""
    return f"{what}{others}: {cause}"


def plain_cause(text: str) -> str:
    """An error of Snakemake's, in lines, without heading and places in the code; nothing for an account of failed jobs."""
    if OF_JOBS.match(text):
        return ""
    if LOCKED in text:
        return HOW_TO_UNLOCK
    text = PLACE_IN_CODE.sub("", text)
    first, _, rest = text.partition("\n")
    lines = (rest if IN_SNAKEFILE.match(first) and rest else text).splitlines()
    return "\n".join(plain_title(line, LONGEST) for line in lines if line.strip())


def last_lines(path: Path, number: int) -> list[str]:
    """The last lines of a file that say something."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [plain_title(line) for line in lines if line.strip()][-number:]


def command_again(arguments: Iterable[str], directory: Path | None, command: str = "run") -> str:
    """The command that goes on."""
    where = ["--directory", str(directory)] if directory else []
    return shlex.join(["understudy", *where, command, *arguments])
