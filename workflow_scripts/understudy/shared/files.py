"""Files that are either whole or absent: written beside their place, then renamed."""

import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from understudy.shared.errors import FileNotWritten, InputFileError

# Who may read a file: every user of the machine, or ours alone.
FOR_ALL, FOR_OUR_USER = 0o644, 0o600
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

# In a model folder: the files that a step wrote into it, with their sha256. Snakemake compares such folders by it.
WRITTEN = "understudy_files.json"


@contextmanager
def written_aside(path: str | os.PathLike, mode: int = FOR_ALL) -> Iterator[Path]:
    """Yield a path beside `path` to write to; on success it is renamed to `path`, with `mode`, on an error it is removed."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.", suffix=".part")
    os.close(handle)
    aside = Path(name)
    try:
        yield aside
        # Open for writing: Windows flushes nothing else.
        with aside.open("rb+") as written:
            os.fsync(written.fileno())
        aside.chmod(mode)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def no_room_is_told(path: str | os.PathLike) -> Iterator[None]:
    """Raise FileNotWritten, naming `path`, when the disk is full or a quota or a limit is reached."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise FileNotWritten(f"{path} can't be written: {error.strerror}. Make room and run it again.") from None


def write_text(path: str | os.PathLike, text: str, mode: int = FOR_ALL) -> None:
    """Write `text` as UTF-8 with its line ends as they are."""
    with written_aside(path, mode) as aside:
        aside.write_bytes(text.encode("utf-8"))


def write_json(path: str | os.PathLike, record: Any) -> None:
    """Write `record` as indented UTF-8 JSON; the same record gives the same bytes."""
    write_text(path, json.dumps(record, ensure_ascii=False, indent=2) + "\n")


def write_json_lines(path: str | os.PathLike, records: Iterable[Any]) -> None:
    """Write one JSON document a line."""
    write_text(path, "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records))


def read_json(path: str | os.PathLike) -> Any:
    """Read a JSON file.

    Raises InputFileError, naming the file and the line, if it is missing, not UTF-8, or not JSON that can be read."""
    try:
        return parsed_json(Path(path).read_bytes(), path)
    except FileNotFoundError:
        raise InputFileError(f"{path} does not exist.") from None


def parsed_json(content: bytes, path: str | os.PathLike) -> Any:
    """The JSON document that is the content of a file. Raises InputFileError, naming file and line, if it is none."""
    try:
        return _parsed(content.decode("utf-8"), path)
    except UnicodeDecodeError as error:
        raise InputFileError(f"{path} is not UTF-8 text ({error.reason} at byte {error.start}).") from None


def _parsed(text: str, path: str | os.PathLike, line: int = 1) -> Any:
    """The JSON document that begins on `line` of a file. Raises InputFileError."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputFileError(f"{path}, line {line + error.lineno - 1}: not JSON ({error.msg}).") from None
    except RecursionError:
        raise InputFileError(f"{path}, from line {line} on: JSON that is nested too deeply.") from None
    except ValueError:
        # Python converts no number of more than 4,300 digits.
        raise InputFileError(f"{path}, from line {line} on: JSON with a number of too many digits.") from None


def read_json_lines(path: str | os.PathLike) -> list[tuple[int, Any]]:
    """Read a file of one JSON document a line as (line number, document); blank lines are passed over.

    Raises InputFileError, naming the file and the line, if the file is missing or a line is not UTF-8 or not JSON."""
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").split("\n")
    except FileNotFoundError:
        raise InputFileError(f"{path} does not exist.") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise InputFileError(f"{path}, line {line}: not UTF-8 text ({error.reason}).") from None
    return [(number, _parsed(line, path, number)) for number, line in enumerate(lines, 1) if line.strip()]


def file_sha256(path: str | Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    with open(path, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
