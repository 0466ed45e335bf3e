"""The pairs that the teacher model gave, with where each came from."""

from pathlib import Path

from understudy.dataset.curation import question_sha256
from understudy.shared.files import read_json

# What a line of pairs.jsonl has further where questions are reworded.
REWORDING_COLUMNS = ["teacher_question", "rewording_model", "rewording_prompt_sha256", "rewording_response"]


def taught_pairs(
    answer_paths: list[str], question_paths: list[str], reworded_paths: list[str], titles: dict[str, str]
) -> list[dict]:
    """Return a pair for every used slot; `titles` are by video_id. A slot without a question is no pair.

    A reworded question takes the place of the one that it was made of."""
    asked = {record["video_id"]: record for record in map(read_json, question_paths)}
    reworded = rewordings_by_slot(reworded_paths)
    records = (read_json(path) for path in answer_paths)
    return [
        taught_pair(record, asked[record["video_id"]], titles[record["video_id"]])
        | reworded.get((record["video_id"], record["slot"], record["question"]), {})
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


def rewordings_by_slot(paths: list[str]) -> dict[tuple[str, str, str], dict]:
    """What a pair has instead of its question, by video_id, slot and that question.

    What a person decided about a pair goes by the question's sha256, so this stays that of the teacher's question."""
    return {
        (record["video_id"], item["slot"], item["question"]): {
            "question": item["reworded"],
            "question_sha256": question_sha256(item["question"]),
            "teacher_question": item["question"],
            "rewording_model": record["model"],
            "rewording_prompt_sha256": record["prompt_sha256"],
            "rewording_response": record["response"],
        }
        for record in map(read_json, paths)
        for item in record["questions"]
        if item["reworded"] is not None
    }


def slots_used(answer_paths: list[str]) -> dict[str, int]:
    """How many slots there are, and how many have a question."""
    statuses = [read_json(Path(path))["status"] for path in answer_paths]
    return {"slots": len(statuses), "questions": sum(status != "unused" for status in statuses)}
