"""Streams of events to a client, which end when the client goes."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing, suppress
from typing import Any, TypeVar

from starlette.types import Receive, Scope, Send

Result = TypeVar("Result")

# Seconds after which a client that waits for its turn gets a comment, so that no proxy on the way takes it for dead.
SIGN_OF_LIFE_S = 15
COMMENT = ": waiting\n\n"
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    # nginx would keep the pieces back.
    (b"x-accel-buffering", b"no"),
]


def event(data: Any, name: str | None = None) -> str:
    """One event with JSON data; JSON has no line ends."""
    line = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    return (f"event: {name}\n" if name else "") + f"data: {line}\n\n"


class ClientGone(Exception):
    """Nobody waits for the answer any more."""


async def until_gone(receive: Receive, work: Awaitable[Result]) -> Result:
    """Wait for `work`, which is cancelled when the client closes its connection; then raise ClientGone."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientGone
        return working.result()
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class EventStream:
    """An ASGI response of events as a generator gives them. The generator is closed when the client goes."""

    def __init__(self, events: AsyncGenerator[str, None]):
        self.events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(ClientGone):
            await until_gone(receive, self._send(send))

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        async with aclosing(with_signs_of_life(self.events)) as events:
            async for text in events:
                await send({"type": "http.response.body", "body": text.encode("utf-8", "replace"), "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def with_signs_of_life(events: AsyncGenerator[str, None]) -> AsyncGenerator[str, None]:
    """The events, and a comment after each silence of SIGN_OF_LIFE_S."""
    async with aclosing(events):
        waiting: asyncio.Future | None = None
        try:
            while True:
                waiting = waiting or asyncio.ensure_future(anext(events, None))
                done, _ = await asyncio.wait({waiting}, timeout=SIGN_OF_LIFE_S)
                if not done:
                    yield COMMENT
                    continue
                text, waiting = waiting.result(), None
                if text is None:
                    return
                yield text
        finally:
            if waiting is not None:
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)
