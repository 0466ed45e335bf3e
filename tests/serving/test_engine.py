"""What computes: llama.cpp here, the same behind an address as anybody's engine, and servers that reply with anything."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from chat_server import ChatServer, garden, http_client
from project import understudy
from random_llama import packaged_model
from understudy.models.llama.server import ask_server, embedded_server
from understudy.serving.engine import LONGEST_TOKEN, SLOTS, Engine, EngineError, llama_engine
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
            # Who has read enough goes.
            with suppress(ConnectionError):
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


def stream(*choices: dict | str, done: bool = True) -> bytes:
    """A stream of these chunks; a choice stands for one."""
    chunks = [one if isinstance(one, str) else json.dumps({"choices": [one]}) for one in choices]
    return "".join(f"data: {one}\n\n" for one in [*chunks, *["[DONE]"] * done]).encode()


def whole(content: object, **fields: object) -> bytes:
    """A reply in one piece."""
    return json.dumps(
        {"choices": [{"message": {"role": "assistant", "content": content}}], **fields}, indent=1
    ).encode()


def piece(content: object, reason: object = None) -> dict:
    return {"delta": {"content": content}, "finish_reason": reason}


@pytest.mark.hostile
@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"<html><form>Log in</form></html>", "not in OpenAI's form"),
        (b"", "not in OpenAI's form"),
        (b": waiting\n\n" * 3, "not in OpenAI's form"),
        (stream(), "not in OpenAI's form"),
        (stream("{}"), "not in OpenAI's form"),
        (stream('{"response": "Yes."}'), "not in OpenAI's form"),
        (b'{"response": "Yes."}', "not in OpenAI's form"),
        (whole(["Yes."]), "not in OpenAI's form"),
        (whole({"text": "Yes."}), "not in OpenAI's form"),
        (b'{"choices": [{"message": "Yes."}]}', "not in OpenAI's form"),
        (b'{"choices": [{"text": "Yes."}]}', "not in OpenAI's form"),
        (stream(piece(["Yes."])), "not in OpenAI's form"),
        (stream(piece(7)), "not in OpenAI's form"),
        (stream({"delta": "Yes."}), "not in OpenAI's form"),
        (stream(piece("Yes.", {"a": 1})), "not in OpenAI's form"),
        (stream("[" * 100_000), "not in OpenAI's form"),
        (stream(piece("Yes."), done=False), "breaks off"),
        (stream(piece("Yes."), done=False) + b'data: {"choices": [{"de', "not in OpenAI's form"),
        (b'{"error": {"message": "No room"}}', "No room"),
        (whole("Yes.")[:-9], "not in OpenAI's form"),
    ],
)
def test_no_answer_and_half_of_one_are_errors(body, says):
    with replying(200, body) as (url, _), pytest.raises(EngineError, match=says) as caught:
        asyncio.run(said(engine_at(url)))
    assert caught.value.status == 502


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (whole("Yes."), "Yes."),
        (whole(None), ""),
        (stream(piece("Yes."), piece(None, "stop"), done=False), "Yes."),
        (stream(piece("Yes."), '{"choices": [], "error": null}', done=True), "Yes."),
        (stream(piece("", ""), piece("Yes.")).replace(b"\n", b"\r\n"), "Yes."),
        (stream(piece("Yes\u2028\ud800.")), "Yes\u2028\ufffd."),
        (stream({"delta": {"content": None, "reasoning_content": {"a": 1}}}, piece("Yes.", "stop")), "Yes."),
    ],
)
def test_a_whole_answer_is_read_however_it_comes(body, answer):
    with replying(200, body) as (url, _):
        assert asyncio.run(said(engine_at(url))) == answer


async def end_of(engine: Engine, **options) -> tuple[str, str | None, dict | None]:
    parts = [part async for part in engine.answer(ASKED, options)]
    reasons, usages = ([getattr(part, name) for part in parts] for name in ("finish_reason", "usage"))
    last = [next(filter(None, reversed(values)), None) for values in (reasons, usages)]
    return "".join(part.text for part in parts), *last


@pytest.mark.hostile
def test_half_an_answer_is_an_error_for_programs_and_on_the_page(tmp_path):
    with (
        replying(200, stream(piece("Two years."), done=False)) as (url, _),
        ChatServer(garden(tmp_path / "garden"), "--engine", url) as server,
        http_client(server) as http,
    ):
        body = {"messages": [{"role": "user", "content": QUESTION}]}
        reply = http.post("v1/chat/completions", json=body)
        assert reply.status_code == 502 and "breaks off" in reply.json()["error"]["message"]
        streamed = http.post("v1/chat/completions", json=body | {"stream": True}).text
        assert "breaks off" in streamed and "[DONE]" not in streamed
        page = {"X-Understudy": "page"}
        name = http.post("api/conversations", json={}, headers=page).json()["id"]
        asked = {"question": QUESTION, "keep": 0, "version": 1}
        shown = http.post(f"api/conversations/{name}/turns", json=asked, headers=page).text
        assert "event: error" in shown and "breaks off" in shown
        (turn,) = http.get(f"api/conversations/{name}").json()["turns"]
    assert (turn["answer"], turn["finish_reason"]) == ("Two years.", "stopped")


COUNTS = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 2}


@pytest.mark.hostile
@pytest.mark.parametrize(
    ("usage", "read"),
    [
        ('{"total_tokens": 2, "cost": 1}', COUNTS),
        ('{"total_tokens": 2, "prompt_tokens": NaN, "completion_tokens": -1}', COUNTS),
        ('{"total_tokens": 2, "prompt_tokens": ' + "9" * 4000 + "}", COUNTS),
        ('{"total_tokens": 2, "prompt_tokens": true}', COUNTS),
        ('{"total_tokens": ' + "[" * 50 + "]" * 50 + "}", None),
        ("[1]", None),
    ],
)
def test_of_what_an_answer_took_only_numbers_are_read(usage, read):
    body = stream(piece("Yes.", "stop"), f'{{"choices": [], "usage": {usage}}}')
    with replying(200, body) as (url, _):
        assert asyncio.run(end_of(engine_at(url))) == ("Yes.", "stop", read)


@pytest.mark.hostile
@pytest.mark.parametrize(
    ("reason", "read"), [("stop", "stop"), ("length", "length"), ("eos <script>", "stop"), ("x" * 9999, "stop")]
)
def test_why_an_answer_ended_is_one_of_two_words(reason, read):
    with replying(200, stream(piece("Yes.", reason))) as (url, _):
        assert asyncio.run(end_of(engine_at(url))) == ("Yes.", read, None)


@pytest.mark.hostile
@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (200, stream(piece("x" * 10_000_000, "stop")), "longer than"),
        (200, b"data: " + b"x" * 10_000_000, "longer than"),
        (200, b"x" * 10_000_000, "longer than"),
        (200, b"<p>\n" * 2_000_000, "longer than"),
        (200, b": x\n\n" * 2_000_000, "doesn't end"),
        (200, stream(*[{"delta": {}}] * 200_000), "doesn't end"),
        (500, b"x" * 50_000_000, "refuses: x"),
    ],
)
def test_a_reply_without_end_is_left(status, body, says):
    with replying(status, body) as (url, _), pytest.raises(EngineError, match=says):
        asyncio.run(said(engine_at(url)))


@pytest.mark.hostile
def test_an_answer_that_is_longer_than_was_asked_for_is_cut():
    long = stream(*[piece("word " * 10_000)] * 9, piece("", "stop"))
    with replying(200, long) as (url, _):
        text, reason, _ = asyncio.run(end_of(engine_at(url), max_tokens=100))
        assert (len(text), reason) == (100 * LONGEST_TOKEN, "length")
        text, reason, _ = asyncio.run(end_of(engine_at(url), max_completion_tokens=100_000))
        assert (len(text), reason) == (450_000, "stop")


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
