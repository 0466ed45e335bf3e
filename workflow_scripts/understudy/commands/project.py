"""The project that a command is about: its folder, and its configuration as the Snakefile reads it."""

import os
from pathlib import Path

from understudy.configuration import checked_configuration, keys_that_are_flags
from understudy.shared.errors import ConfigurationError
from understudy.shared.log import log
from understudy.shared.safe_yaml import read_yaml

CONFIG = "config.yaml"


def project_folder(given: Path | None) -> Path:
    """The project's folder: `given`, else the nearest one upwards with a config.yaml.

    Raises ConfigurationError if there is none."""
    folder = given or nearest_project()
    if folder is None:
        raise ConfigurationError(
            f"There is no {CONFIG} in {Path.cwd()} or in a folder above it. Go to the project's folder, or name it: "
            "understudy --directory FOLDER ..."
        )
    if not (folder / CONFIG).is_file():
        state = f"has no {CONFIG}" if folder.is_dir() else "is no folder"
        raise ConfigurationError(f"--directory is {folder}, which {state}. A project is a folder with a {CONFIG}.")
    return folder


def nearest_project() -> Path | None:
    """The nearest folder from here upwards that has a config.yaml."""
    return next((path for path in (Path.cwd(), *Path.cwd().parents) if (path / CONFIG).is_file()), None)


def enter_project(given: Path | None) -> None:
    """Make the project's folder the working directory, as Snakemake does."""
    os.chdir(project_folder(given))


def configuration_of_project() -> dict:
    """The configuration of the project in the working directory, with its defaults.

    Raises InputFileError that names file and line, ConfigurationError that names the keys to mend."""
    given = read_yaml(CONFIG)
    if not isinstance(given, dict):
        raise ConfigurationError(f"{Path.cwd() / CONFIG} has no keys; docs/configuration.md lists them.")
    for line in keys_that_are_flags(given):
        log.warning("%s", line)
    return checked_configuration(given)


def check_talks(config: dict, what: str) -> None:
    """Raise ConfigurationError in a project of pairs alone for a command that takes talks; `what` says why it does."""
    if config["source"]["pairs"] is not None:
        raise ConfigurationError(
            f"{what}, and this project has none: its pairs are in {config['source']['pairs']} (source.pairs of {CONFIG})."
        )
