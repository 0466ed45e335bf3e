"""The server behind the teacher: somebody else's, or llama.cpp for as long as a job lasts."""

import urllib.error
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import openai

from understudy.models.llama.server import embedded_server, read_prefix_once
from understudy.models.paths import gguf_source
from understudy.shared.errors import UnderstudyError
from understudy.shared.files import file_sha256
from understudy.shared.log import log
from understudy.teacher.api_key import NO_KEY, api_key_for, headers_for, how_it_is_asked, is_loopback
from understudy.teacher.client import Job, Teacher
from understudy.teacher.errors import LONGEST_REASON, WAYS_OUT, TranscriptTooLong
from understudy.teacher.store import ResponseStore
from understudy.teacher.streaming import StreamingClient

LONGEST_EMBEDDED_CONTEXT = 16_384
# Seconds for a server to say what its models take.
LONGEST_LOOK_S = 10
CONNECT_TIMEOUT_S = 30


def teacher_identity(teacher: dict) -> dict:
    """What of the configuration's `teacher` shapes its replies; its address, price and pace don't."""
    return {key: teacher[key] for key in ("model", "gguf", "revision", "temperature", "reasoning_effort", "seed")}


@dataclass(frozen=True)
class EmbeddedWork:
    """How llama.cpp runs in a job: its cores, and the messages that all requests open with."""

    threads: int
    opening: list[dict]


@contextmanager
def teacher_for(
    job: Job, identity: dict, settings: dict, work: EmbeddedWork, fresh_since: float = 0.0
) -> Iterator[Teacher]:
    """Yield the configured teacher; the embedded one runs as long as the block.

    `identity` is what shapes its replies (model, gguf, revision and the sampling keys), `settings` the rest of the
    configuration's `teacher`. Replies stored before `fresh_since` (seconds since the epoch) are asked for again."""
    store = ResponseStore(store_identity(identity), fresh_since)
    if identity["gguf"] is None:
        connect = partial(hosted_client, settings["base_url"], settings["timeout_s"])
        yield Teacher(connect, job, identity["model"], identity, settings, store)
        return
    path = gguf_source(identity["gguf"], "teacher.gguf")
    with ExitStack() as servers:
        connect = partial(embedded_client, servers, path, job.in_flight, work, settings["timeout_s"])
        yield Teacher(connect, job, path.stem, identity, settings, store)


def store_identity(identity: dict) -> dict:
    """What names the teacher in the response store: as configured, but a model file by its sha256."""
    if identity["gguf"] is None:
        return identity
    return {**identity, "gguf": file_sha256(gguf_source(identity["gguf"], "teacher.gguf"))}


def context_of_teacher(identity: dict, settings: dict) -> int | None:
    """How many tokens the teacher takes, prompt and reply; None where a server doesn't say. Asks for its list of models alone."""
    if identity["gguf"] is not None:
        return embedded_context(gguf_source(identity["gguf"], "teacher.gguf"))
    try:
        client = client_of(settings["base_url"], min(settings["timeout_s"], LONGEST_LOOK_S))
        (model,) = (model for model in client.models.list() if model.id == identity["model"])
    except (openai.OpenAIError, UnderstudyError, ValueError, TypeError):
        return None
    # vLLM, llama-server, OpenRouter, LM Studio.
    said = model.model_dump()
    meta = said.get("meta") if isinstance(said.get("meta"), dict) else {}
    names = ("max_model_len", "context_length", "loaded_context_length", "max_context_length", "context_window")
    found = [*(said.get(name) for name in names), meta.get("n_ctx")]
    return next(
        (tokens for tokens in found if isinstance(tokens, int) and not isinstance(tokens, bool) and tokens > 0), None
    )


def hosted_client(base_url: str, timeout_s: float) -> openai.OpenAI:
    """A client for a server that someone else runs; none of the environment's proxies for one on loopback. It repeats nothing.

    `timeout_s` is the longest silence: before the first byte, and between two.
    Raises MissingKeyError."""
    log.info("%s", how_it_is_asked(base_url))
    return client_of(base_url, timeout_s)


def client_of(base_url: str, timeout_s: float) -> openai.OpenAI:
    """The same, without a word in the log."""
    key = api_key_for(base_url)
    direct = openai.DefaultHttpxClient(trust_env=False) if is_loopback(base_url) else None
    timeout = openai.Timeout(timeout_s, connect=min(CONNECT_TIMEOUT_S, timeout_s))
    return openai.OpenAI(
        base_url=base_url,
        api_key=key,
        default_headers=headers_for(base_url, key),
        max_retries=0,
        timeout=timeout,
        http_client=direct,
    )


def embedded_client(
    servers: ExitStack, path: Path, parallel: int, work: EmbeddedWork, timeout_s: float
) -> StreamingClient:
    """Start llama.cpp, which stops with `servers`, and return a client for it that doesn't wait for loops."""
    context = embedded_context(path)
    base_url = servers.enter_context(embedded_server(path, context, parallel, work.threads, shares_prefix=parallel > 1))
    if parallel > 1:
        try:
            read_prefix_once(base_url, work.opening)
        except urllib.error.HTTPError as error:
            said = error.read().decode(errors="replace")[:LONGEST_REASON]
            raise TranscriptTooLong(
                f"{path.name} can't take the transcript (it takes {context} tokens): {said} {WAYS_OUT}."
            ) from None
    direct = openai.DefaultHttpxClient(trust_env=False)
    client = openai.OpenAI(base_url=base_url, api_key=NO_KEY, max_retries=0, timeout=timeout_s, http_client=direct)
    return StreamingClient(client)


def embedded_context(path: Path) -> int:
    """The context that the model was trained for, in tokens, up to what a long talk takes."""
    # Needed by the embedded teacher alone, and slow to import.
    from gguf import GGUFReader

    reader = GGUFReader(path)
    architecture = reader.fields["general.architecture"].contents()
    return min(int(reader.fields[f"{architecture}.context_length"].contents()), LONGEST_EMBEDDED_CONTEXT)
