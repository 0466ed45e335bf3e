"""Answers of the model that somebody marked as wrong on the chat page: data/flags.csv, for the review page."""

import json
from pathlib import Path

from understudy.serving.flags import flags_in
from understudy.shared.errors import InputFileError

SHOWN = ("when", "question", "answer", "note")


def flagged_answers(path: str | None) -> list[dict]:
    """The answers, the newest first, each with the passages that it was given; none without a file.

    Raises InputFileError for a file that a spreadsheet has saved in another encoding."""
    if path is None:
        return []
    try:
        flags = flags_in(Path(path))
    except UnicodeDecodeError:
        raise InputFileError(f"{path} is not UTF-8 any more. Save it as CSV in UTF-8.") from None
    return [{**{name: flag[name] for name in SHOWN}, "passages": passages_in(flag["passages"])} for flag in flags][::-1]


def passages_in(text: str) -> list[dict[str, str]]:
    """Place and words of the passages in a cell; what a person has changed into something else is left out."""
    try:
        listed = json.loads(text)
    except (ValueError, RecursionError):
        return []
    records = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return [{"place": str(one.get("heading", "")), "text": str(one.get("text", ""))} for one in records]
