"""Run Snakemake in every project directory of a folder; one that fails doesn't stop the others.

    understudy channels [--at-once N] channels [arguments of snakemake]

Each is a Snakemake of its own. The exit status is 1 if one has failed, 130 after Ctrl-C."""

import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import TextIO

from understudy.commands.run import run_snakemake
from understudy.shared.errors import InputFileError

LOG = "logs/channel.log"


def projects_in(folder: Path) -> list[Path]:
    """The folders in `folder` that have a config.yaml. Raises InputFileError if none has."""
    projects = sorted(path.parent for path in folder.glob("*/config.yaml"))
    if not projects:
        raise InputFileError(
            f"{folder} has no project in it. A project is a folder with a config.yaml: {folder}/NAME/config.yaml."
        )
    return projects


def run_channels(projects: list[Path], arguments: list[str], at_once: int) -> list[Path]:
    """Run Snakemake in each project, `at_once` at a time, and return those that have failed.

    After KeyboardInterrupt no other one is started; those that run have got the signal too, and are waited for."""
    with ThreadPoolExecutor(at_once) as pool:
        runs = {project: pool.submit(succeeds, project, arguments, at_once > 1) for project in projects}
        try:
            return [project for project, run in runs.items() if not run.result()]
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            raise


def succeeds(project: Path, arguments: list[str], has_log: bool) -> bool:
    """Run Snakemake in a project to its end; what it says goes to the project's LOG or to this terminal."""
    print(f"{project} begins", flush=True)
    with opened_log(project) if has_log else nullcontext() as log:
        is_done = run_snakemake(project, arguments, log) == 0
    print(f"{project} {'is done' if is_done else 'has failed'}", flush=True)
    return is_done


def opened_log(project: Path) -> TextIO:
    (project / LOG).parent.mkdir(exist_ok=True)
    return (project / LOG).open("w", encoding="utf-8")


def run_all(folder: Path, arguments: list[str], at_once: int) -> int:
    """Run Snakemake in every project of `folder`, say how it went, and return the exit status."""
    projects = projects_in(folder)
    try:
        failed = run_channels(projects, arguments, max(1, at_once))
    except KeyboardInterrupt:
        print("Stopped. The same command goes on.", file=sys.stderr)
        return 130
    print(f"{len(projects) - len(failed)} of {len(projects)} channels are done.", flush=True)
    for project in failed:
        print(f"{project} failed: {project / LOG if at_once > 1 else 'see above'}", file=sys.stderr)
    return 1 if failed else 0
