"""Pairs that a person wrote: `dataset.extra_pairs`, JSONL or CSV."""

import json
import re
from pathlib import Path

from understudy.dataset.csv_rows import read_csv_rows
from understudy.shared.errors import InputFileError
from understudy.shared.files import read_json_lines
from understudy.text.spreadsheets import check_cells, uncovered
from understudy.text.words import words_of

COLUMNS = ["question", "answer", "tags", "video_id", "source_file"]


def hand_written_pairs(path: str, videos: list[dict]) -> list[dict]:
    """Return the pairs of a file in their order; one that names a talk which isn't listed has the status `talk_not_listed`.

    Raises InputFileError, naming the line, if one has no question or no answer, or a key or a column is unknown."""
    rows = csv_pairs(path) if path.lower().endswith((".csv", ".tsv")) else json_pairs(path)
    by_id = {video["video_id"]: video for video in videos}
    by_file = {Path(video["source_file"]).name: video for video in videos if video["source_file"]}
    return [pair_of(number, row, by_id, by_file) for number, row in rows]


def json_pairs(path: str) -> list[tuple[int, dict]]:
    rows = read_json_lines(path)
    for number, row in rows:
        check_hand_written(row, f"{path}, line {number}")
    return rows


def csv_pairs(path: str) -> list[tuple[int, dict]]:
    """The rows of a CSV file; tags are separated by commas, semicolons, bars or spaces."""
    rows = []
    for number, cells in read_csv_rows(path, COLUMNS, ["question", "answer"]):
        check_cells(f"{path}, line {number}", cells, exact=("video_id",))
        cells = {column: uncovered(cell) for column, cell in cells.items()}
        row = {**cells, "tags": [tag for tag in re.split(r"[\s,;|]+", cells["tags"]) if tag]}
        check_hand_written(row, f"{path}, line {number}")
        rows.append((number, row))
    return rows


def check_hand_written(row: object, place: str) -> None:
    """Raise InputFileError if a row can't be a pair."""
    if not isinstance(row, dict):
        raise InputFileError(f"{place}: it takes an object with `question` and `answer`.")
    if any("\ud800" <= character <= "\udfff" for character in json.dumps(row, ensure_ascii=False)):
        raise InputFileError(f"{place}: there is half of a character (\\ud800 to \\udfff). Write all of it, or none.")
    unknown = sorted(set(row) - set(COLUMNS))
    if unknown:
        raise InputFileError(f"{place}: there is no key `{unknown[0]}`. The keys are {', '.join(COLUMNS)}.")
    for key in ("question", "answer"):
        if not isinstance(row.get(key), str) or not words_of(row[key]):
            raise InputFileError(f"{place}: `{key}` is missing or empty.")
    tags = row.get("tags") or []
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise InputFileError(f"{place}: `tags` takes a list of words.")
    for key in ("video_id", "source_file"):
        if not isinstance(row.get(key) or "", str):
            raise InputFileError(f"{place}: `{key}` takes text.")


def pair_of(number: int, row: dict, by_id: dict[str, dict], by_file: dict[str, dict]) -> dict:
    names_a_talk = row.get("video_id") or row.get("source_file")
    video = by_id.get(row.get("video_id")) or by_file.get(Path(row.get("source_file") or "").name)
    return {
        "video_id": video["video_id"] if video else row.get("video_id") or None,
        "slot": f"line{number}",
        "question": row["question"],
        "answer": row["answer"],
        "tags": row.get("tags") or [],
        "title": video["title"] if video else None,
        "origin": "extra_pairs",
        "status": "ok" if video or not names_a_talk else "talk_not_listed",
        "says": "" if video or not names_a_talk else f"its talk ({names_a_talk}) is not in data/videos.json",
    }
