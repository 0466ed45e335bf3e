"""Which talk a chat row is from: the rows carry nothing but messages, the pairs they were made from know it."""

from pathlib import Path

from lib.files import read_json_lines


def talks_by_pair(pairs: str | Path) -> dict[tuple[str, str], str | None]:
    """The video id of each question with its answer, from pairs.jsonl; None for a hand-written pair of no talk."""
    return {(pair["question"], pair["answer"]): pair["video_id"] for _, pair in read_json_lines(pairs)}
