"""What computes: llama.cpp here, the same behind an address as anybody's engine, and servers that reply with anything."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from chat_server import ChatServer, garden, http_client
from project import understudy
from random_llama import packaged_model
from understudy.models.llama.server import ask_server, embedded_server
from understudy.serving.engine import SLOTS, Engine, EngineError, llama_engine
from understudy.shared.errors import UnderstudyError

ASKED = [{"role": "user", "content": "Count from one to a thousand."}]
QUESTION = "How long does a cabbage stalk take to rot?"


async def said(engine: Engine, **options) -> str:
    return "".join([part.text async for part in engine.answer(ASKED, options)])


def test_llama_cpp_stops_computing_when_an_answer_is_left():
    async def left(engine: Engine) -> None:
        answer = engine.answer(ASKED, {"max_tokens": 3000, "temperature": 0, "stop": ["never said"]})
        async for _ in answer:
            break
        await answer.aclose()

    def is_busy(engine: Engine) -> bool:
        slots = ask_server(f"{engine.base_url.removesuffix('/v1')}/slots", api_key=engine.key)
        return any(slot["is_processing"] for slot in slots)

    with llama_engine(packaged_model()) as (engine, _):
        asyncio.run(left(engine))
        while is_busy(engine):
            pass


def test_more_requests_than_slots_wait_in_order():
    async def all_of_them(engine: Engine) -> list[int]:
        ended = []

        async def one(number: int) -> None:
            await said(engine, max_tokens=8)
            ended.append(number)

        await asyncio.gather(*map(one, range(3 * SLOTS)))
        return ended

    with llama_engine(packaged_model()) as (engine, _):
        ended = asyncio.run(all_of_them(engine))
    assert set(ended[:SLOTS]) <= set(range(2 * SLOTS)) and sorted(ended) == list(range(3 * SLOTS))


@pytest.mark.hostile
def test_nobody_else_on_this_machine_can_ask_llama_cpp():
    with llama_engine(packaged_model()) as (engine, running):
        with pytest.raises(OSError, match="401"):
            ask_server(f"{engine.base_url.removesuffix('/v1')}/slots", {})
        with open(f"/proc/{running.process.pid}/cmdline", encoding="utf-8") as command:
            assert engine.key not in command.read()


def test_the_page_and_the_passages_stand_in_front_of_any_engine(tmp_path):
    """llama.cpp's server as somebody else's."""
    with (
        embedded_server(packaged_model(), 4096, threads=2) as url,
        ChatServer(garden(tmp_path / "garden"), "--engine", url) as server,
        http_client(server) as http,
    ):
        assert http.get("v1/models").json()["data"][0]["id"] == packaged_model().stem
        body = {"messages": [{"role": "user", "content": QUESTION}], "max_tokens": 8}
        reply = http.post("v1/chat/completions", json=body).json()
    assert reply["sources"] and "▸ From the talks:" in reply["choices"][0]["message"]["content"]


@contextmanager
def replying(status: int, *bodies: bytes, models: bytes = b'{"data": [{"id": "m"}]}') -> Iterator[tuple[str, list]]:
    """A server that replies the same to every question, or, of several bodies, one after the other; and what it was sent."""
    received: list = []
    left = list(bodies)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            self.answer(200, models)

        def do_POST(self) -> None:
            received.append((self.headers, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            self.answer(status if len(left) == len(bodies) else 200, left.pop(0) if len(left) > 1 else left[0])

        def answer(self, with_status: int, body: bytes) -> None:
            self.send_response(with_status)
            if with_status == 307:
                self.send_header("Location", "http://127.0.0.1:9/")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", received
    finally:
        server.shutdown()
        server.server_close()


def engine_at(url: str, key: str | None = None) -> Engine:
    return Engine(url, "m", key, is_ours=False)


GOOD = b"""data: {"choices": [{"delta": {"content": "Yes."}}]}

data: {"choices": [], "usage": {"total_tokens": 2}}

data: [DONE]

"""


@pytest.mark.parametrize("status", [400, 422])
def test_defaults_of_ours_that_an_engine_refuses_are_left_out_from_then_on(status):
    refusal = json.dumps(
        {"error": {"message": "Unrecognized request arguments: repeat_penalty, repeat_last_n"}}
    ).encode()
    with replying(status, refusal, GOOD) as (url, received):
        engine = engine_at(url)
        assert asyncio.run(said(engine, temperature=0.5)) == "Yes."
        assert asyncio.run(said(engine_at(url), max_completion_tokens=3)) == "Yes."
    assert received[0][1]["repeat_penalty"] == 1.1 and received[0][1]["temperature"] == 0.5
    assert "repeat_penalty" not in received[1][1] and received[1][1]["max_tokens"] == 1024
    assert "max_tokens" not in received[2][1] and engine.refused == {"repeat_penalty", "repeat_last_n"}


def test_the_key_goes_to_the_engine_and_not_where_it_sends_us():
    with replying(307, b"") as (url, received), pytest.raises(EngineError, match="refuses"):
        asyncio.run(said(engine_at(url, "secret")))
    assert [headers["Authorization"] for headers, _ in received] == ["Bearer secret"]


@pytest.mark.parametrize(
    ("status", "body", "says", "shown"),
    [
        (500, b"<html>broken</html>", "refuses: <html>broken", 502),
        (401, b'{"error": {"message": "Wrong key"}}', "Wrong key", 502),
        (429, b'{"error": "Too many"}', "Too many", 429),
        (400, b"", "gives no reason", 400),
        (200, b"data: {\n\n", "not in OpenAI's form", 502),
        (200, b"data: []\n\n", "not in OpenAI's form", 502),
        (200, b'data: {"choices": 7}\n\n', "not in OpenAI's form", 502),
        (200, b'data: {"choices": [7]}\n\n', "not in OpenAI's form", 502),
        (200, b'data: {"error": {"message": "No room"}}\n\n', "No room", 502),
    ],
)
def test_a_reply_that_is_no_answer_is_an_error(status, body, says, shown):
    with replying(status, body) as (url, _), pytest.raises(EngineError, match=says) as caught:
        asyncio.run(said(engine_at(url)))
    assert caught.value.status == shown and isinstance(caught.value, UnderstudyError)


@pytest.mark.parametrize(
    ("models", "options", "says"),
    [
        (b'{"data": [{"id": "a"}, {"id": "b"}]}', [], "it has 2 models: a, b. Name one with --engine-model"),
        (b'{"data": []}', [], "it has no model"),
        (b'{"data": [{"id": "a\\u001b[31m\\nb"}, {"id": "c"}]}', [], "it has 2 models: a[31m b, c. Name one"),
        (b"<html>", [], "is no list of models"),
        (b'{"data": 7}', [], "is no list of models"),
    ],
)
def test_an_engine_whose_model_isn_t_clear_is_named(tmp_path, models, options, says):
    with replying(200, GOOD, models=models) as (url, _):
        done = understudy("--directory", garden(tmp_path / "garden"), "serve", "--engine", url, *options)
    assert done.returncode == 1 and says in done.stderr and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://127.0.0.1:9/v1", "nothing answers there"),
        ("ftp://example.org", "is no address such as http://localhost:11434/v1"),
        ("localhost:11434", "is no address"),
    ],
)
def test_an_engine_that_isn_t_there_gets_one_clear_line(tmp_path, url, says):
    done = understudy("--directory", garden(tmp_path / "garden"), "serve", "--engine", url)
    assert done.returncode == 1 and says in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
