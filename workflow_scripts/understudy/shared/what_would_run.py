"""What a dry run has planned, and why, in words: the one value, file or request that is a job's reason."""

import ast
import os
from collections.abc import Callable
from pathlib import Path

from snakemake.logging import logger

from understudy.shared.files import write_json
from understudy.shared.formats import counted
from understudy.shared.snakemake_records import PLAN_FILE

FILES_SHOWN, LONGEST_VALUE = 2, 60


def tell_what_would_run(add: Callable[[dict], str]) -> None:
    """Have this process's dry runs end with what `add` says of the plan, beside Snakemake's own list."""
    # Snakemake's modules import one another: only its own command can begin with this one.
    from snakemake.dag import DAG

    print_reasons_of_snakemake = DAG.print_reasons

    def print_reasons(dag: DAG) -> None:
        print_reasons_of_snakemake(dag)
        plan = plan_of(dag)
        if path := os.environ.get(PLAN_FILE):
            write_json(Path(path), plan)
        if said := add(plan):
            logger.info(said)

    DAG.print_reasons = print_reasons


def plan_of(dag) -> dict[str, dict]:
    """By rule, in the order in which they run: how many jobs, their reasons where something has changed, and benchmark files."""
    plan: dict[str, dict] = {}
    waiting = set(dag.needrun_jobs(exclude_finished=False))
    for level in dag.toposorted(waiting):
        for job in sorted(level, key=str):
            rule = plan.setdefault(job.rule.name, {"jobs": 0, "reasons": [], "benchmarks": []})
            rule["jobs"] += 1
            rule["reasons"] += [reason for reason in reasons_of(dag, job) if reason not in rule["reasons"]]
            if job.benchmark is not None:
                rule["benchmarks"].append(str(job.benchmark))
    return plan


def reasons_of(dag, job) -> list[str]:
    """What is a reason of this job's own; none for one that only follows from another."""
    reason, persistence = dag.reason(job), dag.workflow.persistence
    found = []
    if reason.forced:
        found.append("it was asked for anew, has not ended well, or was made by other words or settings")
    if reason._incomplete_output:
        found.append("it has not ended well")
    if reason.missing_output - reason._incomplete_output if reason._incomplete_output else reason.missing_output:
        found.append("it is not made yet")
    updated = set(map(str, reason.updated_input)) - set(map(str, reason.updated_input_run))
    if changed := sorted(updated & inputs_before(persistence, job)):
        found.append(f"{some_of(changed)} {'has' if len(changed) == 1 else 'have'} changed")
    # Snakemake may call a file that has come since the last run updated, too.
    if reason.input_changed or len(updated) > len(changed):
        found.append(other_files(persistence, job))
    if reason.params_changed:
        found.append(other_values(reason.params_changed.only_old, reason.params_changed.only_new))
    return found


def some_of(names: list[str]) -> str:
    more = len(names) - FILES_SHOWN
    return ", ".join(names[:FILES_SHOWN]) + (f" and {counted(more, 'other')}" if more > 0 else "")


def other_files(persistence, job) -> str:
    """Which inputs have come and gone since the last run."""
    now, before = set(map(str, persistence._input(job))), inputs_before(persistence, job)
    said = [
        f"{some_of(sorted(files))} {word}"
        for files, word in ((now - before, "is new"), (before - now, "is gone"))
        if files
    ]
    return "; ".join(said) or "other files are read"


def inputs_before(persistence, job) -> set[str]:
    """The inputs of the last run; those of today where no record has them."""
    now = persistence._input(job)
    return {str(path) for output in job.output for path in persistence.input(output) or now}


def other_values(old: set[str], new: set[str]) -> str:
    """Which settings differ, from the texts of their values before and now."""
    differing = []
    before, now = sorted(old, key=shape_of), sorted(new, key=shape_of)
    for one, other in zip(before, now, strict=False):
        differing += differences(value_of(one), value_of(other))
    return "; ".join(differing) or "its settings have changed"


def shape_of(text: str) -> tuple:
    """Brings together the values of one setting, whose name isn't recorded: dictionaries by their keys, others by kind."""
    value = value_of(text)
    return (type(value).__name__, sorted(map(str, value)) if isinstance(value, dict) else [])


def value_of(text: str):
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def differences(before, now, name: str = "") -> list[str]:
    if not (isinstance(before, dict) and isinstance(now, dict)):
        return [f"{name + ' ' if name else ''}is {shown(now)}, was {shown(before)}"]
    return [
        line
        for key in sorted({*before, *now}, key=str)
        if before.get(key) != now.get(key)
        for line in differences(before.get(key), now.get(key), f"{name}.{key}" if name else str(key))
    ]


def shown(value) -> str:
    text = "not set" if value is None else str(value)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"
