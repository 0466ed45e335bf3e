"""Pass 1: the teacher model reads a whole transcript and writes the questions that it answers."""

from pathlib import Path

from understudy.shared.errors import UnderstudyError
from understudy.shared.files import write_json
from understudy.shared.log import log
from understudy.shared.run import fresh_since, stop_run
from understudy.teach.edited_questions import questions_sha256, warn_of_kept_copy
from understudy.teach.question_list import UnusableReply, questions_in, tokens_of_questions
from understudy.teach.requests import question_request
from understudy.teach.subject import questions_beside_the_talk
from understudy.teacher.client import Job, Teacher
from understudy.teacher.errors import TranscriptTooLong
from understudy.teacher.prompts import messages_about, prompt_sha256
from understudy.teacher.servers import EmbeddedWork, teacher_for
from understudy.text.transcripts import OK, voices_in


class NoQuestions(UnderstudyError):
    """The teacher gave no usable questions for a video."""


class UnclearSpeaker(UnderstudyError):
    """Two of a talk speak nearly as much, so nobody can tell which is the teacher."""


def has_teacher(transcript: dict) -> bool:
    """Whether there are words of the teacher to ask about. Raises UnclearSpeaker if that can't be told."""
    voices = voices_in(transcript)
    if voices is None:
        return transcript["status"] == OK
    video_id = transcript["video_id"]
    if voices.is_unclear:
        raise UnclearSpeaker(
            f"{video_id} ({transcript['title']}): which of its speakers is the teacher? {voices.in_words()} of the words. "
            f"Set source.speaker in config.yaml to a label or a list of its spellings, or, for this talk alone, to "
            f"{{{video_id}: LABEL}}."
        )
    if not voices.teacher:
        log.warning(
            "%s: none of its speakers is one of source.speaker, so nothing is asked: %s.", video_id, voices.in_words()
        )
    return bool(voices.teacher)


def asked_questions(teacher: Teacher, transcript: dict, prompt: str, slots: list[str], style: dict) -> dict:
    """Return model, usage and questions for a transcript; `style` has the configuration's openings and max_tokens.

    Raises NoQuestions if the reply can't be used."""
    request = question_request(transcript, prompt, slots, style, teacher.has_reply)
    reply = teacher.ask(request, lambda text: holds_questions(text, slots), tokens_of_questions(len(slots)))
    asked = {"model": reply.model, "usage": reply.usage, "response": reply.response, "questions": []}
    if reply.is_refused:
        log.warning(
            "%s: the teacher refuses to write questions: %s", transcript["video_id"], reply.refusal or "content filter"
        )
        return asked
    try:
        asked["questions"] = questions_in(reply.text, slots)
    except UnusableReply as error:
        teacher.forget(request, error.why(reply.finish_reason))
        raise NoQuestions(
            f"{transcript['video_id']}: the teacher's reply can't be used: {error} (it ended with {reply.finish_reason!r}). "
            "The next run asks again; if it was cut off, raise questions.max_tokens."
        ) from None
    if not asked["questions"]:
        log.warning("%s: the teacher finds nothing to ask about.", transcript["title"])
    origin = "from the response store" if reply.from_store else f"{reply.usage['completion_tokens']} tokens"
    log.info("%s: %d questions, %s.", transcript["title"], len(asked["questions"]), origin)
    return asked


def holds_questions(text: str, slots: list[str]) -> bool:
    """Whether a reply can be used."""
    try:
        questions_in(text, slots)
        return True
    except UnusableReply:
        return False


def check_subject(transcript: dict, questions: list[dict], prompt: str, off_topic: str, answers: Path) -> None:
    """Stop the run (RunStopped) if a talk's questions are beside its subject, so that nobody pays for answers to them; or warn,
    as `questions.off_topic` says, and always where talks are answered already, in the folder `answers`."""
    if off_topic == "ignore":
        return
    beside = questions_beside_the_talk(transcript, [item["question"] for item in questions])
    if not beside:
        return
    said = (
        f"{transcript['video_id']} ({transcript['title']}): {len(beside)} of {len(questions)} questions share no name and no "
        f'noun with the talk, such as "{beside[0]}". {prompt} tells the teacher model what to ask: take examples of another '
        "subject out of it. If the questions are as they should be: questions.off_topic: warn"
    )
    if off_topic == "warn" or any(answers.glob("*/*.json")):
        log.warning("Warning: %s", said)
        return
    raise stop_run(said)


def ask_questions(
    transcript_path, reading, prompt, identity, settings, slots, style, threads, fresh, off_topic, path
) -> None:
    """Write the question record of one transcript to `path`; a video without captions, or without words of the teacher, gets no
    questions. Raises UnclearSpeaker, before anything is asked.

    Questions there that a person changed are kept in a copy. `off_topic` as in check_subject."""
    transcript = reading.read(transcript_path)
    video_id = transcript["video_id"]
    asked = {"model": None, "usage": None, "response": None, "questions": []}
    if has_teacher(transcript):
        job = Job(f"questions-{video_id}", video_id)
        work = EmbeddedWork(threads, messages_about(transcript))
        with teacher_for(job, identity, settings, work, fresh_since("questions") if fresh else 0.0) as teacher:
            try:
                asked = asked_questions(teacher, transcript, prompt, slots, style)
            except TranscriptTooLong as error:
                # One talk blocks no data set.
                asked["reason"] = str(error)
                log.warning("%s Until then it has no questions. To ask again: understudy run -f -- %s", error, path)
        check_subject(transcript, asked["questions"], prompt, off_topic, Path(path).parents[1] / "answers")
    record = {"video_id": video_id, "title": transcript["title"], "prompt_sha256": prompt_sha256(prompt), **asked}
    warn_of_kept_copy(path)
    write_json(path, {**record, "written_sha256": questions_sha256(record["questions"])})
