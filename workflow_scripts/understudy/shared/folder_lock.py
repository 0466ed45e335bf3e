"""A folder for one process at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from understudy.shared.errors import UnderstudyError
from understudy.shared.log import log

LOCK = "lock"


@contextmanager
def alone_in(folder: Path, in_use: UnderstudyError) -> Iterator[None]:
    """Keep a folder for this process; when it ends, however that is, the operating system sets the folder free.

    Raises `in_use` if another process has it, also on another node: one whose Snakemake was killed goes on by itself."""
    # A file, and open for writing: NFS locks no folder and nothing that is only read.
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _lock(handle, folder, in_use)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, folder: Path, in_use: UnderstudyError) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise in_use from None
    except OSError as error:
        log.warning(
            "Warning: %s can't be locked (%s). See to it that no second job works there.", folder, error.strerror
        )
