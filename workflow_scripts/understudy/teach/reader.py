"""A second reader: the teacher model looks through a talk's finished pairs, without the talk, in one request. What it finds
stands beside the doctor's verdicts; where the two differ, a person looks first."""

import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, field_validator, model_validator

from understudy.shared.errors import UnderstudyError
from understudy.shared.files import read_json, write_json
from understudy.shared.log import log
from understudy.shared.run import fresh_since
from understudy.teacher.client import Job, Teacher
from understudy.teacher.prompts import filled_prompt, messages_with_material, prompt_sha256
from understudy.teacher.requests import Request
from understudy.teacher.servers import EmbeddedWork, teacher_for

FINE = "fine"
# As the doctor's verdicts are named.
KINDS = (FINE, "not_standalone", "points_at_source", "third_person", "refusal", "repeats_question")
# Tokens of one verdict with its words, as JSON.
TOKENS_OF_A_VERDICT = 80


class UnusableReading(UnderstudyError):
    """A reply holds no verdict."""


class Verdict(BaseModel):
    """What the reader says of one pair; `words` are those that show it, empty for `fine`."""

    model_config = ConfigDict(extra="ignore")
    slot: str
    kind: str
    words: str = ""

    @field_validator("kind", mode="before")
    @classmethod
    def _as_named(cls, said: Any) -> Any:
        return re.sub(r"[\s-]+", "_", said.strip().casefold()) if isinstance(said, str) else said

    @field_validator("words", mode="before")
    @classmethod
    def _in_one(cls, said: Any) -> Any:
        return "" if said is None else " ".join(map(str, said)) if isinstance(said, list) else said


class Reading(BaseModel):
    """The reply about a talk's pairs."""

    model_config = ConfigDict(extra="ignore")
    verdicts: list[dict]

    @model_validator(mode="before")
    @classmethod
    def _listed(cls, said: Any) -> Any:
        """A list alone, and a map from slots to verdicts or kinds, are lists of verdicts, too."""
        if isinstance(said, dict) and "verdicts" in said:
            said = said["verdicts"]
        if isinstance(said, dict):
            said = [
                {"slot": slot, **(each if isinstance(each, dict) else {"kind": each})} for slot, each in said.items()
            ]
        return {"verdicts": [each for each in said if isinstance(each, dict)] if isinstance(said, list) else said}


def reading_request(pairs: list[dict], prompt: str) -> Request:
    """The request for the verdicts on a talk's pairs, records with slot, question and answer."""
    material = [{key: pair[key] for key in ("slot", "question", "answer")} for pair in pairs]
    messages = messages_with_material(filled_prompt(prompt), material, "to be judged")
    return Request(messages, TOKENS_OF_A_VERDICT * (len(pairs) + 1), reading_schema([pair["slot"] for pair in pairs]))


def reading_schema(slots: list[str]) -> dict:
    """The JSON schema of the reply: one verdict a slot."""
    verdict = {
        "type": "object",
        "properties": {
            "slot": {"type": "string", "enum": slots},
            "kind": {"type": "string", "enum": list(KINDS)},
            "words": {"type": "string"},
        },
        "required": ["slot", "kind", "words"],
        "additionalProperties": False,
    }
    verdicts = {"type": "array", "items": verdict, "minItems": len(slots), "maxItems": len(slots)}
    return {
        "title": "Reading",
        "type": "object",
        "properties": {"verdicts": verdicts},
        "required": ["verdicts"],
        "additionalProperties": False,
    }


def verdicts_in(text: str, slots: list[str]) -> dict[str, dict]:
    """Return kind and words by slot, the first of a slot; verdicts that are no verdict, or on no slot, are left out.

    Raises UnusableReading if the text isn't the JSON asked for, or has no verdict on any slot."""
    try:
        listed = TypeAdapter(Reading).validate_json(text).verdicts
    except ValidationError as error:
        raise UnusableReading(f"it is not the JSON asked for ({error.errors()[0]['msg']})") from None
    found: dict[str, dict] = {}
    for item in listed:
        try:
            verdict = Verdict.model_validate(item)
        except ValidationError:
            continue
        if verdict.slot in slots and verdict.kind in KINDS:
            found.setdefault(verdict.slot, {"kind": verdict.kind, "words": " ".join(verdict.words.split())})
    if not found:
        raise UnusableReading("it has no verdict on any pair")
    return {slot: found[slot] for slot in slots if slot in found}


def holds_verdicts(text: str, slots: list[str]) -> bool:
    """Whether a reply has a verdict on every pair."""
    try:
        return len(verdicts_in(text, slots)) == len(slots)
    except UnusableReading:
        return False


def asked_verdicts(teacher: Teacher, name: str, pairs: list[dict], prompt: str) -> dict:
    """Return status, model, usage, response and the verdicts by slot. What the reader leaves out stops nothing."""
    request, slots = reading_request(pairs, prompt), [pair["slot"] for pair in pairs]
    reply = teacher.ask(request, fits=lambda text: holds_verdicts(text, slots))
    asked = {"model": reply.model, "usage": reply.usage, "response": reply.response}
    if reply.is_refused:
        log.warning("%s: the teacher refuses to read the pairs: %s", name, reply.refusal or "content filter")
        return {**asked, "status": "refused", "verdicts": {}}
    try:
        verdicts = verdicts_in(reply.text, slots)
    except UnusableReading as error:
        # Without a reason: no talk is lost, so that the run goes on.
        teacher.forget(request)
        log.warning(
            "%s: the second reader's reply can't be used: %s. The doctor judges alone; `understudy run -R reader` asks again.",
            name,
            error,
        )
        return {**asked, "status": "invalid", "verdicts": {}}
    if len(verdicts) < len(slots):
        log.warning(
            "%s: the second reader says nothing about %d of %d pairs.", name, len(slots) - len(verdicts), len(slots)
        )
    return {**asked, "status": "ok", "verdicts": verdicts}


def read_pairs(answer_paths, prompt, identity, settings, threads, fresh, path) -> None:
    """Write the record of a talk's reading to `path`. A talk without answers takes no request."""
    records = list(map(read_json, map(Path, answer_paths)))
    video_id = Path(path).stem
    pairs = [record for record in records if record["status"] == "ok"]
    asked = {"model": None, "usage": None, "response": None, "status": "unused", "verdicts": {}}
    if pairs:
        work = EmbeddedWork(threads, [{"role": "user", "content": filled_prompt(prompt)}])
        since = fresh_since("reader") if fresh else 0.0
        with teacher_for(Job(f"reader-{video_id}", video_id), identity, settings, work, since) as teacher:
            asked = asked_verdicts(teacher, video_id, pairs, prompt)
    verdicts = asked.pop("verdicts")
    said = [{"slot": slot, "question": question_of(pairs, slot), **verdict} for slot, verdict in verdicts.items()]
    write_json(path, {"video_id": video_id, "prompt_sha256": prompt_sha256(prompt), **asked, "verdicts": said})
    found = sum(verdict["kind"] != FINE for verdict in said)
    log.info("%s: the second reader finds fault with %d of %d pairs.", video_id, found, len(pairs))


def question_of(pairs: list[dict], slot: str) -> str:
    return next(pair["question"] for pair in pairs if pair["slot"] == slot)
