"""The teacher model behind an OpenAI-compatible server, a remote one or llama.cpp in this job."""

import hashlib
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock

import openai
from gguf import GGUFReader

from lib.api_key import api_key_for, is_loopback
from lib.embedded_llama import embedded_server, read_prefix_once
from lib.errors import UnderstudyError
from lib.gguf_source import gguf_source
from lib.response_store import request_hash, set_aside, store_reply, stored_reply
from lib.spending import BudgetReached, check_budget, record_spending
from lib.stop_file import check_not_stopped, stop_run

CLIENT_RETRIES = 5
TIMEOUT_S = 600
SAMPLING_KEYS = ("temperature", "reasoning_effort", "seed")
LONGEST_EMBEDDED_CONTEXT = 16_384
LONGEST_REASON = 300


class TeacherError(UnderstudyError):
    """The server did not answer one request; another run takes it up."""


@dataclass(frozen=True)
class Reply:
    """One answer of the teacher: `usage` counts tokens as prompt_tokens, cached_tokens, completion_tokens."""

    text: str
    finish_reason: str
    refusal: str | None
    model: str
    usage: dict
    from_store: bool


@dataclass(frozen=True)
class EmbeddedWork:
    """How llama.cpp runs in a job: its cores, the requests at a time, and the messages that all of them open with."""

    threads: int
    parallel: int
    opening: list[dict]


class Teacher:
    """Asks each request once: what the response store has is not asked again.

    `connect` makes the client when the first request has to be sent: answers from the store need no key and no server."""

    def __init__(self, connect: Callable[[], openai.OpenAI], job: str, model: str, identity: dict, settings: dict):
        self._connect = connect
        self._client: openai.OpenAI | None = None
        self._failure: UnderstudyError | None = None
        self._connecting = Lock()
        self._job = job
        self._model = model
        self._identity = identity
        self._settings = settings
        self._token_limit = "max_tokens"
        self._sampling = {key: identity[key] for key in SAMPLING_KEYS if identity.get(key) is not None}

    def ask(self, messages: list[dict], max_tokens: int, schema: dict | None = None) -> Reply:
        """Return the reply to `messages`, from the store or from the server.

        Raises RunStopped for what every other request would meet, too, and TeacherError for what a new run may mend."""
        key = self._key(messages, max_tokens, schema)
        stored = stored_reply(key)
        if stored is not None:
            return Reply(**stored, from_store=True)
        check_not_stopped()
        try:
            check_budget(self._settings["budget_usd"])
            completion = self._complete(messages, max_tokens, schema)
        except BudgetReached as error:
            raise stop_run(str(error)) from None
        except openai.OpenAIError as error:
            raise self._explained(error) from None
        if not getattr(completion, "choices", None):
            raise TeacherError(
                f"{self._settings.get('base_url')} does not reply as an OpenAI-compatible server. Check teacher.base_url."
            )
        reply = reply_of(completion)
        record_spending(self._job, reply["usage"], self._settings["prices"])
        store_reply(key, reply)
        return Reply(**reply, from_store=False)

    def forget(self, messages: list[dict], max_tokens: int, schema: dict | None = None) -> None:
        """Set the reply to a request aside as of no use, so that the next run asks again."""
        set_aside(self._key(messages, max_tokens, schema))

    def _key(self, messages: list[dict], max_tokens: int, schema: dict | None) -> str:
        return request_hash(
            {"teacher": self._identity, "messages": messages, "max_tokens": max_tokens, "schema": schema}
        )

    def _connected(self) -> openai.OpenAI:
        with self._connecting:
            if self._failure is not None:
                raise self._failure
            try:
                self._client = self._client or self._connect()
            except UnderstudyError as error:
                self._failure = error
                raise
        return self._client

    def _complete(self, messages: list[dict], max_tokens: int, schema: dict | None):
        limit = self._token_limit
        options = {**self._sampling, limit: max_tokens}
        if schema is not None:
            named = {"name": schema["title"], "strict": True, "schema": schema}
            options["response_format"] = {"type": "json_schema", "json_schema": named}
        try:
            return self._connected().chat.completions.create(model=self._model, messages=messages, **options)
        except openai.BadRequestError as error:
            # Other threads may have learned it meanwhile: what counts is what this request was sent with.
            if limit == "max_tokens" and "max_completion_tokens" in str(error):
                self._token_limit = "max_completion_tokens"
                return self._complete(messages, max_tokens, schema)
            raise

    def _explained(self, error: openai.OpenAIError) -> UnderstudyError:
        server = self._client.base_url.host
        if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
            return stop_run(f"{server} refuses the API key. Check OPENAI_API_KEY, then run the same command again.")
        if isinstance(error, openai.NotFoundError):
            return stop_run(f"{server} has no model {self._model!r}. Check teacher.model and teacher.base_url.")
        status = getattr(error, "status_code", None)
        if status == 402 or getattr(error, "code", None) == "insufficient_quota":
            return stop_run(f"{server} says that there is no credit left. Add some, then run the same command again.")
        if isinstance(error, openai.APITimeoutError):
            return TeacherError(
                f"{server} gave no answer within {TIMEOUT_S} s, {CLIENT_RETRIES + 1} times. Run again later."
            )
        if isinstance(error, openai.APIConnectionError):
            return TeacherError(f"{server} can't be reached. Is teacher.base_url right, and the server running?")
        reason = getattr(error, "message", "").replace(self._client.api_key, "[key]")[:LONGEST_REASON]
        return TeacherError(f"{server} answered with an error ({status or type(error).__name__}): {reason}")


def reply_of(completion) -> dict:
    """What is kept of a chat completion."""
    choice = completion.choices[0]
    usage = completion.usage
    details = getattr(usage, "prompt_tokens_details", None)
    return {
        "text": choice.message.content or "",
        "finish_reason": choice.finish_reason,
        "refusal": choice.message.refusal,
        "model": completion.model,
        "usage": {
            "prompt_tokens": getattr(usage, "prompt_tokens", None) or 0,
            "cached_tokens": getattr(details, "cached_tokens", None) or 0,
            "completion_tokens": getattr(usage, "completion_tokens", None) or 0,
        },
    }


@contextmanager
def teacher_for(job: str, identity: dict, settings: dict, work: EmbeddedWork) -> Iterator[Teacher]:
    """Yield the configured teacher; the embedded one runs as long as the block.

    `identity` is what shapes its replies (model, gguf, revision and the sampling keys), `settings` the rest
    of the configuration's `teacher`. `job` names the ledger, `work` says how an embedded model is run."""
    if identity["gguf"] is None:
        yield Teacher(partial(hosted_client, settings["base_url"]), job, identity["model"], identity, settings)
        return
    path = gguf_source(identity["gguf"], "teacher.gguf")
    with path.open("rb") as opened:
        shaping = {**identity, "gguf": hashlib.file_digest(opened, "sha256").hexdigest()}
    with ExitStack() as servers:
        connect = partial(embedded_client, servers, path, work)
        yield Teacher(connect, job, path.stem, shaping, settings)


def hosted_client(base_url: str) -> openai.OpenAI:
    """A client for a server that someone else runs; none of the environment's proxies for one on loopback.

    Raises MissingKeyError."""
    direct = openai.DefaultHttpxClient(trust_env=False) if is_loopback(base_url) else None
    return openai.OpenAI(
        base_url=base_url,
        api_key=api_key_for(base_url),
        max_retries=CLIENT_RETRIES,
        timeout=TIMEOUT_S,
        http_client=direct,
    )


def embedded_client(servers: ExitStack, path: Path, work: EmbeddedWork) -> openai.OpenAI:
    """Start llama.cpp, which stops with `servers`, and return a client for it."""
    context = embedded_context(path)
    base_url = servers.enter_context(embedded_server(path, context, work.parallel, work.threads))
    if work.parallel > 1:
        try:
            read_prefix_once(base_url, work.opening)
        except urllib.error.HTTPError as error:
            said = error.read().decode(errors="replace")[:LONGEST_REASON]
            raise TeacherError(f"{path.name} can't take the transcript (it takes {context} tokens): {said}") from None
    direct = openai.DefaultHttpxClient(trust_env=False)
    return openai.OpenAI(
        base_url=base_url, api_key="no-key-needed", max_retries=0, timeout=TIMEOUT_S, http_client=direct
    )


def embedded_context(path: Path) -> int:
    """The context that the model was trained for, in tokens, up to what a long talk takes."""
    reader = GGUFReader(path)
    architecture = reader.fields["general.architecture"].contents()
    return min(int(reader.fields[f"{architecture}.context_length"].contents()), LONGEST_EMBEDDED_CONTEXT)
