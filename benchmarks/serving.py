"""How `understudy serve` behaves with thousands of talks, and with many clients at once.

    make benchmark-serving
    make benchmark-serving OPTIONS="--talks 100 --requests 60 --out /elsewhere/serving.json"

- First source: made talks of an hour (made_talks.py), searched by words, with the gate; SmolLM2-135M in llama.cpp. Each question
  is sent as the page sends it, and the time is taken until the event with its sources has come. A second later comes the next.
- Many clients: as many questions as `--requests` by 16 clients, half of them as the page asks and half by OpenAI's protocol;
  every fifth client leaves in the midst of its answer. The engine is an echo, so that each answer is known before; the sources
  must be those that the same question has when nobody else asks. The memory is that of the server's process.

Writes docs/serving_benchmark.json. 15 minutes, most of them for the index, and 2 GB of disk."""

import argparse
import json
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/support"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow_scripts"))

import httpx2
import numpy as np
import psutil

from chat_server import CONFIG, ChatServer, http_client
from made_talks import REPOSITORY, SEED, Language, MadeTalks, make_demo
from random_llama import packaged_model
from record_head import record_head
from talks_to_search import WORDS_ALONE
from understudy.passages.frame import question_of
from understudy.passages.gate import GATE
from understudy.passages.store import INDEX, RECORD
from understudy.retrieve.gate import build_gate
from understudy.shared.files import write_json, write_json_lines

CLIENTS, QUESTION_WORDS, QUESTIONS = 16, 10, 100
# One client of so many leaves in the midst of its answer; how long the echo waits before each word.
LEAVES, PAUSE_S = 5, 0.005
# Between two questions whose first source is waited for.
REST_S = 1
ECHO = "You have asked:"
PAGE = {"X-Understudy": "page"}
GOAL_MS = 300


class Mixed(Exception):
    """An answer or its sources are not those of the question."""


@contextmanager
def echo() -> Iterator[str]:
    """An engine that says the question again, word by word; its address."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            self.begin("application/json")
            self.wfile.write(b'{"data": [{"id": "echo"}]}')

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["messages"][-1]["content"]
            self.begin("text/event-stream")
            try:
                for word in echoed(question_of(asked)).split(" "):
                    time.sleep(PAUSE_S)
                    self.send({"delta": {"content": f"{word} "}})
                self.send({"delta": {}, "finish_reason": "stop"})
            except ConnectionError:
                return

        def begin(self, content_type: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.end_headers()

        def send(self, choice: dict) -> None:
            self.wfile.write(f"data: {json.dumps({'choices': [choice]})}\n\n".encode())

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()


def echoed(question: str) -> str:
    return f"{ECHO} {question}"


def project_of(folder: Path, demo: Path, talks: int) -> Path:
    """A project with so many made talks, their index and the gate of talks without questions."""
    made = MadeTalks(folder, demo, talks)
    made.write(talks)
    made.indexed(talks)
    write_json_lines(folder / "none.jsonl", [])
    build_gate(*(str(folder / path) for path in ("none.jsonl", "none.jsonl", INDEX / RECORD, GATE)), WORDS_ALONE)
    (folder / "captions").mkdir()
    (folder / "captions/talk.txt").write_text("The configuration wants one.")
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "models").mkdir()
    (folder / "models/garden-Q4_K_M.gguf").symlink_to(packaged_model())
    return folder


def questions_of(demo: Path, count: int) -> list[str]:
    """Questions of drawn words, each of them another."""
    language = Language(demo, SEED + 1)
    return [" ".join([f"Question {number}:", *language.drawn(QUESTION_WORDS)]) + "?" for number in range(count)]


def first_sources(project: Path, questions: list[str]) -> dict:
    """Milliseconds from sending a question to the event with its sources."""
    times = []
    with ChatServer(project) as server, http_client(server) as http:
        for question in questions:
            url, body = new_turn(http, question)
            started = time.perf_counter()
            with http.stream("POST", url, json=body, headers=PAGE) as reply:
                assert next(reply.iter_lines()) == "event: sources"
                times.append(1000 * (time.perf_counter() - started))
            # llama.cpp ends the piece of the prompt that it is reading when the client leaves.
            time.sleep(REST_S)
    median, high = np.percentile(times, [50, 95]).tolist()
    figures = {"median": median, "p95": high, "first": times[0], "greatest": max(times)}
    return {name: round(value, 1) for name, value in figures.items()}


def new_turn(http: httpx2.Client, question: str) -> tuple[str, dict]:
    """The address and the body of a question in a new conversation."""
    name = http.post("api/conversations", json={}, headers=PAGE).json()["id"]
    return f"api/conversations/{name}/turns", {"question": question, "keep": 0, "version": 1, "compare": False}


def asked_as_the_page(http: httpx2.Client, question: str, leaves: bool) -> tuple[str, list[str]]:
    """The answer, or its beginning, and the links of its sources."""
    url, body = new_turn(http, question)
    text, links = "", []
    with http.stream("POST", url, json=body, headers=PAGE) as reply:
        for data in data_of(reply):
            links = [source["link"] for source in data["sources"]] if "sources" in data else links
            text += data.get("text", "")
            if leaves and text:
                break
    return text, links


def asked_as_openai(http: httpx2.Client, question: str, leaves: bool) -> tuple[str, list[str]]:
    """The same by OpenAI's protocol; what stands under the answer is cut off."""
    text, links = "", []
    body = {"messages": [{"role": "user", "content": question}], "stream": True}
    with http.stream("POST", "v1/chat/completions", json=body) as reply:
        for data in data_of(reply):
            links = [source["link"] for source in data["sources"]] if "sources" in data else links
            text += data["choices"][0]["delta"].get("content") or ""
            if leaves and text:
                break
    return text.partition("\n\n▸ ")[0], links


def data_of(reply: httpx2.Response) -> Iterator[dict]:
    """The JSON of a stream's events."""
    for line in reply.iter_lines():
        if line.startswith("data: {"):
            yield json.loads(line.removeprefix("data: "))


def many_clients(project: Path, questions: list[str], requests: int, clients: int) -> dict:
    """All requests; raises Mixed for an answer that is another question's."""
    with echo() as url, ChatServer(project, "--engine", url, "--no-gate") as server, http_client(server) as http:
        alone = {question: asked_as_openai(http, question, leaves=False) for question in questions}
        for question, (text, _) in alone.items():
            check(text, echoed(question))
        process = psutil.Process(server.pid)
        memory = [megabytes(process)]
        started = time.perf_counter()
        with ThreadPoolExecutor(clients) as pool:
            work = [pool.submit(one_client, http, questions, alone, number) for number in range(requests)]
            for number, done in enumerate(work, 1):
                done.result()
                if number % max(requests // 5, 1) == 0:
                    memory.append(megabytes(process))
        seconds = time.perf_counter() - started
    return {
        "requests": requests,
        "clients": clients,
        "left": len(range(0, requests, LEAVES)),
        "mixed_up": 0,
        "seconds": round(seconds, 1),
        "memory_mb": memory,
    }


def one_client(http: httpx2.Client, questions: list[str], alone: dict, number: int) -> None:
    """Ask as the page or as an OpenAI client, leave or wait, and compare. Raises Mixed."""
    question, leaves = questions[number % len(questions)], number % LEAVES == 0
    ask = asked_as_the_page if number % 2 else asked_as_openai
    text, links = ask(http, question, leaves)
    check(text, echoed(question), leaves)
    if links != alone[question][1]:
        raise Mixed(f"The sources of {question!r} are others than alone.")


def check(text: str, expected: str, leaves: bool = False) -> None:
    """Raise Mixed unless the text is the answer, or its beginning where the client has left."""
    if not (expected.startswith(text.strip()) if leaves else text.strip() == expected):
        raise Mixed(f"{text!r} instead of {expected!r}")


def megabytes(process: psutil.Process) -> int:
    return round(process.memory_info().rss / 1e6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--talks", type=int, default=5_000, help="made talks")
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--clients", type=int, default=CLIENTS)
    parser.add_argument(
        "--out", type=Path, default=REPOSITORY / "docs/serving_benchmark.json", help="the record's file"
    )
    options = parser.parse_args()
    head = record_head()
    with TemporaryDirectory(prefix="understudy-serving-") as folder:
        demo = Path(folder, "demo")
        make_demo(demo)
        project = project_of(Path(folder, "project"), demo, options.talks)
        questions = questions_of(demo, min(QUESTIONS, options.requests))
        first = first_sources(project, questions)
        print(f"{options.talks:,} talks, first source in milliseconds: {first}", flush=True)
        many = many_clients(project, questions, options.requests, options.clients)
        print(f"{many}")
    record = {**head, "talks": options.talks, "first_source_ms": first, "goal_ms": GOAL_MS, "many_clients": many}
    write_json(options.out, record)


if __name__ == "__main__":
    main()
