"""Every request that the present configuration leads to, video by video, as far as it is known yet."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from understudy.shared.files import read_json
from understudy.teach.answers import judged_answer
from understudy.teach.grounded import grounding_request, placed_answers
from understudy.teach.question_list import UnusableReply, questions_in, read_questions
from understudy.teach.reader import reading_request
from understudy.teach.requests import answer_request, question_request
from understudy.teach.reworded import drawn_questions, naive_fraction, rewording_request
from understudy.teacher.client import Reply
from understudy.teacher.prompts import prompt_file, prompt_sha256
from understudy.teacher.requests import Request
from understudy.teacher.store import ResponseStore
from understudy.text.transcripts import OK, Reading, voices_in

# The passes after the first, in their order.
LATER_PASSES = ("answers", "reworded", "grounded", "reader")


class Prompts(NamedTuple):
    """The prompt files of all passes."""

    questions: str
    answers: str
    reworded: str
    grounded: str
    reader: str


def prompts_of_project() -> Prompts:
    """The prompt file of each pass, for the project in the working directory. Raises PromptError."""
    return Prompts(*(prompt_file(f"{name}.md") for name in Prompts._fields))


class VideoRequests(NamedTuple):
    """A video's requests. Those after `questions` are None before it is known what they are about, `transcript` before it is
    fetched; what is off has none."""

    video: dict
    transcript: dict | None
    questions: Request | None = None
    answers: list[Request] | None = None
    reworded: list[Request] | None = None
    grounded: list[Request] | None = None
    reader: list[Request] | None = None

    @property
    def is_known(self) -> bool:
        """Whether these are all requests of the video."""
        if self.transcript is None or self.questions is None:
            return self.transcript is not None
        return None not in (self.answers, self.reworded, self.grounded, self.reader)

    def all(self) -> list[Request]:
        """The requests as far as they are known."""
        known = [self.questions] if self.questions else []
        return known + [request for name in LATER_PASSES for request in getattr(self, name) or []]


def requests_of_project(
    data: Path, config: dict, prompts: Prompts, slots: list[str], store: ResponseStore
) -> Iterator[VideoRequests]:
    """Yield the requests of each listed video. What they are about comes from its files, else from the stored replies."""
    reading = Reading.of_project(config["source"]["speaker"])
    for video in read_json(data / "videos.json"):
        path = data / "transcripts" / f"{video['video_id']}.json"
        transcript = reading.read(path) if path.exists() else None
        if transcript is None or not can_be_asked_about(transcript):
            yield VideoRequests(video, transcript)
            continue
        asked = question_request(transcript, prompts.questions, slots, config["questions"], store.has)
        questions = known_questions(data, video["video_id"], asked, prompts.questions, slots, store)
        if questions is None:
            yield VideoRequests(video, transcript, asked)
            continue
        answers = {
            item["slot"]: answer_request(transcript, prompts.answers, item["question"], config["answers"])
            for item in questions
        }
        rewrites, is_read_again = config["grounding"]["rewrite"], config["dataset"]["second_reader"]
        pairs = None
        if rewrites or is_read_again:
            pairs = known_pairs(data, transcript, questions, answers, config, prompts.answers, store)
        yield VideoRequests(
            video,
            transcript,
            asked,
            list(answers.values()),
            rewordings_to_ask(questions, config, prompts.reworded),
            answers_to_ground(transcript, pairs, config, prompts.grounded) if rewrites else [],
            pairs_to_read(pairs, prompts.reader) if is_read_again else [],
        )


def can_be_asked_about(transcript: dict) -> bool:
    """Whether a talk has words of a teacher who is known."""
    voices = voices_in(transcript)
    return transcript["status"] == OK if voices is None else bool(voices.teacher)


def known_questions(
    data: Path, video_id: str, asked: Request, prompt: str, slots: list[str], store: ResponseStore
) -> list[dict] | None:
    """A video's questions with their slots, or None if they are to be asked for. Raises InputFileError for a bad file."""
    path = data / "questions" / f"{video_id}.json"
    if path.exists():
        record = read_questions(path, slots)
        if record.get("prompt_sha256") == prompt_sha256(prompt):
            return record["questions"]
    reply = store.reply_to(asked)
    try:
        return questions_in(reply["text"], slots) if reply else None
    except UnusableReply:
        return None


def rewordings_to_ask(questions: list[dict], config: dict, prompt: str) -> list[Request]:
    """The request for a video's rewordings, if any of its questions is drawn."""
    drawn = drawn_questions(questions, naive_fraction(config))
    return [rewording_request(drawn, prompt, config["questions"]["max_tokens"])] if drawn else []


def answers_to_ground(transcript: dict, pairs: list[dict] | None, config: dict, prompt: str) -> list[Request] | None:
    """The requests for those of a video's answers that their places don't hold, or None as long as an answer isn't known."""
    if pairs is None:
        return None
    placed = placed_answers(transcript, pairs, config["grounding"]["passage_words"])
    return [grounding_request(each, prompt, config["answers"]) for each in placed if each.is_to_be_rewritten]


def pairs_to_read(pairs: list[dict] | None, prompt: str) -> list[Request] | None:
    """The second reader's request about a video's pairs, or None as long as an answer isn't known."""
    return pairs and [reading_request(pairs, prompt)]


def known_pairs(
    data: Path,
    transcript: dict,
    questions: list[dict],
    requests: dict[str, Request],
    config: dict,
    prompt: str,
    store: ResponseStore,
) -> list[dict] | None:
    """A video's questions with their answers, where there is a whole one; None as long as one isn't known."""
    pairs = []
    for item in questions:
        known = known_answer(data, transcript["video_id"], item, requests[item["slot"]], config, prompt, store)
        if known is None:
            return None
        status, answer = known
        pairs += [{**item, "answer": answer}] if status == "ok" else []
    return pairs


def known_answer(
    data: Path, video_id: str, item: dict, asked: Request, config: dict, prompt: str, store: ResponseStore
) -> tuple[str, str] | None:
    """Status and answer of a slot, or None if it is to be asked for."""
    path = data / "answers" / video_id / f"{item['slot']}.json"
    record = read_json(path) if path.exists() else {}
    if (record.get("question"), record.get("prompt_sha256")) == (item["question"], prompt_sha256(prompt)):
        return record["status"], record["answer"]
    replies = [store.reply_to(request) for request in (asked.for_a_longer_reply(), asked)]
    reply = next(filter(None, replies), None)
    if reply is None:
        return None
    whole = Reply(**reply, response="", from_store=True)
    return judged_answer(whole, config["answers"]["form"], item["question"])
