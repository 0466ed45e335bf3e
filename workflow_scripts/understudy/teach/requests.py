"""The requests of the two passes. All of a video open with the same words, so that a server can cache them."""

from collections.abc import Callable

from understudy.teach.answer_schema import answer_schema
from understudy.teach.question_list import reply_schema
from understudy.teach.quotes import quotes_for
from understudy.teacher.prompts import filled_prompt, messages_about
from understudy.teacher.requests import Request
from understudy.text.transcripts import words_of_teacher


def question_request(
    transcript: dict,
    prompt: str,
    slots: list[str],
    style: dict,
    is_stored: Callable[[Request], bool] = lambda request: False,
) -> Request:
    """The request of pass 1; `style` has the configuration's openings and max_tokens.

    What an earlier version asked for, and has a stored reply, stays as it was: it was paid for."""
    messages = messages_about(transcript, filled_prompt(prompt, title=transcript["title"], count=len(slots)))
    earlier, now = (
        Request(messages, style["max_tokens"], reply_schema(len(slots), style["openings"], least)) for least in (1, 0)
    )
    return earlier if is_stored(earlier) else now


def answer_request(transcript: dict, prompt: str, question: str, style: dict) -> Request:
    """The request for one answer of pass 2; `style` has the configuration's voice, form, quote and max_tokens."""
    values = {"title": transcript["title"], "question": question, "voice": style["voice"]}
    quotes = quotes_for(question, words_of_teacher(transcript)) if style["quote"] else None
    schema = answer_schema(quotes) if style["form"] == "schema" else None
    return Request(messages_about(transcript, filled_prompt(prompt, **values)), style["max_tokens"], schema)
