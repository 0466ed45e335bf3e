"""Measure the second reader: the user's own teacher model judges pairs whose faults are known."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from tabulate import tabulate

from understudy.shared.checkout import REPOSITORY
from understudy.shared.errors import InputFileError
from understudy.shared.files import read_json_lines
from understudy.shared.log import log
from understudy.teach.reader import FINE, asked_verdicts
from understudy.teacher.client import Job, Teacher
from understudy.teacher.prompts import filled_prompt
from understudy.teacher.servers import EmbeddedWork, teacher_for

LABELLED = REPOSITORY / "tests/labelled/shared/doctor_pairs.jsonl"
# As many as a talk has.
PAIRS_OF_A_REQUEST = 12
KEYS = ("language", "question", "answer", "label")


def labelled_pairs(path: Path) -> list[dict]:
    """The pairs of a file; `label` is good or bad. Raises InputFileError, naming the line."""
    pairs = []
    for number, row in read_json_lines(path):
        missing = [key for key in KEYS if not isinstance(row, dict) or not isinstance(row.get(key), str)]
        if missing or row["label"] not in ("good", "bad"):
            raise InputFileError(
                f"{path}, line {number}: a labelled pair has {', '.join(KEYS)} as text, and `label` is good or bad."
            )
        pairs.append(row)
    if not pairs:
        raise InputFileError(f"{path} has no pairs.")
    return pairs


def groups_of(pairs: list[dict]) -> Iterator[list[dict]]:
    """The pairs of each language in groups as a talk has them, each with a slot."""
    for language in dict.fromkeys(pair["language"] for pair in pairs):
        of_language = [pair for pair in pairs if pair["language"] == language]
        for start in range(0, len(of_language), PAIRS_OF_A_REQUEST):
            group = of_language[start : start + PAIRS_OF_A_REQUEST]
            yield [{**pair, "slot": f"q{number:02d}"} for number, pair in enumerate(group, 1)]


def judged(teacher: Teacher, pairs: list[dict], prompt: str) -> list[dict]:
    """Each pair with `said`: whether the reader finds a fault, or None where it says nothing."""
    result = []
    for number, group in enumerate(groups_of(pairs), 1):
        verdicts = asked_verdicts(teacher, f"group {number}", group, prompt)["verdicts"]
        result += [
            {**pair, "said": verdicts[pair["slot"]]["kind"] != FINE if pair["slot"] in verdicts else None}
            for pair in group
        ]
    return result


def scores(pairs: list[dict]) -> pd.DataFrame:
    """By language: pairs, how many the reader says nothing about, precision and recall; None where it finds none."""
    frame = pd.DataFrame(pairs)
    rows = []
    for name, part in [*frame.groupby("language"), ("all", frame)]:
        found, bad = part["said"].eq(True), part["label"].eq("bad")
        right = int((found & bad).sum())
        rows.append(
            {
                "language": name,
                "pairs": len(part),
                "unsaid": int(part["said"].isna().sum()),
                "precision": round(right / found.sum(), 3) if found.any() else None,
                "recall": round(right / bad.sum(), 3) if bad.any() else None,
            }
        )
    return pd.DataFrame(rows)


def check_reader(path: Path, prompt: str, identity: dict, settings: dict, threads: int) -> None:
    """Log what the configured teacher model makes of the labelled pairs of a file; its replies are stored and counted as all."""
    pairs = labelled_pairs(path)
    work = EmbeddedWork(threads, [{"role": "user", "content": filled_prompt(prompt)}])
    with teacher_for(Job("reader-check", "labelled pairs"), identity, settings, work) as teacher:
        table = scores(judged(teacher, pairs, prompt))
    shown = table.astype(object).where(table.notna(), None)
    log.info("%s", tabulate(shown, headers="keys", tablefmt="github", showindex=False, missingval="-"))
    log.info("\nOf %d labelled pairs, judged by %s.", len(pairs), identity["model"] or identity["gguf"])
