"""How well a gate decides about the labelled questions: tests/labelled/shared/README.md."""

from collections import defaultdict
from pathlib import Path

from labelled_search import LABELS
from project import REPOSITORY
from understudy.dataset.hand_written_pairs import hand_written_pairs
from understudy.passages.gate import GATE, Gate
from understudy.passages.search import Search
from understudy.passages.store import INDEX, RECORD
from understudy.retrieve.gate import build_gate
from understudy.shared.files import read_json, read_json_lines, write_json_lines

OTHERS = REPOSITORY / "workflow_scripts/understudy/evaluate/general/questions.jsonl"
PAIRS = "data/dataset/pairs.jsonl"
# The talks that the demo's data set draws for training, where its 135M teacher's pairs count, too.
TRAINING_TALKS = (
    "Beans and peas",
    "Eight tomato plants",
    "Planning a small plot",
    "Saving your own seed",
    "Slugs and your fair share",
)
GROUPS = {"near_miss": "near_miss", "garden": "outside", "outside": "outside"}


def write_demo_pairs(demo: Path) -> None:
    """data/dataset/pairs.jsonl of the demo's hand-written pairs, without those of its teacher."""
    videos = read_json(demo / "data/videos.json")
    titles = {video["video_id"]: video["title"] for video in videos}
    pairs = hand_written_pairs(str(demo / "extra_pairs.jsonl"), videos)
    sides = ["train" if titles[pair["video_id"]] in TRAINING_TALKS else "valid" for pair in pairs]
    write_json_lines(demo / PAIRS, [pair | {"split": side} for pair, side in zip(pairs, sides, strict=True)])


def make_gate(project: Path, embedder: dict) -> Gate:
    """The gate as its rule makes it."""
    index, gate = str(project / INDEX / RECORD), project / GATE
    build_gate(str(project / PAIRS), str(OTHERS), index, str(gate), embedder, threads=2)
    return Gate.read(gate)


def labelled_questions(labels: Path = LABELS) -> list[tuple[str, str, str | None]]:
    """The kind of each question, the question, and the one before it or None.

    Kinds are answerable, near_miss, outside (of the garden's other subjects, and of none), and those of small talk."""
    questions, dialogues, small_talk = (
        [row for _, row in read_json_lines(labels / f"{name}.jsonl")]
        for name in ("questions", "dialogues", "small_talk")
    )
    return [
        *((GROUPS.get(row.get("group"), "answerable"), row["question"], None) for row in questions),
        *(("answerable", row["follow"], row["first"]) for row in dialogues if row["kind"] != "not_covered"),
        *((row["kind"], row["question"], None) for row in small_talk),
    ]


def shares_decided(gate: Gate, search: Search, labels: Path = LABELS) -> dict[str, dict[str, float]]:
    """Of each kind the share of each decision; `not_answerable` is near_miss and outside together."""
    found = defaultdict(list)
    for kind, question, before in labelled_questions(labels):
        decision = gate.decide(question, before, search).kind
        for name in (kind, "not_answerable") if kind in ("near_miss", "outside") else (kind,):
            found[name].append(decision)
    return {kind: {name: kinds.count(name) / len(kinds) for name in set(kinds)} for kind, kinds in found.items()}
