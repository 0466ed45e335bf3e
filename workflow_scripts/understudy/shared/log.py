"""One logging set-up for all rules and commands: a rule's log file has everything, the terminal the progress and the error."""

import logging
import sys
from pathlib import Path
from typing import TextIO

from understudy.shared.credentials import known_secrets, without_secrets
from understudy.shared.errors import UnderstudyError

log = logging.getLogger("understudy")


class FormatterWithoutSecrets(logging.Formatter):
    """Formats a record, its traceback included, without logins and keys."""

    def __init__(self, layout: str):
        super().__init__(layout)
        self._secrets = known_secrets()

    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record), self._secrets)


def start_job_log(path: str) -> logging.Logger:
    """Send the log to the file `path` and to the terminal, and see to it that an uncaught error ends up in both.

    An UnderstudyError is shown as its message alone; any other error is a defect and keeps its traceback."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    to_file = logging.FileHandler(path, mode="w", encoding="utf-8")
    to_file.setFormatter(FormatterWithoutSecrets("%(asctime)s %(levelname)s %(message)s"))
    to_terminal = logging.StreamHandler(sys.stderr)
    to_terminal.setFormatter(FormatterWithoutSecrets("%(message)s"))
    log.handlers[:] = [to_file, to_terminal]
    log.setLevel(logging.INFO)
    log.propagate = False
    sys.excepthook = _log_uncaught
    return log


def start_command_log(says_on: TextIO | None = None) -> None:
    """Send what a command says to standard output, or to `says_on`, and what is wrong to standard error."""
    says, warns = logging.StreamHandler(says_on or sys.stdout), logging.StreamHandler(sys.stderr)
    says.addFilter(lambda record: record.levelno < logging.WARNING)
    warns.setLevel(logging.WARNING)
    for handler in (says, warns):
        handler.setFormatter(FormatterWithoutSecrets("%(message)s"))
    log.handlers[:] = [says, warns]
    log.setLevel(logging.INFO)
    log.propagate = False
    sys.excepthook = _log_uncaught


def _log_uncaught(kind, error, traceback) -> None:
    if isinstance(error, UnderstudyError):
        log.error("Error: %s", error)
    elif issubclass(kind, KeyboardInterrupt):
        log.error("Interrupted.")
    else:
        log.error("Unexpected error", exc_info=(kind, error, traceback))
