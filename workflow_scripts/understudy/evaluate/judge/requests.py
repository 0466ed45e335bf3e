"""What the teacher is asked as a judge: which of two answers to a question is better. Each pair goes both ways round."""

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from understudy.teacher.habits import json_in
from understudy.teacher.prompts import filled_prompt, messages_with_material
from understudy.teacher.requests import Request

VERDICTS = ("first", "second", "tie")
MAX_TOKENS = 300
SCHEMA = {
    "title": "verdict",
    "type": "object",
    "properties": {"reason": {"type": "string"}, "verdict": {"type": "string", "enum": list(VERDICTS)}},
    "required": ["reason", "verdict"],
    "additionalProperties": False,
}


class Comparison(NamedTuple):
    """A row's two answers in one order: AB shows the tuned model's first, BA the other's."""

    row: dict
    order: str
    request: Request


def comparisons(prompt: str, voice: str, rows: Sequence[dict], a: str, b: str) -> Iterator[Comparison]:
    """Yield both orders of every row of an evaluation; `a` and `b` are names of models in it."""
    told = filled_prompt(prompt, voice=voice)
    for row in rows:
        answers = {name: row["answers"][name]["answer"] for name in (a, b)}
        for order, (first, second) in (("AB", (a, b)), ("BA", (b, a))):
            material = {
                "question": row["question"],
                "reference": row["reference"],
                "first": answers[first],
                "second": answers[second],
            }
            yield Comparison(row, order, judge_request(told, material))


def judge_request(told: str, material: dict[str, str]) -> Request:
    """The request for one verdict."""
    return Request(messages_with_material(told, material, "to be judged"), MAX_TOKENS, SCHEMA)


def verdict_in(text: str) -> dict[str, str] | None:
    """Return the reply's reason and verdict, or None if it can't be used."""
    try:
        said = json.loads(json_in(text))
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or said.get("verdict") not in VERDICTS:
        return None
    return {"verdict": said["verdict"], "reason": str(said.get("reason", ""))}
