"""What jobs took before: seconds a unit of work by rule, of this machine and, before it has run anything, of another; and seconds
of a job by rule, of the project's earlier runs."""

import csv
import os
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

import yaml

from understudy.commands.running.events import Run
from understudy.commands.running.stages import STAGES
from understudy.commands.running.time_left import ASKING
from understudy.commands.running.work import BASE_BYTES, Project, units
from understudy.shared.errors import UnderstudyError
from understudy.shared.files import read_json, write_json

OF_ANOTHER_MACHINE = Path(__file__).with_name("rates.yaml")
BENCHMARKS = Path("logs/benchmarks")
# So many jobs of before count at most, so that a machine that has become another is noticed.
MOST_JOBS = 10
# A base model that is so many times smaller than a small one is a test's, and its jobs say nothing of the work.
SMALLEST_BASE = 5
# Whose benchmarks have a folder that isn't called as they are.
RULES_OF_FOLDERS = {
    "transcripts": "transcript",
    "models": "base_model",
    "index": "index_block",
    "dataset": "dataset_block",
}


def of_this_machine() -> Path:
    """The file that runs of all projects add to."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "understudy" / "rates.json"


def known_rates(name: str) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds a unit by rule, and seconds a job by rule of the project `name` in the working directory."""
    rates = yaml.safe_load(OF_ANOTHER_MACHINE.read_text(encoding="utf-8"))
    return rates | {rule: rate for rule, (rate, _) in read_learnt().items()}, seconds_of_earlier_jobs(name)


def read_learnt() -> dict[str, tuple[float, float]]:
    """Seconds a unit and number of jobs by rule; a file that can't be read is none."""
    with suppress(UnderstudyError, OSError, LookupError, TypeError, ValueError):
        learnt = read_json(of_this_machine())
        return {rule: (float(each["seconds"]), float(each["jobs"])) for rule, each in learnt.items() if rule in STAGES}
    return {}


def learn(run: Run, project: Project) -> None:
    """Add the jobs of a run to what is known of this machine; without a place to keep it, nothing is."""
    learnt = read_learnt()
    if (run.base_bytes or 0) < BASE_BYTES / SMALLEST_BASE:
        return
    # How long a hosted teacher takes says nothing of the machine.
    hosted = () if project.is_embedded else ASKING
    for rule in ({job.rule for job in run.jobs.values()} & set(STAGES)) - set(hosted):
        if ended := run.ended(rule):
            done = sum(units(rule, job, run, project) for job in ended)
            rate = sum(job.ended - job.began for job in ended) / done
            before, jobs = learnt.get(rule, (0.0, 0.0))
            jobs = min(jobs, MOST_JOBS)
            learnt[rule] = ((before * jobs + rate * len(ended)) / (jobs + len(ended)), jobs + len(ended))
    with suppress(UnderstudyError, OSError):
        write_json(of_this_machine(), {rule: {"seconds": rate, "jobs": jobs} for rule, (rate, jobs) in learnt.items()})


def seconds_of_earlier_jobs(name: str) -> dict[str, float]:
    """The mean seconds of the jobs of each rule, from the benchmark files of the project's last runs."""
    seconds = defaultdict(list)
    for path in BENCHMARKS.rglob("*.tsv"):
        if rule := rule_of(path.relative_to(BENCHMARKS), name):
            with suppress(OSError, LookupError, ValueError), path.open(newline="", encoding="utf-8") as opened:
                seconds[rule].append(sum(float(row["s"]) for row in csv.DictReader(opened, delimiter="\t")))
    return {rule: sum(each) / len(each) for rule, each in seconds.items()}


def rule_of(path: Path, name: str) -> str | None:
    """The rule that a benchmark file is of: RULE.tsv, RULE/TALK.tsv, NAME/RULE.tsv or NAME/RULE-WHAT.tsv."""
    first = path.parts[0].removesuffix(".tsv")
    of_folder = RULES_OF_FOLDERS.get(first if len(path.parts) > 1 else "", first)
    rule = path.stem.partition("-")[0] if first == name else of_folder
    return rule if rule in STAGES else None
