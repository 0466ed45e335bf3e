"""How well a gate decides about the labelled questions: tests/labelled/shared/README.md."""

from collections import defaultdict
from pathlib import Path

from labelled_search import LABELS
from understudy.passages.gate import Gate
from understudy.passages.search import Search
from understudy.shared.files import read_json_lines


def labelled_questions(labels: Path = LABELS) -> list[tuple[str, str, str | None]]:
    """The kind of each question, the question, and the one before it or None.

    Kinds are answerable, near_miss, outside (of the garden's other subjects, and of none), and those of small talk."""
    rows = {name: [row for _, row in read_json_lines(labels / f"{name}.jsonl")] for name in NAMES}
    group = {"near_miss": "near_miss", "garden": "outside", "outside": "outside"}
    return [
        *((group.get(row.get("group"), "answerable"), row["question"], None) for row in rows["questions"]),
        *(("answerable", row["follow"], row["first"]) for row in rows["dialogues"] if row["kind"] != "not_covered"),
        *((row["kind"], row["question"], None) for row in rows["small_talk"]),
    ]


NAMES = ("questions", "dialogues", "small_talk")


def decided(gate: Gate, search: Search, labels: Path = LABELS) -> dict[str, dict[str, float]]:
    """Of each kind the share of each decision."""
    found = defaultdict(list)
    for kind, question, before in labelled_questions(labels):
        decision = gate.decide(question, before, search).kind
        for name in (kind, "not_answerable") if kind in ("near_miss", "outside") else (kind,):
            found[name].append(decision)
    return {kind: {name: kinds.count(name) / len(kinds) for name in set(kinds)} for kind, kinds in found.items()}
