"""What the page asks for: /api/... The page is the only client: a change wants its header."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from understudy.serving.answers import BASE, Ended, Piece, Sentences, Sources, source_records
from understudy.serving.events import EventStream, event
from understudy.serving.foreign_json import whole
from understudy.serving.kept.conversations import CHANGED, now
from understudy.serving.kept.flags import FLAGS, add_flag
from understudy.serving.requests import json_object, text_of, whole_number_of
from understudy.serving.state import State
from understudy.shared.errors import UnderstudyError

LONGEST_QUESTION, LONGEST_NOTE = 20_000, 5_000
HEADER, VALUE = "x-understudy", "page"
STOPPED = "stopped"


async def project(request: Request) -> JSONResponse:
    """What the page shows of the project."""
    state: State = request.app.state.serving
    talks, served = state.answers.talks.talks, state.served
    shown = {
        "name": served.name,
        "model": state.model,
        "voice": served.voice,
        "notice": talks.notice,
        "strict": talks.strict,
        "measured": talks.measured,
        "examples": list(served.examples),
        "sources": talks.search is not None,
        "gate": talks.gate is not None,
        "compare": state.bases.has_one,
        "flags": served.data is not None,
    }
    return JSONResponse(whole(shown))


async def conversations(request: Request) -> JSONResponse:
    """GET: the list; POST: a new one; DELETE: all of them."""
    state: State = request.app.state.serving
    if request.method == "POST":
        await changing(request)
        made = await asyncio.to_thread(state.conversations.new)
        return JSONResponse({"id": made["id"], "version": made["version"]})
    if request.method == "DELETE":
        await changing(request)
        await asyncio.to_thread(state.conversations.delete_all)
        return JSONResponse({})
    return JSONResponse({"conversations": await asyncio.to_thread(state.conversations.listed)})


async def conversation(request: Request) -> JSONResponse:
    """GET: one with its turns, and whether an answer to it is being written; DELETE: nothing is left of it."""
    state: State = request.app.state.serving
    name = request.path_params["id"]
    if request.method == "DELETE":
        await changing(request)
        await asyncio.to_thread(state.conversations.delete, name)
        return JSONResponse({})
    # Before it is read: whoever hears that nothing is being written gets all that was.
    is_answered = name in state.answering
    record = await asyncio.to_thread(state.conversations.read, name)
    shown = {key: record[key] for key in ("id", "title", "version", "turns")}
    return JSONResponse({**shown, "answering": is_answered})


async def turns(request: Request) -> EventStream:
    """Answer a question in a conversation, as events."""
    state: State = request.app.state.serving
    body = await changing(request)
    name, question = request.path_params["id"], text_of(body, "question", LONGEST_QUESTION).strip()
    keep, version = whole_number_of(body, "keep"), whole_number_of(body, "version")
    if not question:
        raise HTTPException(400, "There is no question.")
    is_answered = name in state.answering
    record = await asyncio.to_thread(state.conversations.read, name)
    if record["version"] != version or is_answered:
        raise HTTPException(409, CHANGED)
    if keep > len(record["turns"]):
        raise HTTPException(400, f"keep is {keep}, but there are {len(record['turns'])} turns.")
    compares = body.get("compare") is True and state.bases.has_one
    return EventStream(answered(state, record, keep, question, compares))


async def answered(state: State, record: dict, keep: int, question: str, compares: bool) -> AsyncGenerator[str, None]:
    """The events of a turn. What there is of it is stored at its end, also when the client leaves before."""
    name, turn = record["id"], new_turn(question)
    if name in state.answering:
        yield event({"error": CHANGED}, "error")
        return
    state.answering.add(name)
    failed, is_whole = None, False
    try:
        base = await state.bases.engine() if compares else None
        turn["base"] = "" if base else None
        async with aclosing(state.answers.events(question, messages_of(record["turns"][:keep]), {}, base)) as events:
            async for one in events:
                if (text := noted(turn, one)) is not None:
                    yield text
        is_whole = True
    except UnderstudyError as error:
        failed = error
    finally:
        state.answering.discard(name)
        turn["finish_reason"] = turn["finish_reason"] or STOPPED
        if not is_whole and (failed is None or turn["answer"]):
            # It was stopped. Whoever stopped it needn't hear that the conversation was deleted meanwhile.
            with contextlib.suppress(UnderstudyError):
                state.conversations.add_turn(name, record["version"], keep, turn)
    try:
        if failed is not None:
            raise failed
        stored = state.conversations.add_turn(name, record["version"], keep, turn)
    except UnderstudyError as error:
        yield event({"error": str(error)}, "error")
        return
    yield event({"turn": turn, "version": stored["version"]}, "end")


def new_turn(question: str) -> dict[str, Any]:
    """A turn without an answer."""
    return {
        "question": question,
        "answer": "",
        "base": None,
        "finish_reason": None,
        "decision": None,
        "sources": [],
        "sentences": [],
        "flagged": False,
        "asked": now(),
    }


def noted(turn: dict[str, Any], one: Sources | Piece | Sentences | Ended) -> str | None:
    """Write an event into the turn; return it as the page gets it, None for one that it doesn't get."""
    match one:
        case Sources():
            turn |= {"decision": one.decision, "sources": source_records(one.passages)}
            return event({"sources": turn["sources"], "decision": one.decision}, "sources")
        case Piece():
            turn["base" if one.who == BASE else "answer"] += one.text
            return event({"text": one.text, "who": one.who}, "piece")
        case Sentences():
            turn["sentences"] = [sentence.as_record() for sentence in one.sentences]
            return event({"sentences": turn["sentences"]}, "sentences")
        case Ended():
            turn["finish_reason"] = one.finish_reason
    return None


def messages_of(turns: list[dict[str, Any]]) -> list[dict[str, str]]:
    """The conversation so far, as the model gets it: without passages, and turns stopped before a first word."""
    return [
        {"role": role, "content": turn[part]}
        for turn in turns
        if turn["answer"]
        for role, part in (("user", "question"), ("assistant", "answer"))
    ]


async def flags(request: Request) -> JSONResponse:
    """Write question, answer and passages of a turn into data/flags.csv."""
    state: State = request.app.state.serving
    body = await changing(request)
    if state.served.data is None:
        raise HTTPException(404, "The model lies in no project, so there is no place for flags.")
    number = whole_number_of(body, "turn")
    note = text_of(body, "note", LONGEST_NOTE, default="")
    name = text_of(body, "conversation", LONGEST_NOTE)
    turn = await asyncio.to_thread(state.conversations.turn, name, number)
    passages = [{key: source[key] for key in ("heading", "link", "text")} for source in turn["sources"]]
    await asyncio.to_thread(
        add_flag,
        state.served.data / FLAGS,
        when=now(),
        conversation=name,
        turn=number,
        question=turn["question"],
        answer=turn["answer"],
        passages=passages,
        note=note,
    )
    # After the line is there.
    await asyncio.to_thread(state.conversations.flag, name, number)
    return JSONResponse({})


async def changing(request: Request) -> dict[str, Any]:
    """The body of a request that changes something. Raises HTTPException unless our page has sent it: no form and no other site
    can set these headers."""
    if request.headers.get(HEADER) != VALUE:
        raise HTTPException(403, f"The header {HEADER}: {VALUE} is missing.")
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise HTTPException(415, "The content type is not application/json.")
    if request.method == "DELETE":
        return {}
    return await json_object(request)


ROUTES = [
    Route("/project", project),
    Route("/conversations", conversations, methods=["GET", "POST", "DELETE"]),
    Route("/conversations/{id}", conversation, methods=["GET", "DELETE"]),
    Route("/conversations/{id}/turns", turns, methods=["POST"]),
    Route("/flags", flags, methods=["POST"]),
]
