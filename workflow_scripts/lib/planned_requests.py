"""Every request that the present configuration leads to, video by video, as far as it is known yet."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from lib.files import read_json
from lib.question_list import UnusableReply, questions_in, read_questions
from lib.response_store import ResponseStore
from lib.teaching_requests import Request, answer_request, question_request


class Prompts(NamedTuple):
    """The prompt files of the two passes."""

    questions: str
    answers: str


class VideoRequests(NamedTuple):
    """A video's requests. `answers` is empty before its questions are known; `transcript` is None before it is fetched."""

    video: dict
    transcript: dict | None
    questions: Request | None
    answers: list[Request]


def requests_of_project(
    data: Path, config: dict, prompts: Prompts, slots: list[str], store: ResponseStore
) -> Iterator[VideoRequests]:
    """Yield the requests of each listed video. Questions come from its file, else from the stored reply."""
    for video in read_json(data / "videos.json"):
        path = data / "transcripts" / f"{video['video_id']}.json"
        transcript = read_json(path) if path.exists() else None
        if transcript is None or transcript["status"] != "ok":
            yield VideoRequests(video, transcript, None, [])
            continue
        asked = question_request(transcript, prompts.questions, slots, config["questions"])
        questions = known_questions(data, video["video_id"], asked, slots, store)
        answers = [answer_request(transcript, prompts.answers, question, config["answers"]) for question in questions]
        yield VideoRequests(video, transcript, asked, answers)


def known_questions(data: Path, video_id: str, asked: Request, slots: list[str], store: ResponseStore) -> list[str]:
    """The wording of a video's questions, as far as they are known. Raises InputFileError for a question file with a mistake."""
    path = data / "questions" / f"{video_id}.json"
    if path.exists():
        return [item["question"] for item in read_questions(path, slots)["questions"]]
    reply = store.reply_to(asked)
    try:
        return [item["question"] for item in questions_in(reply["text"], slots)] if reply else []
    except UnusableReply:
        return []
