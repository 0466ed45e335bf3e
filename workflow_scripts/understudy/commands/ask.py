"""Ask the base model, the base with a good prompt, and the trained model a list of questions: understudy ask questions.csv"""

import datetime
import os
import platform
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from understudy.commands.summary import rows_line, time_line
from understudy.commands.talks import Talks
from understudy.configuration import base_folder_name, is_made_here
from understudy.dataset.csv_rows import check_cells, csv_text, numbered_records
from understudy.evaluate.asked_questions import Arm, Question, answers_of
from understudy.evaluate.persona import typical_pairs
from understudy.passages.answers.places import Places
from understudy.passages.answers.sentences import sentences_of
from understudy.passages.frame import MOST_SOURCES
from understudy.passages.sources import Passage
from understudy.passages.store import INDEX
from understudy.report.asked.page import write_csv, write_page
from understudy.shared.errors import InputFileError, UnderstudyError
from understudy.shared.files import read_json, write_json
from understudy.shared.formats import in_gigabytes
from understudy.shared.log import log
from understudy.teacher.prompts import prompt_file
from understudy.teacher.spending import spent_usd
from understudy.train.machine import memory_of_machine

TRAIN, PAIRS = Path("data/dataset/train.jsonl"), Path("data/dataset/pairs.jsonl")
COLUMN = "question"


def ask(path: Path, tuned: Path, config: dict[str, Any], talks: Talks) -> Path:
    """Ask every question of the file `path`, and return the folder with answers.csv, index.html and answers.json.

    What has been answered by the same model is not asked again. Raises InputFileError, naming file and line, for a file that
    can't be read, NoModelError, EmbeddedModelError, IndexFault."""
    questions = read_questions(path)
    if talks.search is None:
        raise InputFileError(
            f"There is no index of the talks: `understudy run {INDEX}/index.json` makes it. Then this again."
        )
    if not PAIRS.exists():
        raise InputFileError(
            f"There is no {PAIRS}, and so no trained model: `understudy run` makes both. Then this again."
        )
    base = Path("models/base") / base_folder_name(config["base_model"])
    persona = prompt_file("persona.md"), config["answers"]["voice"]
    examples = tuple(typical_pairs(*map(str, (TRAIN, PAIRS))))
    arms = [
        Arm("base", base, base),
        Arm("prompted", base, base, persona, examples),
        Arm("tuned", tuned, base if is_made_here(str(tuned), config["name"]) else None),
    ]
    folder = Path("models") / config["name"] / "asked" / folder_name(path)
    found = [talks.search.passages(question.text, limit=MOST_SOURCES) for question in questions]
    said = {arm.name: answers_of(arm, questions, found, folder, config["evaluation"]) for arm in arms}
    record = {
        "made": datetime.date.today().isoformat(),
        "name": config["name"],
        "notice": config["answering"]["notice"],
        "made_with": made_with(config),
        "models": {
            arm.name: {"path": str(arm.model), "identity": said[arm.name].parts.stem, "before": None} for arm in arms
        },
        "questions": [
            {
                "question": question.text,
                "decision": decision.kind if (decision := talks.decision(question.text, None)) else None,
                "sources": [source_record(passage) for passage in said["tuned"].sources[number]],
                "answers": {name: {**one.records[number], "before": None} for name, one in said.items()},
            }
            for number, question in enumerate(questions)
        ],
    }
    check_sentences(record, found, Places(talks.search))
    compare_with_last_time(record, folder / "answers.json")
    write_json(folder / "answers.json", record)
    write_csv(record, folder / "answers.csv")
    write_page(record, folder / "index.html")
    remove_parts_of_other_models(folder / "parts", {one.parts for one in said.values()})
    return folder


def made_with(config: dict[str, Any]) -> list[str]:
    """What the answers rest on, a line each: base, rows, time, money, machine."""
    cores, memory = os.cpu_count(), in_gigabytes(memory_of_machine().total)
    return [
        f"Base: {Path(config['base_model']).name}",
        rows_line(Path()),
        time_line(Path(), config["name"]),
        f"The teacher model cost ${spent_usd():.2f}.",
        f"Asked on {platform.system()} {platform.machine()}, {cores} cores, {memory} of memory",
    ]


def folder_name(path: Path) -> str:
    """The name of the question file, as one folder may be called."""
    return re.sub(r"[^\w-]+", "_", path.stem).strip("_") or "questions"


def read_questions(path: Path) -> list[Question]:
    """The questions of a .txt file, one a line, or of a .csv file, in its column `question` or its only one."""
    if path.suffix.casefold() not in (".csv", ".txt"):
        raise InputFileError(
            f"{path}: it takes a .csv file with a column `{COLUMN}`, or a .txt file with one question a line."
        )
    text = csv_text(path)
    if path.suffix.casefold() == ".txt":
        rows = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    else:
        rows = in_column(path, numbered_records(path, text))
    questions = [Question(row, f"{path}, line {number}") for number, row in rows if row]
    if not questions:
        raise InputFileError(f"{path} has no question.")
    return questions


def in_column(path: Path, records: list[tuple[int, list[str]]]) -> list[tuple[int, str]]:
    """(line, cell) of the column with the questions."""
    if not records:
        return []
    line, header = records[0]
    names = [name.strip().casefold() for name in header]
    if COLUMN in names:
        place = names.index(COLUMN)
        for number, cells in records[1:]:
            check_cells(f"{path}, line {number}", names, cells)
        return [(number, cells[place].strip()) for number, cells in records[1:] if len(cells) > place]
    if all(len(cells) == 1 for _, cells in records):
        return [(number, cells[0].strip()) for number, cells in records]
    raise InputFileError(f"{path}, line {line}: there is no column `{COLUMN}`. The columns are {', '.join(names)}.")


def source_record(passage: Passage) -> dict[str, str]:
    return {"heading": passage.heading(), "link": passage.link, "text": passage.text}


def check_sentences(record: dict[str, Any], found: list[list[Passage]], places: Places) -> None:
    """Write to each answer its sentences, each with its nearest place and marks."""
    for asked, passages in zip(record["questions"], found, strict=True):
        for answer in asked["answers"].values():
            checked = [places.of(sentence, passages) for sentence in sentences_of(answer["answer"])]
            answer["sentences"] = [
                {
                    "text": one.text,
                    "claims": one.claims,
                    "place": source_record(one.place) if one.place else None,
                    "marks": [asdict(mark) for mark in one.marks],
                }
                for one in checked
            ]


def compare_with_last_time(record: dict[str, Any], path: Path) -> None:
    """Write to each answer of another model than last time what that one answered, as `before`.

    Where the model is the same, the comparison of last time stays."""
    try:
        last = read_json(path) if path.exists() else None
        before = None if last is None else answers_before(record, last)
    except (UnderstudyError, KeyError, TypeError, AttributeError):
        log.warning("Warning: %s is damaged: nothing is compared with last time.", path)
        return
    for asked in record["questions"] if before else []:
        for name, answer in asked["answers"].items():
            answer["before"] = before.get((name, asked["question"]))


def answers_before(record: dict[str, Any], last: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any] | None]:
    """What was answered before, by model and question; writes to each model of `record` when that was."""
    found = {}
    for name, model in record["models"].items():
        known = last["models"].get(name, {})
        is_new = known.get("identity") != model["identity"]
        model["before"] = last["made"] if is_new and known else known.get("before")
        for asked in last["questions"]:
            old = asked["answers"].get(name, {})
            kept = {"answer": old["answer"], "sentences": old["sentences"]} if is_new and old else old.get("before")
            found[name, asked["question"]] = kept
    return found


def remove_parts_of_other_models(folder: Path, kept: set[Path]) -> None:
    """Remove the kept answers of models that are no more."""
    for path in set(folder.glob("*.jsonl")) - kept:
        path.unlink()
