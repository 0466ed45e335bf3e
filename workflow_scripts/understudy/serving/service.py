"""Serve until Ctrl-C: checks first, each with its message, then the address and a line to try."""

import asyncio
import contextlib
import errno
import json
import logging
import os
import signal
import socket
from collections.abc import Iterator, Sequence

import httpx2
import uvicorn

from understudy.models.llama.server import RunningServer
from understudy.passages.cutting import plain_line
from understudy.passages.talks import Talks
from understudy.serving.answers import Answers
from understudy.serving.application import create_application
from understudy.serving.connections import ImpatientProtocol
from understudy.serving.engine import Engine, beginning_of, client_for, llama_engine, one_line, reason_in, shown_address
from understudy.serving.foreign_json import read_foreign
from understudy.serving.guard import EVERY_ADDRESS, Hosts
from understudy.serving.kept.conversations import FOLDER, Conversations
from understudy.serving.served import LAST_PORT, LOOPBACK, PORT, Address, OtherEngine, Served, ServeError
from understudy.serving.state import Bases, State
from understudy.serving.talks import AskedTalks
from understudy.shared.credentials import ENGINE_KEY
from understudy.shared.hosts import is_loopback_host
from understudy.shared.log import log

# Seconds that answers under way get at the end.
ENDING_S = 2
# Bytes of a list of models: more than that of anybody who has thousands.
LONGEST_LIST = 10_000_000
# How often it is seen whether llama.cpp lives.
LOOKS_S = 0.5
HOW_TO_ASK = """{what} answers at {address}, {whom}.

  {address}     in a browser
  {address}/v1  for programs that speak OpenAI's protocol; the key is of no meaning, the model's name is {model}

  curl {address}/v1/chat/completions -H 'Content-Type: application/json' \\
    -d '{body}'

Ctrl-C ends it."""


def serve(served: Served, address: Address, other: OtherEngine | None = None) -> None:
    """Serve until SIGINT or SIGTERM. The working directory is the folder of what is served.

    Raises ServeError if the port can't be used or the other engine can't be asked, EmbeddedModelError if llama.cpp can't load the
    file or dies, ConfigurationError or IndexFault where answers are strict and there is nothing to take them from."""
    with contextlib.ExitStack() as opened:
        listening = opened.enter_context(listening_socket(address))
        talks = opened.enter_context(
            Talks.opened(served.embedder, served.answering, served.measured, served.with_sources, served.with_gate)
        )
        engine, running = engine_for(served, talks, other, opened)
        state = state_of(served, talks, engine)
        opened.callback(state.answers.talks.close)
        application = create_application(state, Hosts(address.host, address.names))
        run(application, listening, running, greeting(served, address, listening, state.model, engine))
    print("\nEnded.")


def engine_for(
    served: Served, talks: Talks, other: OtherEngine | None, opened: contextlib.ExitStack
) -> tuple[Engine | None, RunningServer | None]:
    """What computes: nothing where answers are strict."""
    if talks.strict:
        return None, None
    if other is not None:
        return other_engine(other), None
    return opened.enter_context(llama_engine(served.model))


def state_of(served: Served, talks: Talks, engine: Engine | None) -> State:
    """What the endpoints share."""
    asked = AskedTalks(talks, engine.count_tokens if engine else len)
    conversations = Conversations(None if served.data is None else served.data / FOLDER)
    model = engine.model if engine else served.name
    bases = Bases((lambda: base_engine(served)) if served.base and engine else None)
    return State(served, model, Answers(asked, engine), conversations, bases)


@contextlib.contextmanager
def base_engine(served: Served) -> Iterator[Engine]:
    """llama.cpp with the base model. Raises EmbeddedModelError."""
    with llama_engine(served.base) as (engine, _):
        yield engine


def listening_socket(address: Address, command: str = "serve") -> socket.socket:
    """Raise ServeError if nothing can listen there: said before a model is loaded."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listening = socket.socket(family)
    # On Windows it would let two programs listen on one port.
    if os.name != "nt":
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((address.host.strip("[]"), address.port))
    except OSError as error:
        listening.close()
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            raise ServeError(f"--host {address.host} is no address of this machine ({error.strerror}).") from None
        other = address.port + 1 if address.port < LAST_PORT else PORT
        raise ServeError(
            f"Port {address.port} of {address.host} can't be used ({error.strerror}): another program may be listening there. "
            f"Choose another one: `understudy {command} --port {other}`"
            + (f", or PORT={other} after `make serve`." if command == "serve" else ".")
        ) from None
    return listening


def other_engine(other: OtherEngine) -> Engine:
    """The other server, after asking which models it has. Raises ServeError."""
    url, key = checked_url(other.url), os.environ.get(ENGINE_KEY) or None
    if key and url.scheme == "http" and not is_loopback_host(url.host):
        raise ServeError(f"--engine {shown_address(other.url)}: {ENGINE_KEY} isn't sent over plain http. Use https.")
    base_url = str(url).rstrip("/")
    model = other.model or only_model(base_url, asyncio.run(models_of(base_url, key)))
    return Engine(base_url, model, key, is_ours=False)


def checked_url(url: str) -> httpx2.URL:
    """Raise ServeError for what is no address of a server."""
    try:
        address = httpx2.URL(url)
    except (httpx2.InvalidURL, TypeError, ValueError):
        address = httpx2.URL("")
    if address.scheme not in ("http", "https") or not address.host:
        raise ServeError(f"--engine {url} is no address such as http://localhost:11434/v1.")
    return address


async def models_of(base_url: str, key: str | None) -> list[str]:
    """The names of a server's models. Raises ServeError if it can't be asked."""
    shown = shown_address(base_url)
    try:
        async with client_for(base_url, key) as client, client.stream("GET", "models") as reply:
            said = await beginning_of(reply, LONGEST_LIST)
    except (httpx2.HTTPError, OSError) as error:
        raise ServeError(f"--engine {shown}: nothing answers there ({one_line(error)}). Start it first.") from None
    if reply.status_code != 200:
        raise ServeError(
            f"--engine {shown}: {shown}/models replies with status {reply.status_code}: {reason_in(said)}. "
            f"The address often ends in /v1; a key stands in {ENGINE_KEY}."
        )
    try:
        return [plain_line(str(one["id"])) for one in read_foreign(said)["data"]]
    except (ValueError, TypeError, KeyError):
        raise ServeError(
            f"--engine {shown}: {shown}/models is no list of models. The address often ends in /v1."
        ) from None


def only_model(base_url: str, names: Sequence[str]) -> str:
    """Raise ServeError unless there is one."""
    if len(names) == 1:
        return names[0]
    said = f"it has {len(names)} models: {', '.join(names[:20])}" if names else "it has no model"
    raise ServeError(f"--engine {shown_address(base_url)}: {said}. Name one with --engine-model.")


def greeting(served: Served, address: Address, listening: socket.socket, model: str, engine: Engine | None) -> str:
    """What is printed when it answers."""
    host, port = listening.getsockname()[:2]
    # Every address is none to type.
    here = LOOPBACK if host in EVERY_ADDRESS else host
    shown = f"[{here}]" if ":" in here else here
    body = json.dumps({"messages": [{"role": "user", "content": "Who are you?"}]})
    is_alone = is_loopback_host(host)
    whom = "for this machine alone" if is_alone else "for everybody who reaches this machine, without a password"
    what = str(served.model or served.name) if engine is None or engine.is_ours else f"{model} of {engine.name()}"
    return HOW_TO_ASK.format(what=what, address=f"http://{shown}:{port}", whom=whom, model=model, body=body)


class Server(uvicorn.Server):
    """uvicorn, which says something when it listens, and ends in order at a signal."""

    def __init__(self, config: uvicorn.Config, says: str):
        super().__init__(config)
        self._says = says

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(self._says, flush=True)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn's own would send the signal once more at the end.
        before = {one: signal.signal(one, self.handle_exit) for one in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)


def run(application, listening: socket.socket, running: RunningServer | None, says: str) -> None:
    """Run the application. Raises ServeError when llama.cpp ends by itself."""
    # Nothing of a request is written down.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    config = uvicorn.Config(
        application,
        http=ImpatientProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=ENDING_S,
    )
    server = Server(config, says)
    asyncio.run(serving(server, listening, running))


async def serving(server: Server, listening: socket.socket, running: RunningServer | None) -> None:
    watching = asyncio.create_task(ended(running, server))
    await server.serve([listening])
    watching.cancel()
    if running is not None and running.process.poll() is not None:
        raise ServeError("llama.cpp has ended by itself.")


async def ended(running: RunningServer | None, server: Server) -> None:
    """End the server when llama.cpp has ended."""
    while running is not None and running.process.poll() is None:
        await asyncio.sleep(LOOKS_S)
    if running is not None:
        log.error("llama.cpp has ended.")
        server.should_exit = True
