"""OpenAI's protocol: /v1/models and /v1/chat/completions, whole and as a stream. What else a client sends along is ignored.

Many clients show nothing but the text, so the sources stand under the answer, too, in lines that the model can't write: their
sign is taken out of all that it says. Before the model gets a conversation again, these lines are cut off."""

import secrets
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from understudy.passages.cutting import plain_line
from understudy.passages.gate import NOT_COVERED
from understudy.serving.answers import Ended, Event, Piece, Sentences, Sources, source_records
from understudy.serving.engine import EngineError
from understudy.serving.events import ClientGone, EventStream, event, until_gone
from understudy.serving.guard import error_body
from understudy.serving.requests import json_object
from understudy.serving.state import State
from understudy.shared.errors import UnderstudyError
from understudy.shared.safe_markdown import as_markdown, as_own_markdown

# Begins the lines under an answer. Who writes it without being the program gets the other sign.
SIGN, OTHER_SIGN = "▸", ">"
# What Open WebUI asks for titles, tags and follow-up questions begins with.
TASK = "### Task:"
ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
LONGEST_MESSAGE = 1_000_000
MOST_MESSAGES = 10_000
# What a request may say of how it is answered: the smallest and the largest number.
NUMBERS = {
    "temperature": (0, 10),
    "top_p": (0, 1),
    "min_p": (0, 1),
    "frequency_penalty": (-2, 2),
    "presence_penalty": (-2, 2),
    "repeat_penalty": (0.01, 10),
}
WHOLE_NUMBERS = {
    "max_tokens": (1, 1_000_000),
    "max_completion_tokens": (1, 1_000_000),
    "top_k": (0, 1_000_000),
    "repeat_last_n": (-1, 1_000_000),
    "seed": (-(2**63), 2**63 - 1),
}
MOST_STOPS = 16


class BadRequest(UnderstudyError):
    """The request can't be answered; `param` names what is wrong in it."""

    def __init__(self, message: str, param: str):
        super().__init__(message)
        self.param = param


@dataclass(frozen=True)
class Asked:
    """A request as it was understood: messages with text alone, the last one first of all; and its own sampling."""

    messages: list[dict[str, str]]
    options: dict[str, Any]
    streams: bool
    with_usage: bool
    model: str

    @property
    def question(self) -> str:
        return self.messages[-1]["content"]

    @property
    def is_for_the_model_alone(self) -> bool:
        """Title generation and the like, an answer to be gone on with, or a reply in a form of the client's."""
        return (
            self.question.lstrip().startswith(TASK)
            or self.messages[-1]["role"] != "user"
            or "response_format" in self.options
        )


async def models(request: Request) -> JSONResponse:
    """The one model."""
    return JSONResponse({"object": "list", "data": [model_record(request.app.state.serving)]})


async def model(request: Request) -> Response:
    """The model by its name."""
    state: State = request.app.state.serving
    if request.path_params["id"] != state.model:
        return error(404, f"There is no model {request.path_params['id']!r} here.", "model_not_found")
    return JSONResponse(model_record(state))


def model_record(state: State) -> dict[str, Any]:
    return {"id": state.model, "object": "model", "created": state.started, "owned_by": "understudy"}


async def chat_completions(request: Request) -> Response | EventStream:
    """Answer the last question of a conversation."""
    state: State = request.app.state.serving
    try:
        asked = asked_in(await json_object(request), state.model)
    except BadRequest as bad:
        return error(400, str(bad), param=bad.param)
    if asked.streams:
        return EventStream(streamed(state, asked))
    try:
        return JSONResponse(await until_gone(request.receive, whole(state, asked)))
    except ClientGone:
        return Response(status_code=499)
    except UnderstudyError as fault:
        return error(*status_and_code(fault))


def status_and_code(fault: UnderstudyError) -> tuple[int, str, str | None]:
    if isinstance(fault, EngineError):
        return fault.status, str(fault), fault.code
    return 500, str(fault), None


def error(status: int, says: str, code: str | None = None, param: str | None = None) -> Response:
    return Response(error_body("/v1", status, says, code, param), status, media_type="application/json")


async def whole(state: State, asked: Asked) -> dict[str, Any]:
    """The answer in one piece."""
    answer = Answered()
    async with aclosing(events_of(state, asked)) as events:
        pieces = [answer.take(one) async for one in events]
    message = {"role": "assistant", "content": "".join(pieces) + answer.below(state, asked)}
    choice = {"index": 0, "message": message, "finish_reason": answer.finish_reason, "logprobs": None}
    usage = answer.usage or {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    return {**head(asked, "chat.completion"), "choices": [choice], "usage": usage, **answer.fields()}


async def streamed(state: State, asked: Asked) -> AsyncGenerator[str, None]:
    """The answer in pieces; the first has the sources, the last the sentences."""
    same, answer = head(asked, "chat.completion.chunk"), Answered()

    def chunk(delta: dict, reason: str | None = None, **fields: Any) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}
        return event({**same, "choices": [choice], **fields})

    try:
        async with aclosing(events_of(state, asked)) as events:
            async for one in events:
                new = answer.take(one)
                if isinstance(one, Sources):
                    yield chunk({"role": "assistant", "content": ""}, **answer.fields())
                elif new:
                    yield chunk({"content": new})
    except UnderstudyError as fault:
        yield event(error_body("/v1", *status_and_code(fault)).decode())
        return
    if below := answer.below(state, asked):
        yield chunk({"content": below})
    yield chunk({}, answer.finish_reason, **answer.fields())
    if asked.with_usage and answer.usage:
        yield event({**same, "choices": [], "usage": answer.usage})
    yield event("[DONE]")


def head(asked: Asked, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{secrets.token_hex(12)}",
        "object": kind,
        "created": int(time.time()),
        "model": asked.model,
    }


async def events_of(state: State, asked: Asked) -> AsyncGenerator[Event, None]:
    """The events of an answer from the talks, or from the model alone."""
    if asked.is_for_the_model_alone:
        yield Sources(None, ())
        events = state.answers.alone(asked.messages, asked.options)
    else:
        events = state.answers.events(asked.question, asked.messages[:-1], asked.options)
    async with aclosing(events):
        async for one in events:
            yield one


@dataclass
class Answered:
    """What belongs to an answer beside its text."""

    sources: Sources = field(default_factory=lambda: Sources(None, ()))
    sentences: list[dict] = field(default_factory=list)
    finish_reason: str = "stop"
    usage: dict | None = None

    def take(self, one: Event) -> str:
        """Note an event; return what it adds to the text."""
        match one:
            case Sources():
                self.sources = one
            case Piece():
                return one.text.replace(SIGN, OTHER_SIGN)
            case Sentences():
                self.sentences = [sentence.as_record() for sentence in one.sentences]
            case Ended():
                self.finish_reason, self.usage = one.finish_reason, one.usage
        return ""

    def fields(self) -> dict[str, Any]:
        """What clients that know us read: `sources`, `decision`, `sentences`."""
        return {
            "sources": source_records(self.sources.passages),
            "decision": self.sources.decision,
            "sentences": self.sentences,
        }

    def below(self, state: State, asked: Asked) -> str:
        """The lines under the answer: sources, how many sentences have a place, the notice, and at first what was measured."""
        if asked.is_for_the_model_alone:
            return ""
        talks, lines = state.answers.talks.talks, []
        if self.sources.passages:
            nearest = self.sources.decision == NOT_COVERED and self.sources.before_nearest
            lines.append(f"{SIGN} {nearest or 'From the talks:'}")
            lines += ["", *map(source_line, source_records(self.sources.passages)), ""]
        if summary := summary_of(self.sentences):
            lines += [f"{SIGN} {summary}", ""]
        if talks.notice:
            lines += [f"{SIGN} {as_own_markdown(plain_line(talks.notice))}", ""]
        if talks.measured and self.sentences and len(asked.messages) < 3:
            lines += [f"{SIGN} {as_markdown(talks.measured)}", ""]
        return "\n\n" + "\n".join(lines).rstrip() if lines else ""


def source_line(source: dict[str, Any]) -> str:
    """A source as Markdown. Titles and file names are a stranger's: they are shown and do nothing."""
    link = source["href"] or as_markdown(source["link"])
    return f"{source['number']}. {as_markdown(source['heading'])}  {link}".replace(SIGN, OTHER_SIGN)


def summary_of(sentences: Sequence[dict]) -> str | None:
    """How many sentences have a place, and what these places don't have."""
    claims = [sentence for sentence in sentences if sentence["claims"]]
    if not claims:
        return None
    placed = sum(sentence["place"] is not None for sentence in claims)
    marks = dict.fromkeys(plain_line(mark["text"]) for sentence in claims for mark in sentence["marks"])
    not_there = f"; not there: {as_markdown(', '.join(marks))}" if marks else ""
    return f"{placed} of {len(claims)} sentences have a nearest place in the talks, which proves nothing{not_there}."


def asked_in(body: dict[str, Any], model: str) -> Asked:
    """Read a request. Raises BadRequest."""
    given = body.get("messages")
    if not isinstance(given, list) or not given or len(given) > MOST_MESSAGES:
        raise BadRequest(f"messages is no list of 1 to {MOST_MESSAGES} messages.", "messages")
    messages = [message for number, one in enumerate(given) if (message := message_in(one, f"messages[{number}]"))]
    if not messages or not messages[-1]["content"].strip():
        raise BadRequest("The last message has no text.", "messages")
    if body.get("n") not in (None, 1):
        raise BadRequest("n is not 1: there is one answer to a question.", "n")
    usage = body.get("stream_options")
    return Asked(
        messages,
        options_in(body),
        body.get("stream") is True,
        isinstance(usage, dict) and usage.get("include_usage") is True,
        model,
    )


def message_in(given: Any, name: str) -> dict[str, str] | None:
    """A message as role and text, without what stood under an answer; None for one of a tool. Raises BadRequest."""
    if not isinstance(given, dict) or not isinstance(given.get("role"), str):
        raise BadRequest(f"{name} is no message with a role.", name)
    if given["role"] in ("tool", "function"):
        return None
    if given["role"] not in ROLES:
        raise BadRequest(f"{name}.role is none of {', '.join(ROLES)}.", f"{name}.role")
    role, text = ROLES[given["role"]], text_in(given.get("content"), f"{name}.content")
    if len(text) > LONGEST_MESSAGE:
        raise BadRequest(f"{name}.content is longer than {LONGEST_MESSAGE} characters.", f"{name}.content")
    return {"role": role, "content": without_lines_below(text) if role == "assistant" else text}


def text_in(content: Any, name: str) -> str:
    """The text of a message: a string, or parts of type text. Raises BadRequest for pictures and the like."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else [None]
    if not all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in parts):
        raise BadRequest(f"{name} is no text; pictures and sound can't be read.", name)
    return "\n".join(part["text"] for part in parts)


def without_lines_below(answer: str) -> str:
    """An answer of ours without the lines that stand under it: the first line with their sign, and all behind it."""
    return answer.partition(f"\n\n{SIGN} ")[0]


def options_in(body: dict[str, Any]) -> dict[str, Any]:
    """The request's own sampling. A null is as good as nothing. Raises BadRequest."""
    options: dict[str, Any] = {}
    for name, (smallest, largest) in (NUMBERS | WHOLE_NUMBERS).items():
        value = body.get(name)
        if value is None:
            continue
        kinds = (int,) if name in WHOLE_NUMBERS else (int, float)
        is_number = isinstance(value, kinds) and not isinstance(value, bool)
        if not is_number or not smallest <= value <= largest:
            raise BadRequest(f"{name} is no number from {smallest} to {largest}.", name)
        options[name] = value
    stops = [body["stop"]] if isinstance(body.get("stop"), str) else body.get("stop")
    if stops:
        if not isinstance(stops, list) or len(stops) > MOST_STOPS or not all(isinstance(one, str) for one in stops):
            raise BadRequest(f"stop is no list of up to {MOST_STOPS} texts.", "stop")
        options["stop"] = stops
    form = body.get("response_format")
    if isinstance(form, dict) and form.get("type") not in (None, "text"):
        options["response_format"] = form
    return options


ROUTES = [
    Route("/models", models),
    Route("/models/{id:path}", model),
    Route("/chat/completions", chat_completions, methods=["POST"]),
]
