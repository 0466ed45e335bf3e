"""Every request that the present configuration leads to, video by video, as far as it is known yet."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from understudy.shared.files import read_json
from understudy.teach.question_list import UnusableReply, questions_in, read_questions
from understudy.teach.requests import answer_request, question_request
from understudy.teacher.prompts import prompt_sha256
from understudy.teacher.requests import Request
from understudy.teacher.store import ResponseStore


class Prompts(NamedTuple):
    """The prompt files of the two passes."""

    questions: str
    answers: str


class VideoRequests(NamedTuple):
    """A video's requests. `answers` is None before its questions are known, `transcript` before it is fetched."""

    video: dict
    transcript: dict | None
    questions: Request | None
    answers: list[Request] | None


def requests_of_project(
    data: Path, config: dict, prompts: Prompts, slots: list[str], store: ResponseStore
) -> Iterator[VideoRequests]:
    """Yield the requests of each listed video. Questions come from its file, else from the stored reply."""
    for video in read_json(data / "videos.json"):
        path = data / "transcripts" / f"{video['video_id']}.json"
        transcript = read_json(path) if path.exists() else None
        if transcript is None or transcript["status"] != "ok":
            yield VideoRequests(video, transcript, None, None)
            continue
        asked = question_request(transcript, prompts.questions, slots, config["questions"])
        questions = known_questions(data, video["video_id"], asked, prompts.questions, slots, store)
        answers = [answer_request(transcript, prompts.answers, item, config["answers"]) for item in questions or []]
        yield VideoRequests(video, transcript, asked, None if questions is None else answers)


def known_questions(
    data: Path, video_id: str, asked: Request, prompt: str, slots: list[str], store: ResponseStore
) -> list[str] | None:
    """The wording of a video's questions, or None if they are to be asked for. Raises InputFileError for a bad file."""
    path = data / "questions" / f"{video_id}.json"
    if path.exists():
        record = read_questions(path, slots)
        if record.get("prompt_sha256") == prompt_sha256(prompt):
            return [item["question"] for item in record["questions"]]
    reply = store.reply_to(asked)
    try:
        return [item["question"] for item in questions_in(reply["text"], slots)] if reply else None
    except UnusableReply:
        return None
