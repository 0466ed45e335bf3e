"""The pairs that the teacher model gave, with where each came from."""

from pathlib import Path

from understudy.shared.files import read_json


def taught_pairs(answer_paths: list[str], question_paths: list[str], titles: dict[str, str]) -> list[dict]:
    """Return a pair for every used slot; `titles` are by video_id. A slot without a question is no pair."""
    asked = {record["video_id"]: record for record in map(read_json, question_paths)}
    records = (read_json(path) for path in answer_paths)
    return [
        taught_pair(record, asked[record["video_id"]], titles[record["video_id"]])
        for record in records
        if record["status"] != "unused"
    ]


def taught_pair(answer: dict, questions: dict, title: str) -> dict:
    """One pair; records of earlier versions name no response."""
    return {
        **{key: answer[key] for key in ("video_id", "slot", "question", "tags")},
        "answer": answer["answer"] or "",
        "title": title,
        "origin": "teacher",
        "status": answer["status"],
        "says": "" if answer["status"] == "ok" else f"the teacher's answer is {answer['status']}",
        "question_model": questions["model"],
        "question_prompt_sha256": questions["prompt_sha256"],
        "question_response": questions.get("response"),
        "answer_model": answer["model"],
        "answer_prompt_sha256": answer["prompt_sha256"],
        "answer_response": answer.get("response"),
    }


def slots_used(answer_paths: list[str]) -> dict[str, int]:
    """How many slots there are, and how many have a question."""
    statuses = [read_json(Path(path))["status"] for path in answer_paths]
    return {"slots": len(statuses), "questions": sum(status != "unused" for status in statuses)}
