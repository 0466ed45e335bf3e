"""Files in a folder that may come from a stranger: only what is a file itself is opened, no link to elsewhere and no pipe."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from understudy.shared.errors import FileNotWritten, InputFileError
from understudy.shared.files import FOR_OUR_USER, no_room_is_told, parsed_json

# Windows has neither, and no pipes in folders; elsewhere its text files would be changed on the way.
NO_LINK_NO_WAITING = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class NoOwnFile(OSError):
    """Something else than a file is there."""


@contextmanager
def what_hinders_is_told(path: Path) -> Iterator[None]:
    """Raise FileNotWritten, naming `path` and the reason, when it can't be written."""
    try:
        with no_room_is_told(path):
            yield
    except OSError as error:
        raise FileNotWritten(f"{path} can't be written: {error.strerror}.") from None


def open_own(path: Path, flags: int, mode: str) -> BinaryIO:
    """Open a file by the flags of os.open and the mode of open. Raises OSError; NoOwnFile for a link, a pipe, a folder."""
    if path.is_symlink():
        raise NoOwnFile(0, "it is a link", str(path))
    handle = os.open(path, flags | NO_LINK_NO_WAITING, FOR_OUR_USER)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise NoOwnFile(0, "it is no file", str(path))
    return os.fdopen(handle, mode)


def read_own_json(path: Path, most: int) -> Any:
    """Read a JSON file of at most `most` bytes. Raises InputFileError that says what is wrong."""
    try:
        with open_own(path, os.O_RDONLY, "rb") as opened:
            content = opened.read(most + 1)
    except OSError as error:
        raise InputFileError(f"{path} can't be read: {error.strerror}.") from None
    if len(content) > most:
        raise InputFileError(f"{path} is larger than {most:,} bytes, which it can't be.")
    return parsed_json(content, path)
