"""How `understudy serve` begins and ends: one clear line for what can't be, and nothing left behind."""

import os
import signal
import socket
from pathlib import Path

import pytest

from chat_server import ChatServer, garden, http_client
from project import environment, understudy

BODY = {"messages": [{"role": "user", "content": "How long does a cabbage stalk take to rot?"}], "max_tokens": 4}


class InOwnFolder(ChatServer):
    """Its temporary files lie in a folder of their own."""

    @property
    def temporary(self) -> Path:
        folder = self.project.parent / "temporary"
        folder.mkdir(exist_ok=True)
        return folder

    def environment(self) -> dict[str, str]:
        return environment() | {"TMPDIR": str(self.temporary)}


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc here")
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_in_the_temporary_folder_and_no_process(tmp_path, sign):
    with InOwnFolder(garden(tmp_path / "garden")) as server:
        with http_client(server) as http:
            assert http.post("v1/chat/completions", json=BODY).status_code == 200
        (llama,) = children_of(server.pid)
        assert list(server.temporary.iterdir()) == []
        os.kill(server.pid, sign)
        assert server.wait() == (-sign if sign == signal.SIGKILL else 0)
        while Path(f"/proc/{llama}").exists():
            pass
        assert list(server.temporary.iterdir()) == []
    assert "Traceback" not in server.printed.read_text()


def test_answers_under_way_don_t_hold_up_the_end(tmp_path, engine):
    engine.says("x" * 99, holds=1)
    with (
        ChatServer(garden(tmp_path / "garden"), "--engine", engine.url) as server,
        http_client(server) as http,
        http.stream("POST", "v1/chat/completions", json=BODY | {"stream": True}) as reply,
    ):
        next(reply.iter_lines())
        os.kill(server.pid, signal.SIGINT)
        assert server.wait() == 0
    assert server.printed.read_text().endswith("\nEnded.\n")


@pytest.mark.parametrize("port", ["99999", "0", "-1", "http"])
def test_a_port_that_is_none_gets_a_clear_line(port):
    done = understudy("serve", "x.gguf", f"--port={port}")
    assert done.returncode == 2 and "is no whole number from 1 to 65535" in done.stderr


def test_a_busy_port_gets_a_clear_line(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = understudy("--directory", garden(tmp_path / "garden"), "serve", "--port", port)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert f"Port {port} of 127.0.0.1 can't be used" in done.stderr and f"--port {port + 1}" in done.stderr


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_an_address_that_isn_t_this_machine_s_gets_a_clear_line(tmp_path, host):
    done = understudy("--directory", garden(tmp_path / "garden"), "serve", "--host", host)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert f"--host {host} is no address of this machine" in done.stderr and "port" not in done.stderr.lower()


@pytest.mark.parametrize("host", ["", " "])
def test_no_address_is_not_every_address(host):
    done = understudy("serve", "x.gguf", f"--host={host}")
    assert done.returncode == 2 and "it is empty" in done.stderr


@pytest.mark.skipif(not Path("/dev/null").exists(), reason="no /dev here")
def test_what_is_there_and_no_file_is_not_said_to_be_missing():
    done = understudy("serve", "/dev/null")
    assert done.returncode == 1 and "/dev/null is no file" in done.stderr and done.stderr.count("\n") == 1


def test_a_folder_that_is_no_pack_gets_a_clear_line(tmp_path):
    (tmp_path / "folder").mkdir()
    done = understudy("serve", tmp_path / "folder")
    assert done.returncode == 1 and "no pack" in done.stderr and done.stderr.count("\n") == 1


def test_served_to_others_it_says_that_there_is_no_password(tmp_path, engine):
    server = ChatServer(
        garden(tmp_path / "garden"), "--engine", engine.url, "--host", "0.0.0.0", "--allow-host", "talks.example"
    )
    with server, http_client(server) as http:
        assert "for everybody who reaches this machine, without a password" in server.printed.read_text()
        assert http.get("api/project", headers={"Host": "talks.example"}).status_code == 200
        assert http.get("api/project", headers={"Host": "evil.example"}).status_code == 421


def test_the_whole_terminal_output_has_no_question(tmp_path, engine):
    engine.says("Two years.")
    with ChatServer(garden(tmp_path / "garden"), "--engine", engine.url) as server, http_client(server) as http:
        http.post("v1/chat/completions", json={"messages": [{"role": "user", "content": "Is the zyxwv rotten?"}]})
        http.post("v1/chat/completions", content=b"zyxwv")
        engine.__exit__()
        http.post("v1/chat/completions", json={"messages": [{"role": "user", "content": "Is the zyxwv rotten?"}]})
        assert "zyxwv" not in server.printed.read_text()
        holding = [path for path in server.project.rglob("*") if path.is_file() and b"zyxwv" in path.read_bytes()]
    assert holding == []
