"""Questions as people ask them: of a talk's questions a drawn share, reworded in one request for the training rows."""

import hashlib
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from understudy.shared.errors import UnderstudyError
from understudy.shared.files import write_json
from understudy.shared.log import log
from understudy.shared.run import fresh_since
from understudy.teach.question_list import UnusableReply, list_of_questions, read_questions, tokens_of_questions
from understudy.teacher.client import Job, Teacher
from understudy.teacher.prompts import filled_prompt, messages_with_material, prompt_sha256
from understudy.teacher.requests import Request
from understudy.teacher.servers import EmbeddedWork, teacher_for

FRACTION_WITH_GROUNDED_ROWS = 0.5


class NotReworded(UnderstudyError):
    """The teacher's rewordings for a video can't be used."""


class Rewording(BaseModel):
    """One question and the slot that it is for."""

    model_config = ConfigDict(extra="forbid")
    slot: str
    question: str


class RewordingList(BaseModel):
    """The reply with the rewordings of a talk."""

    model_config = ConfigDict(extra="forbid")
    questions: list[Rewording]

    @model_validator(mode="before")
    @classmethod
    def _by_slot(cls, said: Any) -> Any:
        """Questions by their slot, as an object, are a list of them, too."""
        while isinstance(said, dict) and len(said) == 1 and isinstance(next(iter(said.values())), dict):
            (said,) = said.values()
        if isinstance(said, dict) and said and all(isinstance(value, str) for value in said.values()):
            return {"questions": [{"slot": slot, "question": question} for slot, question in said.items()]}
        return list_of_questions(said)


def naive_fraction(config: dict) -> float:
    """The share of the questions that is reworded, as configured or, where nothing is said, as grounded rows want it."""
    said = config["questions"]["naive_fraction"]
    return said if said is not None else FRACTION_WITH_GROUNDED_ROWS * config["grounding"]["rows"]


def drawn_questions(questions: list[dict], fraction: float) -> list[dict]:
    """Those of a talk's questions that are reworded. Each is drawn by its own wording: another question, talk or slot changes
    nothing, and a larger fraction only adds."""
    return [item for item in questions if place_of_question(item["question"]) < fraction]


def place_of_question(question: str) -> float:
    """A number from 0 to 1 that is as good as drawn."""
    digest = hashlib.sha256(question.encode("utf-8", "replace")).digest()
    return int.from_bytes(digest[:8]) / 2**64


def rewording_request(drawn: list[dict], prompt: str, max_tokens: int) -> Request:
    """The request for all rewordings of a talk."""
    messages = messages_with_material(filled_prompt(prompt), list(map(named, drawn)), "to be reworded")
    return Request(messages, max_tokens, rewording_schema([item["slot"] for item in drawn]))


def rewording_schema(slots: list[str]) -> dict:
    """The JSON schema of the reply: one question a slot."""
    schema = RewordingList.model_json_schema()
    schema["$defs"]["Rewording"]["properties"]["slot"]["enum"] = slots
    schema["properties"]["questions"] |= {"minItems": len(slots), "maxItems": len(slots)}
    return schema


def rewordings_in(text: str, drawn: list[dict]) -> dict[str, str]:
    """Return the rewordings of a reply by slot, those that say something else than the question did; the first one of a slot.

    Raises UnusableReply if the text isn't the JSON asked for, or has no question for any slot."""
    try:
        written = RewordingList.model_validate_json(text, extra="ignore").questions
    except ValidationError as error:
        raise UnusableReply(f"it is not the JSON asked for ({error.errors()[0]['msg']})") from None
    said: dict[str, str] = {}
    for item in written:
        if wording := " ".join(item.question.split()):
            said.setdefault(item.slot, wording)
    before = {item["slot"]: item["question"] for item in drawn}
    if not said.keys() & before.keys():
        raise UnusableReply("it has no question for any slot")
    return {slot: said[slot] for slot in before if said.get(slot, before[slot]) != before[slot]}


def holds_rewordings(text: str, drawn: list[dict]) -> bool:
    """Whether a reply can be used."""
    try:
        rewordings_in(text, drawn)
    except UnusableReply:
        return False
    return True


def asked_rewordings(teacher: Teacher, video_id: str, drawn: list[dict], prompt: str, max_tokens: int) -> dict:
    """Return model, usage, response and the rewordings by slot.

    Raises NotReworded if the reply can't be used."""
    request = rewording_request(drawn, prompt, max_tokens)
    reply = teacher.ask(request, lambda text: holds_rewordings(text, drawn), tokens_of_questions(len(drawn)))
    asked = {"model": reply.model, "usage": reply.usage, "response": reply.response}
    if reply.is_refused:
        log.warning("%s: the teacher refuses to reword: %s", video_id, reply.refusal or "content filter")
        return {**asked, "status": "refused", "rewordings": {}}
    try:
        return {**asked, "status": "ok", "rewordings": rewordings_in(reply.text, drawn)}
    except UnusableReply as error:
        teacher.forget(request, error.why(reply.finish_reason))
        raise NotReworded(
            f"{video_id}: the teacher's rewordings can't be used: {error} (the reply ended with {reply.finish_reason!r}). "
            "The next run asks again; if it was cut off, raise questions.max_tokens."
        ) from None


def reword_questions(questions_path, prompt, identity, settings, slots, style, threads, fresh, path) -> None:
    """Write the record of a talk's reworded questions to `path`; `style` has the fraction to be drawn and max_tokens.

    A talk of which no question is drawn takes no request."""
    record = read_questions(questions_path, slots)
    video_id, drawn = record["video_id"], drawn_questions(record["questions"], style["fraction"])
    asked = {"model": None, "usage": None, "response": None, "status": "unused", "rewordings": {}}
    if drawn:
        told = [{"role": "user", "content": filled_prompt(prompt)}]
        since = fresh_since("reworded") if fresh else 0.0
        with teacher_for(
            Job(f"reworded-{video_id}", video_id), identity, settings, EmbeddedWork(threads, told), since
        ) as teacher:
            asked = asked_rewordings(teacher, video_id, drawn, prompt, style["max_tokens"])
    rewordings = asked.pop("rewordings")
    questions = [{**named(item), "reworded": rewordings.get(item["slot"])} for item in drawn]
    write_json(path, {"video_id": video_id, "prompt_sha256": prompt_sha256(prompt), **asked, "questions": questions})
    log.info("%s: %d of %d questions reworded.", video_id, len(rewordings), len(record["questions"]))


def named(item: dict) -> dict:
    """Slot and question of a record."""
    return {"slot": item["slot"], "question": item["question"]}
