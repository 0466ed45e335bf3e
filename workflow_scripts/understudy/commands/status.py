"""What would run, why, how long it takes and what it costs, in words: understudy status [TARGET ...]"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import mean

from tabulate import tabulate

from understudy.commands.run import PROFILE
from understudy.commands.running.stages import IN_WORDS, STAGES
from understudy.commands.summary import benchmark_seconds
from understudy.shared.checkout import REPOSITORY
from understudy.shared.errors import UnderstudyError
from understudy.shared.files import read_json
from understudy.shared.formats import as_duration, counted
from understudy.shared.log import log
from understudy.shared.snakemake_records import PLAN_FILE
from understudy.source.captions.files import caption_files
from understudy.teach.plan import plan_in_a_line
from understudy.teach.planned import prompts_of_project
from understudy.teach.question_list import slots_of

NOTHING = "Nothing to do: all is as the configuration wants it."
# What these take says understudy plan; the first run of these is not known before the preflight.
TAUGHT, COSTLY = (
    ("questions", "answers", "reworded", "grounded", "reader", "judge"),
    ("adapters", "held_out_answers", "gguf"),
)
TAUGHT_STAGES = {IN_WORDS[STAGES[rule]] for rule in TAUGHT if STAGES[rule] == rule}


def status(targets: list[str], teaching: Callable[[], str]) -> None:
    """Say what Snakemake would do in the project in the working directory; `teaching()` says what asking the teacher takes."""
    plan = planned(targets)
    log.info("%s", status_text(plan, teaching) if plan else NOTHING)


def planned(targets: list[str]) -> dict[str, dict]:
    """The plan of a dry run, empty if there is nothing to do. Raises UnderstudyError with what Snakemake says if it fails."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "plan.json")
        own = ["--snakefile", REPOSITORY / "Snakefile", "--workflow-profile", PROFILE, "--directory", Path.cwd()]
        command = [sys.executable, "-m", "snakemake", *own, "--dry-run", "--quiet", "host", "--", *targets]
        run = subprocess.run(
            command, cwd=REPOSITORY, env={**os.environ, PLAN_FILE: str(path)}, capture_output=True, text=True
        )
        if run.returncode:
            # In a dry run Snakemake says all on standard output, and only which profile it takes on the other.
            lines = run.stdout.strip().splitlines()
            first = next((number for number, line in enumerate(lines) if "Error" in line), 0)
            raise UnderstudyError("\n".join(lines[first:]).removeprefix("Error: "))
        return read_json(path) if path.exists() else {}


def status_text(plan: dict[str, dict], teaching: Callable[[], str]) -> str:
    """The plan as a table, a line a stage, and sentences."""
    rows, known, unknown = [], 0.0, []
    for stage, rules in by_stage(plan).items():
        taken = {rule: seconds_of(rule, found) for rule, found in rules.items()}
        seconds = sum(each for each in taken.values() if each is not None)
        is_unknown = any(taken[rule] is None for rule in (*TAUGHT, *COSTLY) if rule in taken)
        known += seconds
        if is_unknown and stage not in TAUGHT_STAGES:
            unknown.append(stage)
        jobs = counted(sum(found["jobs"] for found in rules.values()), "job")
        why = "; ".join(dict.fromkeys(reason for found in rules.values() for reason in found["reasons"]))
        took = "" if is_unknown or not seconds else f"{as_duration(seconds)}, as before"
        rows.append([stage, jobs, took, why or "what it is made of is made anew"])
    widths = [None, None, None, 70]
    lines = [
        tabulate(rows, headers=["stage", "", "takes", "because"], disable_numparse=True, maxcolwidths=widths),
        "Each job of it: `understudy run -n`",
    ]
    if any(rule in plan for rule in TAUGHT) or ("videos" in plan and "dataset" in plan):
        lines.append(f"The teacher: {teaching()}")
    if known:
        lines.append(f"About {as_duration(known)} for what was made here before.")
    if unknown:
        lines.append(
            f"Not made here before, so its time isn't known: {', '.join(unknown)}. `understudy run preflight` tries the training."
        )
    return "\n\n".join(lines)


def by_stage(plan: dict[str, dict]) -> dict[str, dict[str, dict]]:
    """The plan of each rule by its stage in words, in the order of a run; a rule without a door makes nothing."""
    stages: dict[str, dict[str, dict]] = {IN_WORDS[stage]: {} for stage in IN_WORDS}
    for rule, found in plan.items():
        if rule in STAGES:
            stages[IN_WORDS[STAGES[rule]]][rule] = found
    return {stage: rules for stage, rules in stages.items() if rules}


def seconds_of(rule: str, stage: dict) -> float | None:
    """Seconds that the stage's jobs took the last time; None if none of them has run here."""
    taken = [benchmark_seconds(Path(path)) for path in stage["benchmarks"] if Path(path).exists()]
    return mean(taken) * stage["jobs"] if taken else None


def teaching_in_a_line(config: dict, limits: dict[str, int]) -> str:
    """What asking the teacher takes, as far as it is known."""
    if config["source"]["pairs"] is not None:
        return f"not asked; the pairs are in {config['source']['pairs']}."
    folder = config["source"]["captions_dir"]
    if folder is None and not Path("data/videos.json").exists():
        return "known once the talks are listed: `understudy run data/videos.json`."
    prompts = prompts_of_project()
    slots = slots_of(config["questions"]["per_video"])
    talks = 0 if folder is None else len(caption_files(folder))
    return plan_in_a_line(Path("data"), config, prompts, slots, limits, talks)
