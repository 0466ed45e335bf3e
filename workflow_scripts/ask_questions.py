"""Pass 1: the teacher model reads a whole transcript and writes the questions that it answers."""

from lib.errors import UnderstudyError
from lib.files import read_json, write_json
from lib.job_log import log, start_job_log
from lib.prompts import filled_prompt, prompt_sha256, transcript_frame
from lib.question_list import UnusableReply, questions_in, reply_schema
from lib.teacher import Teacher, teacher_for


class NoQuestions(UnderstudyError):
    """The teacher gave no usable questions for a video."""


def question_messages(transcript: dict, prompt: str, most: int) -> list[dict]:
    """The request of pass 1; it opens as every request of pass 2 does."""
    return [
        {"role": "system", "content": transcript_frame(transcript["title"], transcript["text"])},
        {"role": "user", "content": filled_prompt(prompt, title=transcript["title"], count=most)},
    ]


def asked_questions(teacher: Teacher, transcript: dict, prompt: str, slots: list[str], max_tokens: int) -> dict:
    """Return the question record of a transcript. Raises NoQuestions if the reply can't be used."""
    messages = question_messages(transcript, prompt, len(slots))
    reply = teacher.ask(messages, max_tokens, reply_schema(len(slots)))
    try:
        questions = questions_in(reply.text, slots)
    except UnusableReply as error:
        raise NoQuestions(
            f"{transcript['video_id']}: the teacher's reply can't be used: {error} (it ended with {reply.finish_reason!r}). "
            "Change prompts/questions.md, questions.max_tokens or teacher.revision to ask again."
        ) from None
    origin = "from the response store" if reply.from_store else f"{reply.usage['completion_tokens']} tokens"
    log.info("%s: %d questions, %s.", transcript["title"], len(questions), origin)
    return {"model": reply.model, "questions": questions}


def ask_questions(transcript_path, prompt, identity, settings, slots, max_tokens, threads, path) -> None:
    """Write the question record of one transcript to `path`; a video without captions gets no questions."""
    transcript = read_json(transcript_path)
    video_id = transcript["video_id"]
    asked = {"model": None, "questions": []}
    if transcript["status"] == "ok":
        with teacher_for(f"questions-{video_id}", identity, settings, threads) as teacher:
            asked = asked_questions(teacher, transcript, prompt, slots, max_tokens)
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
        max_tokens=snakemake.params.max_tokens,
        threads=snakemake.threads,
        path=snakemake.output.questions,
    )
