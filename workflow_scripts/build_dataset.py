"""Answers and hand-written pairs become chat rows, split by video into training and validation."""

import hashlib
import re
from collections import Counter
from pathlib import Path

from lib.errors import InputFileError, UnderstudyError
from lib.files import read_json, read_json_lines, write_json, write_json_lines
from lib.job_log import log, start_job_log


class EmptySplitError(UnderstudyError):
    """The talks don't give both a training and a validation set."""


def pairs_of_answers(paths: list[str], titles: dict[str, str]) -> tuple[list[dict], list[dict]]:
    """Return the answered pairs, and the slots that gave none with their reason; unused slots are neither."""
    kept, rejected = [], []
    for path in paths:
        record = read_json(path)
        if record["status"] == "unused":
            continue
        pair = {
            **{
                key: record[key] for key in ("video_id", "slot", "question", "answer", "tags", "model", "prompt_sha256")
            },
            "title": titles[record["video_id"]],
            "origin": "teacher",
        }
        if record["status"] == "ok" and record["answer"].strip():
            kept.append(pair)
        else:
            rejected.append({**pair, "reason": record["status"] if record["status"] != "ok" else "empty"})
    return kept, rejected


def hand_written_pairs(path: str, videos: list[dict]) -> tuple[list[dict], list[dict]]:
    """Return the pairs of a JSONL file that belong to a listed talk or to none, and those whose talk is not listed.

    Raises InputFileError, naming the line, if one has no question or no answer."""
    by_id = {video["video_id"]: video for video in videos}
    by_file = {Path(video["source_file"]).name: video for video in videos if video["source_file"]}
    kept, rejected = [], []
    for number, row in read_json_lines(path):
        check_hand_written(row, f"{path}, line {number}")
        names_a_talk = row.get("video_id") or row.get("source_file")
        video = by_id.get(row.get("video_id")) or by_file.get(Path(row.get("source_file") or "").name)
        pair = {
            "video_id": video["video_id"] if video else row.get("video_id"),
            "slot": f"line{number}",
            "question": row["question"].strip(),
            "answer": row["answer"].strip(),
            "tags": row.get("tags", []),
            "model": None,
            "prompt_sha256": None,
            "title": video["title"] if video else None,
            "origin": "extra_pairs",
        }
        if video or not names_a_talk:
            kept.append(pair)
        else:
            rejected.append({**pair, "reason": f"its talk ({names_a_talk}) is not in data/videos.json"})
    return kept, rejected


def check_hand_written(row: object, place: str) -> None:
    """Raise InputFileError if a row can't be a pair."""
    if not isinstance(row, dict):
        raise InputFileError(f"{place}: it takes an object with `question` and `answer`.")
    for key in ("question", "answer"):
        if not isinstance(row.get(key), str) or not row[key].strip():
            raise InputFileError(f"{place}: `{key}` is missing or empty.")
    for key, kind in (("tags", list), ("video_id", str), ("source_file", str)):
        if not isinstance(row.get(key, kind()), kind):
            raise InputFileError(f"{place}: `{key}` takes {'a list' if kind is list else 'text'}.")


def without_repeats(pairs: list[dict]) -> tuple[list[dict], list[dict]]:
    """Keep the first of several pairs that ask the same question."""
    first: dict[str, dict] = {}
    rejected = []
    for pair in pairs:
        wording = " ".join(pair["question"].casefold().split())
        if wording in first:
            same = first[wording]
            rejected.append({**pair, "reason": f"same question as {same['video_id']} {same['slot']}"})
        else:
            first[wording] = pair
    return list(first.values()), rejected


def held_out_videos(video_ids: set[str], valid_fraction: float, seed: int) -> set[str]:
    """Choose the validation videos by a hash of seed and id, so that a new video doesn't move an old one.

    At least one video is held out and one is not. Raises EmptySplitError if there are fewer than two."""
    if len(video_ids) < 2:
        raise EmptySplitError(
            f"The data set has pairs of {len(video_ids)} video(s); a split by video needs two or more. "
            "Add captions, or look into data/dataset/rejected.jsonl for what was left out."
        )
    ranked = sorted((hash_fraction(f"{seed}:{video_id}"), video_id) for video_id in video_ids)
    held_out = {video_id for position, video_id in ranked if position < valid_fraction}
    return (held_out or {ranked[0][1]}) - ({ranked[-1][1]} if len(held_out) == len(ranked) else set())


def hash_fraction(text: str) -> float:
    """A number in [0, 1) that depends on the text alone."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7]) / 2**56


def chat_row(pair: dict) -> dict:
    return {
        "messages": [
            {"role": "user", "content": pair["question"]},
            {"role": "assistant", "content": pair["answer"]},
        ]
    }


def build_dataset(answers, transcripts, videos, extra_pairs, valid_fraction, seed, paths) -> None:
    """Write the five files of the data set; `paths` has pairs, rejected, train, valid and report."""
    records = [read_json(path) for path in transcripts]
    titles = {record["video_id"]: record["title"] for record in records}
    taught, rejected = pairs_of_answers(answers, titles)
    written, talkless = hand_written_pairs(extra_pairs, read_json(videos)) if extra_pairs else ([], [])
    pairs, repeated = without_repeats(written + taught)
    held_out = held_out_videos({pair["video_id"] for pair in pairs if pair["video_id"]}, valid_fraction, seed)
    pairs = [{**pair, "split": "valid" if pair["video_id"] in held_out else "train"} for pair in pairs]
    rejected = rejected + talkless + repeated
    rows = {split: [chat_row(pair) for pair in pairs if pair["split"] == split] for split in ("train", "valid")}
    write_json_lines(paths["pairs"], pairs)
    write_json_lines(paths["rejected"], rejected)
    write_json_lines(paths["train"], rows["train"])
    write_json_lines(paths["valid"], rows["valid"])
    report = dataset_report(records, read_json(videos), pairs, rejected, held_out)
    write_json(paths["report"], report)
    log.info(
        "data/dataset: %d training rows, %d validation rows of %d held-out talks; %d pairs rejected.",
        len(rows["train"]),
        len(rows["valid"]),
        len(held_out),
        len(rejected),
    )
    if report["missing_videos"]:
        log.warning("Built without %d videos that have no answers yet.", len(report["missing_videos"]))


def dataset_report(records: list[dict], videos: list[dict], pairs: list[dict], rejected: list[dict], held_out) -> dict:
    """Counts from videos to rows."""
    built_from = {record["video_id"] for record in records}
    return {
        "videos": len(videos),
        "missing_videos": [video["video_id"] for video in videos if video["video_id"] not in built_from],
        "transcripts": dict(Counter(record["status"] for record in records)),
        "unavailable": {
            record["video_id"]: record["reason"] for record in records if record["status"] == "unavailable"
        },
        "pairs": dict(Counter(pair["origin"] for pair in pairs)),
        "rejected": dict(Counter(re.split(r" as | \(", pair["reason"])[0] for pair in rejected)),
        "rows": dict(Counter(pair["split"] for pair in pairs)),
        "held_out_videos": sorted(held_out),
    }


if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    build_dataset(
        answers=snakemake.input.answers,
        transcripts=snakemake.input.transcripts,
        videos=snakemake.input.videos,
        extra_pairs=snakemake.input.extra_pairs,
        valid_fraction=snakemake.params.valid_fraction,
        seed=snakemake.params.seed,
        paths=dict(snakemake.output.items()),
    )
