"""An OpenAI client against the finished model's server."""

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from openai import DefaultHttpxClient, OpenAI

from project import REPOSITORY, command_line, environment
from random_llama import packaged_model
from understudy.models.llama.server import EmbeddedModelError
from understudy.serving.served import Address, Served, ServeError
from understudy.serving.service import serve

URL = re.compile(r"answers at (http://127\.0\.0\.1:\d+), for this machine alone")
ASKED = {
    "messages": [{"role": "user", "content": "What is 2 + 2?"}],
    "max_tokens": 24,
    "temperature": 0,
    # With the default one a model of this size doesn't say the question's numbers again.
    "extra_body": {"repeat_penalty": 1},
}


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


@contextmanager
def started(command: list, printed: Path) -> Iterator[tuple[subprocess.Popen, str]]:
    """Start a server in a process group of its own; yield the process and the URL that it prints."""
    with printed.open("w") as output:
        run = subprocess.Popen(
            list(map(str, command)),
            cwd=REPOSITORY,
            env=environment(),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        while not URL.search(printed.read_text()):
            assert run.poll() is None, printed.read_text()
            time.sleep(0.1)
        yield run, URL.search(printed.read_text())[1] + "/v1"
    finally:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
        run.wait()


def client(url: str) -> OpenAI:
    return OpenAI(base_url=url, api_key="none", max_retries=0, http_client=DefaultHttpxClient(trust_env=False))


def server_alone(model: Path, port: int) -> list:
    return command_line("serve", model, "--port", port)


def test_a_client_gets_answers_whole_and_in_pieces_until_ctrl_c(tmp_path):
    port = free_port()
    with started(server_alone(packaged_model(), port), tmp_path / "printed") as (run, url):
        assert url == f"http://127.0.0.1:{port}/v1"
        openai = client(url)
        assert [model.id for model in openai.models.list()] == [packaged_model().stem]
        whole = openai.chat.completions.create(model="any", **ASKED).choices[0].message.content
        pieces = [
            chunk.choices[0].delta.content or ""
            for chunk in openai.chat.completions.create(model="any", stream=True, **ASKED)
            if chunk.choices
        ]
        assert "4" in whole and "".join(pieces) == whole and len(pieces) > 3
        os.killpg(run.pid, signal.SIGINT)
        assert run.wait() == 0
    assert "Traceback" not in (tmp_path / "printed").read_text()
    with pytest.raises(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        pass


def test_the_curl_line_that_it_prints_is_answered(tmp_path):
    with started(server_alone(packaged_model(), free_port()), tmp_path / "printed") as (_, url):
        line = re.search(r"curl (?:.|\n)*?\n\n", (tmp_path / "printed").read_text())[0]
        assert url in line
        command = line.strip().replace("curl ", "curl --silent --noproxy '*' ", 1)
        said = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout
    assert '"role":"assistant"' in said


def test_a_taken_port_is_told_before_the_model_is_loaded(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(
            ServeError, match=rf"Port {port} of 127\.0\.0\.1 can't be used .*understudy serve --port {port + 1}"
        ):
            serve(Served("x", tmp_path / "never-read.gguf"), Address(port=port))


def test_a_server_that_dies_ends_it(tmp_path):
    with started(server_alone(packaged_model(), free_port()), tmp_path / "printed") as (run, _):
        children = Path(f"/proc/{run.pid}/task/{run.pid}/children")
        if not children.exists():
            pytest.skip("no /proc here")
        os.kill(int(children.read_text()), signal.SIGKILL)
        assert run.wait() == 1
    assert "llama.cpp stopped with status -9" in (tmp_path / "printed").read_text()


def test_a_missing_file_is_told():
    with pytest.raises(EmbeddedModelError, match=r"nothing\.gguf does not exist"):
        serve(Served("x", Path("nothing.gguf")), Address(port=free_port()))


def test_the_project_s_own_model_is_served_beside_snakemake_and_without_a_lock(project, tmp_path):
    port = free_port()
    command = command_line("serve", "--directory", project.path, "--port", port)
    with started(command, tmp_path / "printed") as (run, url):
        assert url.endswith(f":{port}/v1")
        reply = client(url).chat.completions.create(model="any", messages=ASKED["messages"], max_tokens=4)
        assert reply.choices[0].message.role == "assistant"
        project.snakemake("-f", "data/videos.json")
        os.killpg(run.pid, signal.SIGINT)
        run.wait()
    printed = (tmp_path / "printed").read_text()
    assert "Traceback" not in printed and "--unlock" not in printed, printed
    assert project.planned() == {}
    project.snakemake("data/videos.json")
