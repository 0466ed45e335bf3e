"""What one model has said until now, a line each, outside of all rules: a job that was stopped goes on from there."""

import json
from pathlib import Path
from typing import Any

from understudy.shared.errors import InputFileError


class AnswerParts:
    """A file that only grows. Its name has to say all that shapes the answers, but for what is in their keys."""

    def __init__(self, path: Path):
        self.path = path
        self._records = whole_records(path)

    def __contains__(self, key: str) -> bool:
        return key in self._records

    def __getitem__(self, key: str) -> dict[str, Any]:
        return self._records[key]

    def add(self, key: str, record: dict[str, Any]) -> None:
        """Keep a record; it outlives the death of this process."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as opened:
            opened.write(json.dumps({"key": key, **record}, ensure_ascii=False).encode("utf-8") + b"\n")
        self._records[key] = record


def whole_records(path: Path) -> dict[str, dict[str, Any]]:
    """Read the records of a file by their keys, and cut off the beginning of a line that was never ended.

    Raises InputFileError if another line is damaged."""
    if not path.exists():
        return {}
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with path.open("r+b") as opened:
            opened.truncate(whole)
    try:
        records = [json.loads(line) for line in content[:whole].splitlines()]
        return {record.pop("key"): record for record in records}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputFileError(f"{path} is damaged. Delete it; what is in it is then computed again.") from None
