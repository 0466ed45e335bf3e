"""Pass 1: the teacher model reads a whole transcript and writes the questions that it answers."""

from lib.errors import UnderstudyError
from lib.files import read_json, write_json
from lib.job_log import log, start_job_log
from lib.prompts import filled_prompt, messages_about, prompt_sha256
from lib.question_list import UnusableReply, questions_in, reply_schema
from lib.teacher import EmbeddedWork, Teacher, teacher_for


class NoQuestions(UnderstudyError):
    """The teacher gave no usable questions for a video."""


def question_messages(transcript: dict, prompt: str, most: int) -> list[dict]:
    """The request of pass 1; it opens as every request of pass 2 does."""
    return messages_about(transcript, filled_prompt(prompt, title=transcript["title"], count=most))


def asked_questions(teacher: Teacher, transcript: dict, prompt: str, slots: list[str], style: dict) -> dict:
    """Return model and questions for a transcript; `style` has the configuration's openings and max_tokens.

    Raises NoQuestions if the reply can't be used."""
    schema = reply_schema(len(slots), style["openings"])
    messages = question_messages(transcript, prompt, len(slots))
    reply = teacher.ask(messages, style["max_tokens"], schema)
    if reply.refusal or reply.finish_reason == "content_filter":
        log.warning(
            "%s: the teacher refuses to write questions: %s", transcript["title"], reply.refusal or "content filter"
        )
        return {"model": reply.model, "questions": []}
    try:
        questions = questions_in(reply.text, slots)
    except UnusableReply as error:
        teacher.forget(messages, style["max_tokens"], schema)
        raise NoQuestions(
            f"{transcript['video_id']}: the teacher's reply can't be used: {error} (it ended with {reply.finish_reason!r}). "
            "The next run asks again; if it was cut off, raise questions.max_tokens."
        ) from None
    origin = "from the response store" if reply.from_store else f"{reply.usage['completion_tokens']} tokens"
    log.info("%s: %d questions, %s.", transcript["title"], len(questions), origin)
    return {"model": reply.model, "questions": questions}


def ask_questions(transcript_path, prompt, identity, settings, slots, style, threads, path) -> None:
    """Write the question record of one transcript to `path`; a video without captions gets no questions."""
    transcript = read_json(transcript_path)
    video_id = transcript["video_id"]
    asked = {"model": None, "questions": []}
    if transcript["status"] == "ok":
        alone = EmbeddedWork(threads, parallel=1, opening=messages_about(transcript))
        with teacher_for(f"questions-{video_id}", identity, settings, alone) as teacher:
            asked = asked_questions(teacher, transcript, prompt, slots, style)
    record = {"video_id": video_id, "title": transcript["title"], "prompt_sha256": prompt_sha256(prompt), **asked}
    write_json(path, record)


if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    ask_questions(
        transcript_path=snakemake.input.transcript,
        prompt=snakemake.input.prompt,
        identity=snakemake.params.teacher,
        settings=snakemake.config["teacher"],
        slots=snakemake.params.slots,
        style=snakemake.params.style,
        threads=snakemake.threads,
        path=snakemake.output.questions,
    )
