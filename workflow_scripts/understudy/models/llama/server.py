"""llama.cpp's own server with a GGUF file, on this machine only, for as long as a `with` block lasts.

It runs in a process of its own: an abort in C++ ends the server, not the job, and its log stays off the terminal.
The process ends when its standard input closes, so it outlives a killed job by no more than a moment."""

import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from understudy.shared.errors import UnderstudyError

PROCESS = Path(__file__).with_name("server_process.py")
LOG_LINES_SHOWN = 5
ERROR_LINE = re.compile(r"^\S+ E (?:\S+ +)?\S+: (?:error loading model: )?(.+)$")
SAVED_PREFIX = "prefix.bin"
SERVER_ENVIRONMENT = {
    # Threads that wait for each other spin for a moment, then sleep. On 2 cores, SmolLM2-135M, tokens/s alone and beside two
    # busy processes: 65 and 15; sleeping at once (OMP_WAIT_POLICY=PASSIVE) 28 and 32; spinning as is the default 65 and 4.
    "GOMP_SPINCOUNT": "2000",
    # ggml would start a debugger to write a backtrace after an abort.
    "GGML_NO_BACKTRACE": "1",
}


class EmbeddedModelError(UnderstudyError):
    """llama.cpp can't load the file, or it stopped while it was in use."""


@dataclass(frozen=True)
class RunningServer:
    """`base_url` is what an OpenAI client takes (`.../v1`), `process` the server's own."""

    base_url: str
    process: subprocess.Popen


@contextmanager
def embedded_server(
    gguf_path: str | os.PathLike,
    context_length: int,
    parallel: int = 1,
    threads: int | None = None,
    embeds: bool = False,
    shares_prefix: bool = False,
) -> Iterator[str]:
    """Serve the model in `gguf_path` on a free loopback port, for this process alone; yields the base URL (`.../v1`).

    The arguments and what is raised: `running_server`."""
    with running_server(gguf_path, context_length, parallel, threads, embeds, shares_prefix) as server:
        yield server.base_url


@contextmanager
def running_server(
    gguf_path: str | os.PathLike,
    context_length: int,
    parallel: int = 1,
    threads: int | None = None,
    embeds: bool = False,
    shares_prefix: bool = False,
    api_key: str | None = None,
) -> Iterator[RunningServer]:
    """Serve the model in `gguf_path` on a free loopback port.

    `context_length` is the number of tokens (prompt and answer) that each of the `parallel` requests may take; the
    model's own limit stays in force. More requests than `parallel` wait for a slot. A slot keeps the tokens of its last
    request, and a request goes to the idle slot whose tokens begin most like its own; where all requests begin alike,
    call `read_prefix_once` first, which needs `shares_prefix`. `threads=None` leaves the number to llama.cpp. A model that
    `embeds` gives vectors, and no answers. With `api_key` it answers nobody who doesn't send it.

    Raises EmbeddedModelError if the file is missing, llama.cpp can't load it, or the server dies inside the block."""
    if not Path(gguf_path).is_file():
        what = "is no file that could hold a model" if Path(gguf_path).exists() else "does not exist"
        raise EmbeddedModelError(f"{gguf_path} {what}.")
    with ExitStack() as opened:
        # Its log has no name in any folder, so that nothing stays there after SIGKILL.
        server_log = opened.enter_context(tempfile.TemporaryFile(prefix="understudy-"))
        slots_folder = None
        if shares_prefix:
            slots_folder = opened.enter_context(tempfile.TemporaryDirectory(prefix="understudy-"))
        settings = {
            "model": os.path.abspath(gguf_path),
            "n_ctx": context_length * parallel,
            "n_parallel": parallel,
            "threads": threads,
            "slots_folder": slots_folder,
            "embeds": embeds,
            "api_key": api_key,
        }
        process = _start(settings, server_log)
        try:
            yield RunningServer(_base_url(process, gguf_path, server_log), process)
        except Exception as error:
            if process.poll() is not None and not isinstance(error, EmbeddedModelError):
                raise EmbeddedModelError(_how_it_stopped(process, gguf_path, server_log)) from error
            raise
        finally:
            _stop(process)


def read_prefix_once(base_url: str, messages: list[dict[str, Any]]) -> int:
    """Read the chat prompt of `messages` in one slot and copy its state to all the others; return its length in tokens.

    Requests that begin with the same tokens then go on from there in every slot. For when no request is under way:
    8 requests that shared 1,280 tokens took 62 s on two cores when sent at once. This call took 4 s, and they then 3 s."""
    server = base_url.removesuffix("/v1")
    slots = [slot["id"] for slot in ask_server(f"{server}/slots")]
    first_slot = {"messages": messages, "max_tokens": 1, "id_slot": slots[0]}
    length = ask_server(f"{base_url}/chat/completions", first_slot)["usage"]["prompt_tokens"]
    if slots[1:]:
        ask_server(f"{server}/slots/{slots[0]}?action=save", {"filename": SAVED_PREFIX})
    for slot in slots[1:]:
        ask_server(f"{server}/slots/{slot}?action=restore", {"filename": SAVED_PREFIX})
    return length


def ask_server(url: str, body: dict | None = None, api_key: str | None = None) -> Any:
    """Return what one of the server's own endpoints replies to a JSON `body`, or to a GET without one.

    Raises urllib.error.HTTPError with what the server says, as JSON."""
    data = None if body is None else json.dumps(body).encode()
    # No proxy of the environment stands between this process and its own server.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    headers = {"Content-Type": "application/json"}
    if api_key:
        headers["Authorization"] = f"Bearer {api_key}"
    with opener.open(urllib.request.Request(url, data, headers)) as response:
        return json.load(response)


def _start(settings: dict, server_log: IO[bytes]) -> subprocess.Popen:
    process = subprocess.Popen(
        # -P: the folder of the script, whose modules have common names, is not on its path.
        [sys.executable, "-P", str(PROCESS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=server_log,
        env={**SERVER_ENVIRONMENT, **os.environ},
        # Ctrl-C is for the job, which then closes the server in order.
        start_new_session=True,
    )
    # Not as an argument, which every user of the machine could read: the key is among them.
    with suppress(BrokenPipeError):
        process.stdin.write(json.dumps(settings).encode() + b"\n")
        process.stdin.flush()
    return process


def _base_url(process: subprocess.Popen, gguf_path, server_log: IO[bytes]) -> str:
    address = process.stdout.readline().decode().strip()
    if not address:
        process.wait()
        raise EmbeddedModelError(f"{gguf_path}: llama.cpp can't load it. {_what_it_said(server_log)}")
    return f"{address}/v1"


def _how_it_stopped(process: subprocess.Popen, gguf_path, server_log: IO[bytes]) -> str:
    return f"{gguf_path}: llama.cpp stopped with status {process.returncode}. {_what_it_said(server_log)}"


def _what_it_said(server_log: IO[bytes]) -> str:
    server_log.seek(0)
    lines = [line for line in server_log.read().decode(errors="replace").splitlines() if line.strip()]
    errors = [match[1] for match in map(ERROR_LINE.match, lines) if match]
    return "It says: " + (errors[0] if errors else "\n".join(lines[-LOG_LINES_SHOWN:]) or "nothing.")


def _stop(process: subprocess.Popen) -> None:
    with suppress(BrokenPipeError):
        process.stdin.close()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
