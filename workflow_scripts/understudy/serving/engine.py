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
    """A piece of an answer; the last ones have why it ended, and what it took."""

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
                            async for part in parts_of(response):
                                yield part
                            return
                        said = reason_in((await response.aread()).decode(errors="replace"))
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


async def parts_of(response: httpx2.Response) -> AsyncIterator[Part]:
    """The parts in a stream of OpenAI's form. Raises EngineError for what is none."""
    async for line in response.aiter_lines():
        data = line.removeprefix("data:").strip()
        if not line.startswith("data:") or not data:
            continue
        if data == "[DONE]":
            return
        try:
            chunk = read_foreign(data)
            if "error" in chunk:
                raise EngineError(f"The engine breaks off: {reason_in(data)}")
            choices = chunk.get("choices") or [{}]
            text = (choices[0].get("delta") or {}).get("content") or ""
            reason, usage = choices[0].get("finish_reason"), chunk.get("usage")
        except (ValueError, TypeError, AttributeError, IndexError, KeyError):
            raise EngineError("The engine's reply is not in OpenAI's form.") from None
        if isinstance(text, str) and (text or reason or usage):
            yield Part(text, reason, usage if isinstance(usage, dict) else None)


def reason_in(text: str) -> str:
    """The reason in an error's JSON, or the text itself: short, and without signs that command a terminal."""
    try:
        error = read_foreign(text)["error"]
        said = error["message"] if isinstance(error, dict) else error
    except (ValueError, TypeError, KeyError):
        said = text
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
