"""The rows that mlx_lm trains on, and which talk a row is from."""

from pathlib import Path

from understudy.shared.files import read_json_lines


def chat_row(question: str, answer: str) -> dict:
    """One row: two messages and nothing else."""
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


def rows_of_split(pairs: list[dict], split: str) -> list[dict]:
    """The rows of one side: train, valid or test."""
    return [chat_row(pair["question"], pair["answer"]) for pair in pairs if pair["split"] == split]


def talks_by_pair(pairs: str | Path) -> dict[tuple[str, str], str | None]:
    """The video id of each question with its answer, from pairs.jsonl; None for a hand-written pair of no talk."""
    return {(pair["question"], pair["answer"]): pair["video_id"] for _, pair in read_json_lines(pairs)}
