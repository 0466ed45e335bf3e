"""Make files of a project with Snakemake: understudy run [TARGET ...] [options of snakemake]"""

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import TextIO

from understudy.commands.project import configuration_of_project, enter_project
from understudy.commands.running.ending import command_again
from understudy.commands.running.running import only_tells, run_shown
from understudy.shared.checkout import REPOSITORY
from understudy.shared.log import log

PROFILE = REPOSITORY / "profiles/default"
STOPPED = "Stopped. What is made and what was answered is kept; the same command goes on."


def run(directory: Path | None, arguments: list[str]) -> int:
    """Make targets of the project, everything without one, and return Snakemake's exit status.

    The project's folder becomes the working directory. Raises ConfigurationError before Snakemake reads anything."""
    enter_project(directory)
    config = configuration_of_project()
    project = Path.cwd()
    if only_tells(arguments):
        return run_snakemake(project, arguments)
    return run_shown(options_of(project), arguments, config, command_again(arguments, directory))


def make_first(arguments: list[str], config: dict, again: str) -> int:
    """Make files of the project in the working directory that the command `again` needs, shown on standard error as a run is, and
    return the exit status; a good end is not told."""
    with contextlib.redirect_stdout(sys.stderr):
        return run_shown(options_of(Path.cwd()), arguments, config, again, is_all=False)


def options_of(project: Path) -> list[str]:
    """Snakefile and profile of this checkout, whatever the project has."""
    own = {"--snakefile": REPOSITORY / "Snakefile", "--workflow-profile": PROFILE, "--directory": project.resolve()}
    return [str(word) for option in own.items() for word in option]


def run_snakemake(project: Path, arguments: list[str], output: TextIO | None = None) -> int:
    """Run Snakemake on a project to its end and return its exit status, 130 after Ctrl-C; what it prints goes to `output`, or to
    this terminal.

    It is started in the checkout: Snakemake evaluates profiles of the folder that it is started in."""
    command = [sys.executable, "-m", "snakemake", *options_of(project), *arguments]
    process = subprocess.Popen(command, cwd=REPOSITORY, stdout=output, stderr=output)
    try:
        return process.wait()
    except KeyboardInterrupt:
        # It has got the signal, too, and ends its jobs.
        process.wait()
        log.info(STOPPED)
        return 130
