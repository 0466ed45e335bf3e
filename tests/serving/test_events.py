"""Streams: a sign of life while nothing comes, and an end of the work when the client goes."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from understudy.serving import events
from understudy.serving.events import COMMENT, ClientGone, event, until_gone, with_signs_of_life


def test_an_event_is_one_line_of_data_whatever_is_in_it():
    assert event({"text": "a\nb\r\n\n▸"}, "piece") == 'event: piece\ndata: {"text": "a\\nb\\r\\n\\n▸"}\n\n'
    assert event("[DONE]") == "data: [DONE]\n\n"


def test_a_silence_has_comments_and_no_event_is_lost(monkeypatch):
    monkeypatch.setattr(events, "SIGN_OF_LIFE_S", 0.01)

    async def slow() -> AsyncGenerator[str, None]:
        yield "one"
        await asyncio.sleep(0.1)
        yield "two"

    async def received() -> list[str]:
        return [text async for text in with_signs_of_life(slow())]

    said = asyncio.run(received())
    assert COMMENT in said and [text for text in said if text != COMMENT] == ["one", "two"]


def test_a_stream_that_is_left_closes_what_it_is_made_of():
    closed = []

    async def waiting() -> AsyncGenerator[str, None]:
        try:
            yield "one"
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    async def leave() -> None:
        stream = with_signs_of_life(waiting())
        assert await anext(stream) == "one"
        going_on = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        going_on.cancel()
        with pytest.raises(asyncio.CancelledError):
            await going_on

    asyncio.run(leave())
    assert closed == [True]


@pytest.mark.parametrize("goes", [True, False])
def test_work_ends_when_nobody_waits_for_it_and_else_gives_its_result(goes):
    ended = []

    async def receive() -> dict:
        if not goes:
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def work() -> str:
        try:
            await (asyncio.Event().wait() if goes else asyncio.sleep(0))
            return "done"
        finally:
            ended.append(True)

    if goes:
        with pytest.raises(ClientGone):
            asyncio.run(until_gone(receive, work()))
    else:
        assert asyncio.run(until_gone(receive, work())) == "done"
    assert ended == [True]


def test_an_error_of_the_work_comes_through():
    async def receive() -> dict:
        await asyncio.Event().wait()

    async def work() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(until_gone(receive, work()))
