"""Pass 2: one request a question, each with the whole transcript, into one record a slot."""

from functools import partial
from pathlib import Path

from understudy.shared.files import write_json
from understudy.shared.log import log
from understudy.shared.run import fresh_since
from understudy.teach.answer_schema import InvalidAnswer, answer_markdown
from understudy.teach.question_list import read_questions
from understudy.teach.quotes import warn_of_too_few_sentences
from understudy.teach.requests import answer_request
from understudy.teacher.at_once import asked_at_once
from understudy.teacher.client import Job, Reply, Teacher
from understudy.teacher.errors import TranscriptTooLong
from understudy.teacher.prompts import messages_about, prompt_sha256
from understudy.teacher.servers import EmbeddedWork, teacher_for


def judged_answer(reply: Reply, form: str, question: str) -> tuple[str, str]:
    """Return status and answer of a reply."""
    if reply.is_refused:
        return "refused", reply.refusal or ""
    if reply.finish_reason == "length":
        return "truncated", reply.text
    if form == "markdown":
        return ("ok", reply.text.strip()) if reply.text.strip() else ("invalid", "")
    try:
        return "ok", answer_markdown(reply.text, question)
    except InvalidAnswer:
        return "invalid", reply.text


def is_answer(text: str, question: str) -> bool:
    """Whether a reply of `form: schema` can be rendered."""
    try:
        return bool(answer_markdown(text, question))
    except InvalidAnswer:
        return False


def answer_record(teacher: Teacher, transcript: dict, question: dict, prompt: str, style: dict) -> dict:
    """Ask for one answer; `style` has the configuration's voice, form, quote and max_tokens."""
    request = answer_request(transcript, prompt, question["question"], style)
    asked = unused_record(transcript["video_id"], question["slot"], prompt) | {
        "question": question["question"],
        "tags": question["tags"],
    }
    try:
        reply = teacher.ask(request, fits=lambda text: is_answer(text, question["question"]))
    except TranscriptTooLong as error:
        # Its questions could be asked, so it is a little too long.
        log.warning("%s", error)
        return asked | {"status": "invalid", "answer": ""}
    status, answer = judged_answer(reply, style["form"], question["question"])
    said = {
        "model": reply.model,
        "finish_reason": reply.finish_reason,
        "usage": reply.usage,
        "response": reply.response,
    }
    return asked | {"status": status, "answer": answer} | said


def unused_record(video_id: str, slot: str, prompt: str) -> dict:
    """A slot for which the teacher had no question."""
    return {
        "status": "unused",
        "video_id": video_id,
        "slot": slot,
        "question": None,
        "answer": None,
        "tags": [],
        "model": None,
        "prompt_sha256": prompt_sha256(prompt),
        "finish_reason": None,
        "usage": None,
        "response": None,
    }


def answer_questions(
    transcript_path, reading, questions_path, prompt, identity, settings, style, in_flight, threads, fresh, paths
):
    """Write one record a slot; `paths` are the slots' files, `in_flight` how many requests may be under way."""
    transcript = reading.read(transcript_path)
    slots = [Path(path).stem for path in paths]
    questions = read_questions(questions_path, slots)["questions"]
    records = {slot: unused_record(transcript["video_id"], slot, prompt) for slot in slots}
    if questions:
        if style["quote"]:
            warn_of_too_few_sentences(transcript)
        job = Job(f"answers-{transcript['video_id']}", transcript["video_id"], min(in_flight, len(questions)))
        work = EmbeddedWork(threads, messages_about(transcript))
        with teacher_for(job, identity, settings, work, fresh_since("answers") if fresh else 0.0) as teacher:
            # The embedded server has read the transcript into all its slots when it starts.
            is_warm = identity["gguf"] is not None
            answered = asked_answers(teacher, transcript, questions, prompt, style, job.in_flight, is_warm)
            records |= {record["slot"]: record for record in answered}
    for slot, path in zip(slots, paths, strict=True):
        write_json(path, records[slot])
    usable = sum(record["status"] == "ok" for record in records.values())
    log.info("%s: %d answers to %d questions.", transcript["title"], usable, len(questions))


def asked_answers(
    teacher: Teacher, transcript: dict, questions: list[dict], prompt: str, style: dict, at_once: int, is_warm: bool
) -> list[dict]:
    """Return the records of all questions, asked `at_once` at a time. Unless the server `is_warm`, and as long as it is found to
    pay, the first one goes alone: it puts the transcript into the server's cache, where pass 1 has not or was too long ago."""
    first_alone = not is_warm and teacher.first_alone
    alone, others = (questions[:1], questions[1:]) if first_alone else ([], questions)
    ask = partial(answer_record, teacher, transcript, prompt=prompt, style=style)
    records = [*map(ask, alone), *asked_at_once(ask, others, at_once)]
    if first_alone:
        teacher.learn_from_answers([record["usage"] for record in records if record["usage"]])
    if all(record["status"] == "invalid" for record in records):
        teacher.talk_failed("no answer is the JSON asked for")
    return records
