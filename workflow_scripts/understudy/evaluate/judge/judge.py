"""Let the teacher judge the tuned model's answers beside the base's, each pair both ways round."""

from collections.abc import Sequence
from functools import partial

from understudy.evaluate.intervals import Interval
from understudy.evaluate.judge.requests import Comparison, comparisons, verdict_in
from understudy.evaluate.judge.statistics import judge_statistics
from understudy.shared.files import read_json, write_json
from understudy.shared.log import log
from understudy.teacher.at_once import asked_at_once
from understudy.teacher.client import Job, Teacher
from understudy.teacher.prompts import prompt_sha256
from understudy.teacher.servers import EmbeddedWork, teacher_for

TUNED, BASE = "tuned", "base"


def judge_answers(
    name: str,
    evaluation: str,
    prompt: str,
    voice: str,
    identity: dict,
    settings: dict,
    in_flight: int,
    threads: int,
    output: str,
) -> None:
    """Write the verdicts on the answers in `evaluation` (what evaluate writes), and what they come to, to `output`; `name` is the
    model's, under which the requests are in the ledger."""
    rows = read_json(evaluation)["rows"]
    asked = list(comparisons(prompt, voice, rows, TUNED, BASE))
    work = EmbeddedWork(threads, asked[0].request.messages)
    with teacher_for(Job(f"judge-{name}", name, in_flight), identity, settings, work) as teacher:
        records = judged(teacher, asked, in_flight)
    said = judge_statistics([record for record in records if record["verdict"] is not None])
    statistics = {name: value._asdict() if isinstance(value, Interval) else value for name, value in said.items()}
    without = sum(record["verdict"] is None for record in records)
    write_json(
        output,
        {
            "model": identity["model"] or identity["gguf"],
            "prompt_sha256": prompt_sha256(prompt),
            "compared": [TUNED, BASE],
            **statistics,
            "without_verdict": without,
            "records": records,
        },
    )
    log.info("%s", in_a_line(said, without))


def judged(teacher: Teacher, asked: Sequence[Comparison], in_flight: int) -> list[dict]:
    """Return one record a comparison, in their order; what was refused or can't be used has no verdict."""
    return asked_at_once(partial(verdict_on, teacher), asked, in_flight)


def verdict_on(teacher: Teacher, comparison: Comparison) -> dict:
    reply = teacher.ask(comparison.request, fits=lambda text: verdict_in(text) is not None)
    said = None if reply.is_refused else verdict_in(reply.text)
    row = comparison.row
    return {
        "row": row["row"],
        "video_id": row["video_id"] or f"row {row['row']}",
        "order": comparison.order,
        "verdict": said and said["verdict"],
        "reason": said["reason"] if said else reply.refusal or "no usable verdict",
        "length_a": row["answers"][TUNED]["tokens"],
        "length_b": row["answers"][BASE]["tokens"],
        "usage": reply.usage,
        "response": reply.response,
    }


def in_a_line(said: dict, without: int) -> str:
    """Say who wins, and how sure that is."""
    if said["win_rate"] is None:
        return "The judge gave no pair of verdicts that could be used."
    parts = [
        f"{label} {in_percent(said[name])}"
        for name, label in (
            ("win_rate", "The judge prefers the tuned model at"),
            ("win_rate_at_equal_length", "at equal length"),
            ("agreement", "agrees with itself at"),
            ("first_wins", "takes what comes first at"),
        )
    ]
    return f"{', '.join(parts)} of {said['rows']} rows; {without} requests without a verdict."


def in_percent(interval: Interval) -> str:
    estimate = f"{interval.estimate:.0%}"
    if interval.low is None or interval.high is None:
        return estimate
    return f"{estimate} ({interval.low:.0%} to {interval.high:.0%})"
