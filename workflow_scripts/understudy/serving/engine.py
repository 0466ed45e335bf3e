"""What computes answers: llama.cpp with a GGUF file, in a process of its own that only this one can ask, or any server that
speaks OpenAI's protocol."""

import asyncio
import math
import re
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from understudy.models.llama.server import RunningServer, ask_server, running_server
from understudy.models.requests import REPEAT_LAST_N
from understudy.passages.cutting import plain_line
from understudy.serving.foreign_json import read_foreign
from understudy.shared.errors import UnderstudyError
from understudy.shared.hosts import is_loopback_host
from understudy.shared.log import log

# Tokens of a request, with its answer, and how many requests llama.cpp computes at once; the others wait.
CONTEXT_LENGTH, SLOTS = 4096, 4
# Requests to another server at a time.
IN_FLIGHT = 16
# What chat asks for, too. The request's own values win.
SAMPLING = {"temperature": 0.3, "max_tokens": 1024, "repeat_penalty": 1.1, "repeat_last_n": REPEAT_LAST_N}
WITH_USAGE = {"stream_options": {"include_usage": True}}
# Seconds to reach a server, and of its longest silence.
CONNECTING_S, SILENCE_S = 10, 600
# Without a tokenizer: a token has more bytes than this in nearly every language.
BYTES_A_TOKEN = 3
LONGEST_REASON = 300
# Characters that no token is longer than, and bytes that none takes in a stream.
LONGEST_TOKEN, LONGEST_CHUNK = 32, 4_096
# Bytes of a line, or of a reply in one piece; of an error's reply, the beginning that is read.
LONGEST_LINE, LONGEST_ERROR = 1_000_000, 100_000
# Characters that are passed on at a time, however long a piece an engine sends.
LONGEST_PIECE = 1_000
NO_FORM = "The engine's reply is not in OpenAI's form."
LENGTH, STOP = "length", "stop"
COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")
# No count is greater; JSON's readers know larger numbers only nearly.
LARGEST_COUNT = 2**53
REFUSED = (400, 422)
TOO_LONG = "context_length_exceeded"


class EngineError(UnderstudyError):
    """The engine can't be asked, or can't answer; `status` is HTTP's, for the client."""

    def __init__(self, message: str, status: int = 502, code: str | None = None):
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(frozen=True)
class Part:
    """A piece of an answer; the last ones have why it ended, `stop` or `length`, and what it took."""

    text: str = ""
    finish_reason: str | None = None
    usage: dict | None = None


@dataclass
class Engine:
    """A server at `base_url` that is asked for answers of `model`; `key` goes to it alone. `is_ours`: llama.cpp, started here."""

    base_url: str
    model: str
    key: str | None
    is_ours: bool
    # Of SAMPLING and WITH_USAGE what the server has refused.
    refused: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._free = asyncio.Semaphore(SLOTS if self.is_ours else IN_FLIGHT)
        self._client = client_for(self.base_url, self.key)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def answer(self, messages: list[dict], options: dict[str, Any]) -> AsyncIterator[Part]:
        """Yield an answer's parts as they come, in order of asking where all slots are taken; leaving it ends the computing.

        Raises EngineError."""
        async with self._free:
            while True:
                defaults = {name: value for name, value in (SAMPLING | WITH_USAGE).items() if name not in self.refused}
                if "max_completion_tokens" in options:
                    defaults.pop("max_tokens", None)
                body = {**defaults, **options, "model": self.model, "messages": messages, "stream": True}
                try:
                    async with self._client.stream("POST", "chat/completions", json=body) as response:
                        if response.status_code == 200:
                            async for part in bounded(parts_of(response, tokens_asked(options)), tokens_asked(options)):
                                yield part
                            return
                        said = reason_in(await beginning_of(response, LONGEST_ERROR))
                except httpx2.HTTPError as error:
                    raise EngineError(f"{self.name()} doesn't answer: {one_line(error)}") from None
                if not self._does_without(said, response.status_code, defaults.keys() - options.keys()):
                    raise self._refusal(said, response.status_code)

    def count_tokens(self, text: str) -> int:
        """How many tokens a text has: llama.cpp's own number, or a cautious guess. It waits, so call it in a thread.

        Raises EngineError."""
        if not self.is_ours:
            return math.ceil(len(text.encode("utf-8", "replace")) / BYTES_A_TOKEN)
        address = f"{self.base_url.removesuffix('/v1')}/tokenize"
        try:
            return len(ask_server(address, {"content": text}, self.key)["tokens"])
        except OSError as error:
            raise EngineError(f"llama.cpp doesn't answer: {one_line(error)}") from None

    def name(self) -> str:
        """As messages call it: without the address's login, without llama.cpp's inner address."""
        return "llama.cpp" if self.is_ours else shown_address(self.base_url)

    def _does_without(self, said: str, status: int, ours: set[str]) -> bool:
        """Whether what the server refuses is a default of ours, which is then left out from now on."""
        named = {name for name in ours if re.search(rf"\b{name}\b", said)}
        if status not in REFUSED or not named:
            return False
        log.warning("Warning: %s refuses %s; it is asked without.", self.name(), ", ".join(sorted(named)))
        self.refused |= named
        return True

    def _refusal(self, said: str, status: int) -> EngineError:
        too_long = "context" in said and status in REFUSED
        shown = status if status in (*REFUSED, 404, 413, 429, 503) else 502
        return EngineError(f"{self.name()} refuses: {said}", shown, TOO_LONG if too_long else None)


def client_for(base_url: str, key: str | None) -> httpx2.AsyncClient:
    """A client of one server. It follows no redirection, so the key goes nowhere else; no proxy stands before this machine."""
    address = httpx2.URL(base_url)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    timeout = httpx2.Timeout(SILENCE_S, connect=CONNECTING_S)
    return httpx2.AsyncClient(
        base_url=base_url, headers=headers, timeout=timeout, trust_env=not is_loopback_host(address.host)
    )


def tokens_asked(options: dict[str, Any]) -> int:
    """How many tokens an answer may have."""
    return options.get("max_tokens") or options.get("max_completion_tokens") or SAMPLING["max_tokens"]


async def bounded(parts: AsyncIterator[Part], tokens: int) -> AsyncIterator[Part]:
    """The parts, of which none is long, as far as an answer of so many tokens can go."""
    room = tokens * LONGEST_TOKEN
    async for part in parts:
        text = part.text[:room]
        for at in range(0, len(text), LONGEST_PIECE):
            yield Part(text[at : at + LONGEST_PIECE])
            # What is done with a piece takes time, and others wait.
            await asyncio.sleep(0)
        room -= len(part.text)
        if room < 0:
            yield Part(finish_reason=LENGTH)
            return
        if part.finish_reason or part.usage:
            yield Part("", part.finish_reason, part.usage)


async def parts_of(response: httpx2.Response, tokens: int) -> AsyncIterator[Part]:
    """The parts in a stream of OpenAI's form, or in a reply in one piece, of servers that know no streams.

    Raises EngineError for what is neither, or breaks off."""
    has_begun, has_ended, others = False, False, bytearray()
    async for line in lines_of(response, LONGEST_LINE + tokens * LONGEST_CHUNK):
        data = line.removeprefix(b"data:").strip()
        if not line.startswith(b"data:"):
            others += b"" if has_begun or not line or line.startswith(b":") else line + b"\n"
            if len(others) > LONGEST_LINE:
                raise EngineError(f"{NO_FORM} It is longer than {LONGEST_LINE} bytes.")
        elif data == b"[DONE]":
            has_ended = True
            break
        elif data and (part := part_in(data, "delta")):
            has_begun, has_ended = True, has_ended or part.finish_reason is not None
            yield part
    if not has_begun:
        part = part_in(bytes(others), "message")
        if part is None:
            raise EngineError(NO_FORM)
        yield part
    elif not has_ended:
        raise EngineError("The engine's reply breaks off.")


async def lines_of(response: httpx2.Response, most: int) -> AsyncIterator[bytes]:
    """The lines of a reply. Raises EngineError if one is longer than LONGEST_LINE, or all are longer than `most`."""
    waiting, size = b"", 0
    async for received in response.aiter_bytes():
        *lines, waiting = (waiting + received).split(b"\n")
        for line in lines:
            yield line.rstrip(b"\r")
        size += len(received)
        if len(waiting) > LONGEST_LINE:
            raise EngineError(f"{NO_FORM} A line is longer than {LONGEST_LINE} bytes.")
        if size > most:
            raise EngineError(f"The engine's reply doesn't end: it has more than {most} bytes.")
    yield waiting


def part_in(data: bytes, name: str) -> Part | None:
    """The part in a chunk, whose text is in `delta`, or in a whole reply, where it is in `message`; None for one that has
    neither a choice nor what the answer took. Raises EngineError."""
    try:
        chunk = read_foreign(data)
        if chunk.get("error"):
            raise EngineError(f"The engine breaks off: {reason_in(data)}")
        usage = usage_in(chunk.get("usage"))
        if not chunk.get("choices"):
            return Part(usage=usage) if usage else None
        choice = chunk["choices"][0]
        said, reason = choice.get(name) if name == "delta" else choice[name], choice.get("finish_reason")
        text = (said or {}).get("content") or ""
    except (ValueError, TypeError, AttributeError, IndexError, KeyError):
        raise EngineError(NO_FORM) from None
    if not isinstance(text, str) or not isinstance(reason, str | None):
        raise EngineError(NO_FORM)
    return Part(text, reason and (LENGTH if reason == LENGTH else STOP), usage)


def usage_in(given: Any) -> dict[str, int] | None:
    """What an answer took, in numbers; None where there are none."""
    numbers = {name: given.get(name) if isinstance(given, dict) else None for name in COUNTS}
    counts = {name: n if type(n) is int and 0 <= n < LARGEST_COUNT else 0 for name, n in numbers.items()}
    return counts if any(counts.values()) else None


async def beginning_of(response: httpx2.Response, most: int) -> str:
    """The first bytes of a reply, as text."""
    received = b""
    async for piece in response.aiter_bytes():
        received += piece
        if len(received) > most:
            break
    return received[:most].decode(errors="replace")


def reason_in(text: str | bytes) -> str:
    """The reason in an error's JSON, or the text itself: short, and without signs that command a terminal."""
    try:
        error = read_foreign(text)["error"]
        said = error["message"] if isinstance(error, dict) else error
    except (ValueError, TypeError, KeyError):
        said = text.decode(errors="replace") if isinstance(text, bytes) else text
    return plain_line(str(said))[:LONGEST_REASON] or "it gives no reason"


def one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:LONGEST_REASON] or type(error).__name__


def shown_address(base_url: str) -> str:
    """An address without a login."""
    return str(httpx2.URL(base_url).copy_with(username=None, password=None))


@contextmanager
def llama_engine(model: Path, threads: int | None = None) -> Iterator[tuple[Engine, RunningServer]]:
    """llama.cpp with a GGUF file, for as long as a `with` block lasts. Raises EmbeddedModelError."""
    key = secrets.token_urlsafe(32)
    with running_server(model, CONTEXT_LENGTH, SLOTS, threads, api_key=key) as server:
        yield Engine(server.base_url, model.stem, key, is_ours=True), server
