"""Pairs that a person wrote, JSONL or CSV: `dataset.extra_pairs` beside talks, `source.pairs` in a project without any."""

import base64
import hashlib
import json
import re
import unicodedata
from pathlib import Path

from understudy.dataset.csv_rows import read_csv_rows
from understudy.shared.errors import InputFileError
from understudy.shared.files import read_json_lines
from understudy.text.spreadsheets import check_cells, uncovered
from understudy.text.words import words_of

COLUMNS = ["question", "answer", "tags", "talk", "video_id", "source_file"]
# What may say which talk a pair is from; the first that a row has counts.
NAMES_OF_A_TALK = ("video_id", "source_file", "talk")
VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{11}")


def hand_written_pairs(path: str, videos: list[dict]) -> list[dict]:
    """Return the pairs of a file in their order; one that names a talk which isn't listed has the status `talk_not_listed`.

    Without listed talks the names are the talks: rows that name the same are one for the split, and a row that names none is one
    of its own.
    Raises InputFileError, naming the line, if one has no question or no answer, or a key or a column is unknown."""
    rows = csv_pairs(path) if path.lower().endswith((".csv", ".tsv")) else json_pairs(path)
    if not videos and not rows:
        raise InputFileError(f"{path} has no pairs.")
    if not videos:
        return [{**as_pair(number, row), **own_talk(row), "status": "ok", "says": ""} for number, row in rows]
    by_id = {video["video_id"]: video for video in videos}
    by_file = {Path(video["source_file"]).name: video for video in videos if video["source_file"]}
    by_title = {video["title"]: video for video in videos}
    return [pair_of(number, row, by_id, by_file, by_title) for number, row in rows]


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
    for key in NAMES_OF_A_TALK:
        if not isinstance(row.get(key) or "", str):
            raise InputFileError(f"{place}: `{key}` takes text.")


def name_of_talk(row: dict) -> str:
    """What a row says of the talk that it is from; empty where it names none."""
    return next((row[key].strip() for key in NAMES_OF_A_TALK if (row.get(key) or "").strip()), "")


def as_pair(number: int, row: dict) -> dict:
    """A row as a pair, without its talk."""
    return {
        "slot": f"line{number}",
        "question": row["question"],
        "answer": row["answer"],
        "tags": row.get("tags") or [],
        "origin": "extra_pairs",
    }


def own_talk(row: dict) -> dict:
    """The id and title of the talk that a row alone names; a row that names none has no title. A name that is no video's id gives
    one of the same form."""
    name = name_of_talk(row)
    if VIDEO_ID.fullmatch(name) and name == (row.get("video_id") or "").strip():
        return {"video_id": name, "title": (row.get("talk") or "").strip() or name}
    text = unicodedata.normalize("NFC", name or f"{row['question']}\n")
    digest = hashlib.sha256(text.encode("utf-8", "replace")).digest()
    return {"video_id": base64.urlsafe_b64encode(digest)[:11].decode(), "title": name or None}


def pair_of(
    number: int, row: dict, by_id: dict[str, dict], by_file: dict[str, dict], by_title: dict[str, dict]
) -> dict:
    names_a_talk = name_of_talk(row)
    video = (
        by_id.get(row.get("video_id"))
        or by_file.get(Path(row.get("source_file") or "").name)
        or by_title.get((row.get("talk") or "").strip())
    )
    return {
        **as_pair(number, row),
        "video_id": video["video_id"] if video else row.get("video_id") or None,
        "title": video["title"] if video else None,
        "status": "ok" if video or not names_a_talk else "talk_not_listed",
        "says": "" if video or not names_a_talk else f"its talk ({names_a_talk}) is not in data/videos.json",
    }
