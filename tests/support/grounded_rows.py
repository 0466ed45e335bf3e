"""The demo's talks and hand-written pairs as a data set, with SmolLM2's tokenizer, and what a row with passages is made of."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import yaml

from dataset_records import PROMPTS
from project import REPOSITORY
from random_llama import write_small_tokenizer
from understudy.configuration import complete_configuration
from understudy.dataset.dataset import build_dataset
from understudy.passages.frame import INTRODUCTION, QUESTION
from understudy.shared.files import read_json, read_json_lines, write_json
from understudy.source.transcript import fetch_transcript
from understudy.source.videos import videos_of_folder

DEMO = REPOSITORY / "demo"
FILES = ("pairs", "rejected", "train", "valid")
ON = {"plain_fraction": 0.5, "refusal_fraction": 0.25, "passage_words": 300}
SMOLLM2_TOKENS = 49152


def unchanged(transcript: dict) -> dict:
    return transcript


def write_smollm2_tokenizer(folder: Path) -> Path:
    """The tokenizer and the chat template of the demo's base model, without its weights."""
    folder.mkdir(parents=True, exist_ok=True)
    write_small_tokenizer(folder, SMOLLM2_TOKENS)
    write_json(folder / "config.json", {"model_type": "llama", "eos_token_id": 2})
    return folder


def demo_configuration() -> dict:
    given = yaml.safe_load((DEMO / "config.yaml").read_text(encoding="utf-8"))
    return complete_configuration(given | {"source": {"captions_dir": str(DEMO / "captions")}})


def demo_talks(change: Callable[[dict], dict], folder: Path) -> tuple[list[dict], list[dict]]:
    """The list of videos and the transcripts, each after `change`."""
    videos, _ = videos_of_folder(demo_configuration()["source"], before=[])
    transcripts = []
    for video in videos:
        path = folder / f"{video['video_id']}.json"
        fetch_transcript(video, ["en"], None, str(path))
        transcripts.append(change(read_json(path)))
        write_json(path, transcripts[-1])
    return videos, transcripts


def build_demo(
    folder: Path,
    base: Path,
    grounding: dict | None = ON,
    change: Callable[[dict], dict] = unchanged,
    max_seq_length: int = 768,
    rewritten: list[str] = (),
) -> dict:
    """Build the data set in `folder`; return pairs, rejected, train and valid, each a list, and the report. `grounding` None is
    off; `rewritten` are files as data/grounded/ has them."""
    folder.mkdir(parents=True, exist_ok=True)
    videos, _ = demo_talks(change, folder)
    write_json(folder / "videos.json", videos)
    settings = demo_configuration()["dataset"]
    paths = {name: str(folder / f"{name}.jsonl") for name in FILES}
    paths |= {name: str(folder / f"{name}.json") for name in ("report", "split")}
    build_dataset(
        sources={
            "answers": [],
            "questions": [],
            "reworded": [],
            "transcripts": [str(folder / f"{video['video_id']}.json") for video in videos],
            "videos": str(folder / "videos.json"),
            "extra_pairs": str(DEMO / "extra_pairs.jsonl"),
            "curation": None,
            "base": str(base / "config.json"),
            "remembered": None,
            "grounded": rewritten,
        },
        prompts=PROMPTS,
        settings=settings | ({} if grounding is None else {"grounding": grounding}),
        voice="Nell Harrow, a plain-spoken gardener",
        training={"max_seq_length": max_seq_length, "batch_size": 1},
        paths=paths,
    )
    read = {name: [row for _, row in read_json_lines(paths[name])] for name in FILES}
    return read | {"report": read_json(paths["report"])}


def rows_by_kind(built: dict, kind: str) -> list[tuple[dict, dict]]:
    """Each row of a kind with the pair that it was made of."""
    return [
        (pair, row)
        for pair in built["pairs"]
        for row in (pair["grounding"] or {}).get("rows", [])
        if row["kind"] == kind
    ]


def parts_of(content: str) -> tuple[list[str], str]:
    """The passages' texts and the question of a framed message, which is nothing but the frame."""
    first, *passages, empty, question = content.split("\n")
    assert first == INTRODUCTION and empty == "" and question.startswith(f"{QUESTION} "), content
    for number, line in enumerate(passages, 1):
        assert re.match(rf"Passage {number} \(", line), line
    return [line.partition("): ")[2] for line in passages], question.removeprefix(f"{QUESTION} ")


def is_framed(row: dict) -> bool:
    return row["messages"][-2]["content"].startswith(INTRODUCTION)


def as_lines(rows: list[dict]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
