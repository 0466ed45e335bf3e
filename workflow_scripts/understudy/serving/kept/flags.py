"""data/flags.csv: answers that somebody found wrong, a line each, for the teacher. No rule writes it."""

import csv
import io
import json
import os
from pathlib import Path
from typing import BinaryIO

from understudy.serving.kept.own_files import open_own, what_hinders_is_told
from understudy.text.spreadsheets import FORMULA

FLAGS = "flags.csv"
COLUMNS = ("when", "conversation", "turn", "question", "answer", "passages", "note")


def add_flag(path: Path, **values: str | int | list) -> None:
    """Append a line, in one piece; `values` are COLUMNS, `passages` a list of records. Raises FileNotWritten."""
    cells = [json.dumps(values[name], ensure_ascii=False) if name == "passages" else values[name] for name in COLUMNS]
    with what_hinders_is_told(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with open_own(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, "ab+") as opened:
            opened.write((_before_a_line(opened) + _line(map(_cell, cells))).encode("utf-8", "replace"))
            opened.flush()
            os.fsync(opened.fileno())


def _before_a_line(opened: BinaryIO) -> str:
    """What is missing in the file before a line begins: the head, or the end of a line that an editor has written."""
    if not opened.seek(0, os.SEEK_END):
        # Read by Excel as UTF-8.
        return "\ufeff" + _line(COLUMNS)
    opened.seek(-1, os.SEEK_END)
    return "" if opened.read(1) in b"\r\n" else "\n"


def _line(cells) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()


def _cell(value: object) -> str:
    """One line of text that no spreadsheet computes."""
    text = " ".join(str(value).splitlines())
    return f"'{text}" if text.startswith(FORMULA) else text
