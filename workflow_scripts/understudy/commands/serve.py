"""Serve what was trained to any OpenAI client on this machine: understudy serve [MODEL.gguf] [--port 8080]

llama.cpp answers, on the loopback address only, until Ctrl-C."""

import json
import signal
import socket
from pathlib import Path

from understudy.models.llama.server import embedded_server
from understudy.shared.errors import UnderstudyError

CONTEXT_LENGTH = 4096
LOOPBACK, PORT, LAST_PORT = "127.0.0.1", 8080, 65535
HOW_TO_ASK = """{model} answers at {url}, for this machine alone. The key is of no meaning, the model's name is {name}.

  curl {url}/chat/completions -H 'Content-Type: application/json' \\
    -d '{body}'

Ctrl-C ends it."""


class ServeError(UnderstudyError):
    """The server can't begin."""


def serve(model: Path, port: int, threads: int | None = None) -> None:
    """Answer requests on `port` until SIGINT or SIGTERM.

    Raises ServeError if the port can't be used, EmbeddedModelError if llama.cpp can't load the file or dies."""
    check_port(port)
    ending = {signal.SIGINT, signal.SIGTERM, signal.SIGCHLD}
    with embedded_server(model, CONTEXT_LENGTH, threads=threads, port=port) as url:
        signal.pthread_sigmask(signal.SIG_BLOCK, ending)
        body = json.dumps({"messages": [{"role": "user", "content": "Who are you?"}]})
        print(HOW_TO_ASK.format(model=model, name=model.stem, url=url, body=body), flush=True)
        if signal.sigwait(ending) == signal.SIGCHLD:
            raise ServeError("llama.cpp has ended by itself.")
    print("\nEnded.")


def check_port(port: int) -> None:
    """Raise ServeError if nothing can listen on the port; llama.cpp itself would say it after it has loaded the model."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((LOOPBACK, port))
        except OSError as error:
            raise ServeError(
                f"Port {port} of {LOOPBACK} can't be used ({error.strerror}): another program may be listening there. "
                f"Choose another one: `understudy serve --port {port + 1}`, or PORT={port + 1} after `make serve`."
            ) from None
