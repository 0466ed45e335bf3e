"""The requests of the two passes. All of a video open with the same words, so that a server can cache them."""

from understudy.teach.answer_schema import answer_schema
from understudy.teach.question_list import reply_schema
from understudy.teach.quotes import quotes_for
from understudy.teacher.prompts import filled_prompt, messages_about
from understudy.teacher.requests import Request


def question_request(transcript: dict, prompt: str, slots: list[str], style: dict) -> Request:
    """The request of pass 1; `style` has the configuration's openings and max_tokens."""
    messages = messages_about(transcript, filled_prompt(prompt, title=transcript["title"], count=len(slots)))
    return Request(messages, style["max_tokens"], reply_schema(len(slots), style["openings"]))


def answer_request(transcript: dict, prompt: str, question: str, style: dict) -> Request:
    """The request for one answer of pass 2; `style` has the configuration's voice, form, quote and max_tokens."""
    values = {"title": transcript["title"], "question": question, "voice": style["voice"]}
    quotes = quotes_for(question, transcript["text"]) if style["quote"] else None
    schema = answer_schema(quotes) if style["form"] == "schema" else None
    return Request(messages_about(transcript, filled_prompt(prompt, **values)), style["max_tokens"], schema)
