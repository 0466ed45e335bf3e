"""The data set as a Hugging Face folder: Parquet files and a card, for training elsewhere."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from huggingface_hub import DatasetCard, DatasetCardData

from understudy.rows.chat import chat_row
from understudy.shared.files import read_json, read_json_lines, write_text, written_aside
from understudy.shared.log import log

# What the hub calls each side.
HUB_NAMES = {"train": "train", "valid": "validation", "test": "test"}
MESSAGE = pa.struct([("role", pa.string()), ("content", pa.string())])
SCHEMA = pa.schema(
    [
        ("messages", pa.list_(MESSAGE)),
        *((name, pa.string()) for name in ("question", "answer")),
        ("tags", pa.list_(pa.string())),
        *((name, pa.string()) for name in ("video_id", "slot", "title", "origin")),
        ("start_s", pa.float64()),
        ("end_s", pa.float64()),
        *((name, pa.string()) for name in ("question_model", "answer_model")),
    ]
)
CARD = """
# {name}: questions and answers in a teacher's voice

{rows} pairs from {videos} {origin}: questions and answers by
{models}, examined by rules, split by video, so that no held-out row comes from a talk that is trained on.

| split | rows |
| --- | --- |
{split_rows}

Each row has `messages` (user, assistant) and where it came from: video, slot, and the seconds of the talk that the answer
rests on.{missing}

**Before you publish it:** you need the right to use the talks, and the consent of the person whose voice this is. What the
answers say {written}; nobody has checked it for truth.
"""


def export_rows(pairs: list[dict]) -> pa.Table:
    """The rows of one side, with where they came from. Shape: (pairs, columns of SCHEMA)."""
    frame = pd.DataFrame(pairs)
    frame["messages"] = [chat_row(pair["question"], pair["answer"])["messages"] for pair in pairs]
    return pa.Table.from_pandas(frame[SCHEMA.names], schema=SCHEMA, preserve_index=False)


def card_text(name: str, counts: dict[str, int], pairs: list[dict], report: dict, language: str | None) -> str:
    """The folder's README.md, whose head tells the hub which file is which split."""
    files = [{"split": HUB_NAMES[split], "path": f"data/{HUB_NAMES[split]}-*.parquet"} for split in counts]
    data = DatasetCardData(
        language=language,
        task_categories=["question-answering", "text-generation"],
        pretty_name=name,
        configs=[{"config_name": "default", "data_files": files}],
    )
    models = sorted({pair["answer_model"] for pair in pairs if pair["answer_model"]}) or ["hand"]
    has_talks = "checks_off" not in report
    body = CARD.format(
        origin="talks, made by Understudy from captions" if has_talks else "sources, without transcripts",
        written="was written by a model from automatic captions" if has_talks else "has no talk to be compared with",
        name=name,
        rows=len(pairs),
        videos=len({pair["video_id"] for pair in pairs if pair["video_id"]}),
        models=", ".join(models),
        split_rows="\n".join(f"| {HUB_NAMES[split]} | {count} |" for split, count in counts.items()),
        missing=missing_talks(report["missing_videos"]),
    )
    card = DatasetCard(f"---\n{data.to_yaml()}\n---\n{body}")
    return str(card)


def missing_talks(video_ids: list[str]) -> str:
    """The card's paragraph on the listed talks that the data set was built without, or nothing."""
    if not video_ids:
        return ""
    number = "1 listed talk is" if len(video_ids) == 1 else f"{len(video_ids)} listed talks are"
    return f"\n\n{number} missing, without answers yet: {', '.join(video_ids)}."


def export_dataset(pairs_path: str, report_path: str, name: str, card: str) -> None:
    """Write the Parquet files beside `card`, which is written last."""
    pairs = [pair for _, pair in read_json_lines(pairs_path)]
    folder = Path(card).parent / "data"
    for stale in folder.glob("*.parquet"):
        stale.unlink()
    counts = {}
    for split, hub_name in HUB_NAMES.items():
        rows = [pair for pair in pairs if pair["split"] == split]
        if rows:
            with written_aside(folder / f"{hub_name}-00000-of-00001.parquet") as aside:
                pq.write_table(export_rows(rows), aside)
            counts[split] = len(rows)
    report = read_json(report_path)
    languages = list(report["languages"])
    write_text(card, card_text(name, counts, pairs, report, languages[0] if languages else None))
    log.info("%s: %s rows.", Path(card).parent, " + ".join(map(str, counts.values())))
