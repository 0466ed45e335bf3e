"""Pass 2: one request a question, each with the whole transcript, into one record a slot."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lib.files import read_json, write_json
from lib.job_log import log, start_job_log
from lib.prompts import filled_prompt, messages_about, prompt_sha256
from lib.question_list import read_questions
from lib.quotes import quotes_for
from lib.structured_answer import InvalidAnswer, answer_markdown, answer_schema
from lib.teacher import EmbeddedWork, Reply, Teacher, teacher_for


def answer_messages(transcript: dict, prompt: str, question: str, voice: str) -> list[dict]:
    """The request for one answer; what differs comes last."""
    values = {"title": transcript["title"], "question": question, "voice": voice}
    return messages_about(transcript, filled_prompt(prompt, **values))


def judged_answer(reply: Reply, form: str, question: str) -> tuple[str, str]:
    """Return status and answer of a reply."""
    if reply.refusal or reply.finish_reason == "content_filter":
        return "refused", reply.refusal or ""
    if reply.finish_reason == "length":
        return "truncated", reply.text
    if form == "markdown":
        return ("ok", reply.text.strip()) if reply.text.strip() else ("invalid", "")
    try:
        return "ok", answer_markdown(reply.text, question)
    except InvalidAnswer:
        return "invalid", reply.text


def answer_record(teacher: Teacher, transcript: dict, question: dict, prompt: str, style: dict) -> dict:
    """Ask for one answer; `style` has the configuration's voice, form, quote and max_tokens."""
    messages = answer_messages(transcript, prompt, question["question"], style["voice"])
    quotes = quotes_for(question["question"], transcript["text"]) if style["quote"] else None
    schema = answer_schema(quotes) if style["form"] == "schema" else None
    reply = teacher.ask(messages, style["max_tokens"], schema)
    status, answer = judged_answer(reply, style["form"], question["question"])
    return {
        "status": status,
        "video_id": transcript["video_id"],
        "slot": question["slot"],
        "question": question["question"],
        "answer": answer,
        "tags": question["tags"],
        "model": reply.model,
        "prompt_sha256": prompt_sha256(prompt),
        "finish_reason": reply.finish_reason,
        "usage": reply.usage,
    }


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
    }


def answer_questions(transcript_path, questions_path, prompt, identity, settings, style, in_flight, threads, paths):
    """Write one record a slot; `paths` are the slots' files, `in_flight` how many requests may be under way."""
    transcript = read_json(transcript_path)
    slots = [Path(path).stem for path in paths]
    questions = {item["slot"]: item for item in read_questions(questions_path, slots)["questions"]}
    records = {slot: unused_record(transcript["video_id"], slot, prompt) for slot in slots if slot not in questions}
    if questions:
        at_once = min(in_flight, len(questions))
        work = EmbeddedWork(threads, at_once, messages_about(transcript))
        with (
            teacher_for(f"answers-{transcript['video_id']}", identity, settings, work) as teacher,
            ThreadPoolExecutor(at_once) as pool,
        ):
            asked = [
                pool.submit(answer_record, teacher, transcript, questions[slot], prompt, style) for slot in questions
            ]
            try:
                records |= {record["slot"]: record for record in (request.result() for request in asked)}
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    for slot, path in zip(slots, paths, strict=True):
        write_json(path, records[slot])
    answered = sum(record["status"] == "ok" for record in records.values())
    log.info("%s: %d answers to %d questions.", transcript["title"], answered, len(questions))


if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    answer_questions(
        transcript_path=snakemake.input.transcript,
        questions_path=snakemake.input.questions,
        prompt=snakemake.input.prompt,
        identity=snakemake.params.teacher,
        settings=snakemake.config["teacher"],
        style=snakemake.params.style,
        in_flight=min(snakemake.config["teacher"]["concurrency"], snakemake.resources.llm),
        threads=snakemake.threads,
        paths=snakemake.output,
    )
