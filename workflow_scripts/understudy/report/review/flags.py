"""Answers that somebody found wrong on the chat page, data/flags.csv, as the review page shows them."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from understudy.dataset.csv_rows import read_csv_rows
from understudy.passages.cutting import plain_line
from understudy.serving.kept.flags import COLUMNS
from understudy.text.safe_html import rendered_answer
from understudy.text.spreadsheets import uncovered

# What the program itself makes of a video's id; whatever else stands in the file is shown as text.
LINK = re.compile(r"https://youtu\.be/[A-Za-z0-9_-]{11}(\?t=[0-9]{1,6})?")
# Headings of an answer come below that of its question.
QUESTION_LEVEL = 3


def flagged_answers(path: str | Path | None, right: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """Each flagged answer with its question, its passages and the note, the newest first; none without a file. `right` are the
    answers that a person wrote by their questions: what has one comes last.

    Raises InputFileError, naming file and line, for a file that is no CSV with these columns."""
    if path is None:
        return []
    columns = list(COLUMNS)
    rows = read_csv_rows(path, columns, ["question", "answer"])
    found = [flagged({name: uncovered(cell) for name, cell in row.items()}) for _, row in reversed(rows)]
    known = right or {}
    return sorted(
        ({**flag, "right": known.get(flag["question"], "")} for flag in found), key=lambda flag: bool(flag["right"])
    )


def flagged(row: dict[str, str]) -> dict[str, Any]:
    return {
        "when": plain_line(row["when"]),
        "question": row["question"],
        "rendered": rendered_answer(row["answer"], below=QUESTION_LEVEL),
        "note": row["note"],
        "passages": passages_in(row["passages"]),
    }


def passages_in(cell: str) -> list[dict[str, str | None]]:
    """The passages of a flagged answer: heading, address where it is ours, text; none in an edited cell."""
    try:
        records = json.loads(cell or "[]")
        texts = [
            {name: plain_line(str(record.get(name) or "")) for name in ("heading", "link", "text")}
            for record in records
        ]
    except (ValueError, TypeError, AttributeError, RecursionError):
        return []
    return [{**text, "link": text["link"] if LINK.fullmatch(text["link"]) else None} for text in texts]
