"""What several models answered to a list of questions: as one HTML file without a script, and as CSV."""

import csv
import io
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from understudy.passages.answers.sentences import without_signs
from understudy.shared.files import write_text
from understudy.text.safe_html import content_policy

PARTS = Path(__file__).parent
COLUMNS = ("question", "model", "answer", "sentences", "with_place", "marks", "places", "sources", "answer_before")
VIDEO = "https://youtu.be/"
# A spreadsheet takes a cell that begins so for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_page(record: dict[str, Any], path: Path) -> None:
    """Write the page of `record`, which commands/ask.py describes; everything in it is escaped."""
    style = (PARTS / "page.css").read_text(encoding="utf-8")
    environment = Environment(
        loader=FileSystemLoader(PARTS), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    text = environment.get_template("page.html").render(
        policy=content_policy("", style),
        style=Markup(style),
        record=record,
        totals={name: totals_of(answers_of(record, name)) for name in record["models"]},
        before={name: totals_of(before_of(record, name)) for name in record["models"]},
        changed={name: changed_count(record, name) for name in record["models"]},
        counts=counts_of,
        pieces=pieces_of,
        is_video=lambda link: link.startswith(VIDEO),
    )
    write_text(path, text)


def answers_of(record: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [asked["answers"][name] for asked in record["questions"]]


def before_of(record: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """What this model's forerunner answered last time, where it did."""
    return [before for answer in answers_of(record, name) if (before := answer["before"])]


def changed_count(record: dict[str, Any], name: str) -> int:
    answers = answers_of(record, name)
    return sum(bool(one["before"]) and one["before"]["answer"] != one["answer"] for one in answers)


def counts_of(answer: dict[str, Any]) -> dict[str, int]:
    """How many sentences of an answer claim something, have a place, and how many marks they carry."""
    claims = [sentence for sentence in answer["sentences"] if sentence["claims"]]
    return {
        "sentences": len(claims),
        "with_place": sum(sentence["place"] is not None for sentence in claims),
        "marks": sum(len(sentence["marks"]) for sentence in claims),
    }


def totals_of(answers: list[dict[str, Any]]) -> dict[str, int]:
    counts = [counts_of(answer) for answer in answers]
    return {name: sum(one[name] for one in counts) for name in ("sentences", "with_place", "marks")}


def pieces_of(sentence: dict[str, Any]) -> list[tuple[str, str | None]]:
    """The sentence in pieces, as it is read: (text, kind of the mark that it carries, or None)."""
    text, pieces, at = without_signs(sentence["text"]), [], 0
    for mark in sorted(sentence["marks"], key=lambda mark: mark["start"]):
        if mark["start"] >= at:
            pieces += [(text[at : mark["start"]], None), (text[mark["start"] : mark["end"]], mark["kind"])]
            at = mark["end"]
    return [piece for piece in [*pieces, (text[at:], None)] if piece[0]]


def write_csv(record: dict[str, Any], path: Path) -> None:
    """Write a line for each question and model, as spreadsheets read it."""
    written = io.StringIO(newline="")
    table = csv.writer(written)
    table.writerow(COLUMNS)
    for asked in record["questions"]:
        for name, answer in asked["answers"].items():
            table.writerow([as_text(cell) for cell in row_of(asked, name, answer)])
    # The byte order mark tells Excel that it is UTF-8.
    write_text(path, "\ufeff" + written.getvalue())


def row_of(asked: dict[str, Any], name: str, answer: dict[str, Any]) -> list[Any]:
    counts = counts_of(answer)
    marks = [mark["text"] for sentence in answer["sentences"] for mark in sentence["marks"]]
    places = [sentence["place"]["link"] for sentence in answer["sentences"] if sentence["place"]]
    return [
        asked["question"],
        name,
        answer["answer"],
        counts["sentences"],
        counts["with_place"],
        "; ".join(marks),
        "; ".join(places),
        "; ".join(source["link"] for source in asked["sources"]),
        answer["before"]["answer"] if answer["before"] else "",
    ]


def as_text(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell
