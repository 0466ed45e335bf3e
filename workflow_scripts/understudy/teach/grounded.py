"""Answers that stand on one passage: where an answer of a talk isn't held by its place, the teacher rewrites it from there."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from understudy.passages.support import Place, Support, places_in, support_of
from understudy.shared.files import read_json, write_json
from understudy.shared.log import log
from understudy.shared.run import fresh_since
from understudy.teach.answer_schema import answer_schema
from understudy.teach.answers import is_answer, judged_answer
from understudy.teacher.at_once import asked_at_once
from understudy.teacher.client import Job, Teacher
from understudy.teacher.prompts import filled_prompt, messages_with_material, prompt_sha256
from understudy.teacher.requests import Request
from understudy.teacher.servers import EmbeddedWork, teacher_for
from understudy.text.language import language_of_talk


class Placed(NamedTuple):
    """An answer (slot, question, answer), and its place in the talk, None where it has none."""

    pair: dict
    place: Place | None

    @property
    def is_to_be_rewritten(self) -> bool:
        return self.place is not None and not self.place.support.is_enough


def placed_answers(transcript: dict, pairs: Sequence[dict], passage_words: int) -> list[Placed]:
    """Each of a talk's answers with its place; `passage_words` is what all passages of a row have together."""
    places = places_in(transcript, passage_words)
    return [Placed(pair, places.of(pair["answer"])) for pair in pairs]


def grounding_request(placed: Placed, prompt: str, style: dict) -> Request:
    """The request for one answer from its place alone; `style` has the configuration's voice, form and max_tokens.

    What all have in common comes first, so that a server can cache it."""
    told = filled_prompt(prompt, voice=style["voice"])
    pair = placed.pair
    material = {"passage": placed.place.text, "question": pair["question"], "old answer": pair["answer"]}
    schema = answer_schema() if style["form"] == "schema" else None
    return Request(messages_with_material(told, material, "to write from"), style["max_tokens"], schema)


def rewritten_answer(teacher: Teacher, placed: Placed, prompt: str, style: dict, language: str | None) -> dict:
    """Ask for one answer; return status, answer, what of it the passage holds, and where it is from."""
    question = placed.pair["question"]
    reply = teacher.ask(grounding_request(placed, prompt, style), fits=lambda text: is_answer(text, question))
    status, answer = judged_answer(reply, style["form"], question)
    return {
        "status": status,
        "answer": answer,
        "support": support_record(support_of(answer, placed.place.text, language)),
        "model": reply.model,
        "finish_reason": reply.finish_reason,
        "usage": reply.usage,
        "response": reply.response,
    }


def grounded_record(placed: Placed, rewritten: dict | None) -> dict:
    """What is known of one answer; `rewritten` is None where it needed no request or has no place."""
    place = placed.place
    return {
        "slot": placed.pair["slot"],
        "question": placed.pair["question"],
        "start_s": place and place.start_s,
        "end_s": place and place.end_s,
        "passage": place and place.text,
        "support": place and support_record(place.support),
        "rewritten": rewritten,
    }


def support_record(support: Support) -> dict:
    """A support as it is written."""
    return {
        "numbers_missing": list(support.numbers_missing),
        "share": round(support.share, 3),
        "is_enough": support.is_enough,
    }


def ground_answers(
    transcript_path,
    reading,
    answer_paths,
    prompt,
    identity,
    settings,
    style,
    passage_words,
    in_flight,
    threads,
    fresh,
    path,
) -> None:
    """Write to `path` how well each answer of a talk stands in its place, with a new one where it doesn't; `style` has the
    configuration's voice, form and max_tokens, `in_flight` is how many requests may be under way."""
    transcript = reading.read(transcript_path)
    pairs = [record for record in map(read_json, map(Path, answer_paths)) if record["status"] == "ok"]
    placed = placed_answers(transcript, pairs, passage_words) if pairs else []
    wanting = [each for each in placed if each.is_to_be_rewritten]
    rewritten = {}
    if wanting:
        video_id, language = transcript["video_id"], language_of_talk(transcript)
        job = Job(f"grounded-{video_id}", video_id, min(in_flight, len(wanting)))
        work = EmbeddedWork(threads, [{"role": "user", "content": filled_prompt(prompt, voice=style["voice"])}])
        with teacher_for(job, identity, settings, work, fresh_since("grounded") if fresh else 0.0) as teacher:
            ask = partial(rewritten_answer, teacher, prompt=prompt, style=style, language=language)
            answers = asked_at_once(ask, wanting, job.in_flight)
            rewritten = {each.pair["slot"]: answer for each, answer in zip(wanting, answers, strict=True)}
    answers = [grounded_record(each, rewritten.get(each.pair["slot"])) for each in placed]
    record = {"video_id": transcript["video_id"], "prompt_sha256": prompt_sha256(prompt), "answers": answers}
    write_json(path, record)
    usable = sum(each["status"] == "ok" for each in rewritten.values())
    log.info("%s: %d of %d answers rewritten from a passage.", transcript["title"], usable, len(placed))
