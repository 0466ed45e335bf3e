"""The rows that mlx_lm trains on, and which talk a row is from."""

from pathlib import Path

from understudy.shared.files import read_json_lines


def chat_row(question: str, answer: str) -> dict:
    """One row: two messages and nothing else."""
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


def rows_of_split(pairs: list[dict], split: str) -> list[dict]:
    """The rows of one side: train, valid or test."""
    return [row for pair in pairs if pair["split"] == split for row in rows_of_pair(pair)]


def rows_of_pair(pair: dict) -> list[dict]:
    """A pair's row; where pairs are grounded, those that were made of it: one, two, or none, in another pair's row."""
    grounding = pair.get("grounding")
    if grounding is None or grounding["as"] == "plain":
        return [chat_row(pair["question"], pair["answer"])]
    return [{"messages": row["messages"]} for row in grounding["rows"]]


def talks_by_pair(pairs: str | Path) -> dict[tuple[str, str], str | None]:
    """The video id of each question with its answer, from pairs.jsonl; None for a hand-written pair of no talk."""
    read = [pair for _, pair in read_json_lines(pairs)]
    talks = {(pair["question"], pair["answer"]): pair["video_id"] for pair in read}
    for pair in read:
        for row in rows_of_pair(pair):
            question, answer = (message["content"] for message in row["messages"][-2:])
            talks[question, answer] = pair["video_id"]
    return talks
