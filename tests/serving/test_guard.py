"""What other sites and rude clients try against the server on loopback, and what can't be reached by it."""

import contextlib
import json
import socket
from collections.abc import Iterator

import httpx2
import pytest

from chat_server import ChatServer, garden
from project import in_a_process
from understudy.serving.guard import Hosts

pytestmark = pytest.mark.hostile
IMPATIENT = """
from understudy.serving import connections, guard
from understudy.commands.command_line import main
connections.HEAD_S = guard.BODY_S = guard.SENDING_S = 1
sys.exit(main(sys.argv[1:]))
"""
PAGE = {"X-Understudy": "page", "Content-Type": "application/json"}


class Impatient(ChatServer):
    """The same, which waits a second where the real one waits many."""

    def command(self) -> list[str]:
        return in_a_process(IMPATIENT, *super().command()[2:])


@pytest.fixture(scope="module")
def impatient(tmp_path_factory) -> Iterator[ChatServer]:
    with Impatient(garden(tmp_path_factory.mktemp("impatient") / "garden")) as running:
        yield running


def raw(server: ChatServer, sent: bytes) -> bytes:
    """All that the server replies until it closes the connection."""
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        # It may have heard enough before the end.
        with contextlib.suppress(ConnectionError):
            connection.sendall(sent)
        received = b""
        while True:
            try:
                part = connection.recv(65536)
            except ConnectionError:
                return received
            if not part:
                return received
            received += part


def request(host: str, *lines: str, method: str = "GET", path: str = "/api/project") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", f"Host: {host}", *lines, "Connection: close", "", ""]).encode(
        "latin-1"
    )


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8080",
        "127.0.0.1.evil.example",
        "localhost.evil.example:8080",
        "127.0.0.1:8080@evil.example",
        "evil.example#127.0.0.1",
        "127.0.0.1:99999",
        "127.0.0.1:",
        "localhost:http",
        "192.168.1.1",
        "[::ffff:10.0.0.1]",
        "0.0.0.0",
        "",
        "127.1",
        "2130706433",
    ],
)
def test_a_name_that_somebody_else_points_here_gets_nothing(server, host):
    """DNS rebinding: the browser takes evil.example for this machine, and shows its page what this machine says."""
    received = raw(server, request(host))
    assert received.startswith(b"HTTP/1.1 421") and b"garden" not in received


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST:1", "[::1]:8080", "127.0.0.1:8080"])
def test_this_machine_s_own_names_are_answered_at_any_port_that_leads_here(server, host):
    assert b'"name":"garden"' in raw(server, request(host))


def test_two_hosts_are_none(server):
    received = raw(server, request("localhost", "Host: evil.example"))
    assert received.startswith((b"HTTP/1.1 400", b"HTTP/1.1 421")) and b"garden" not in received


@pytest.mark.parametrize("path", ["api/conversations", "v1/chat/completions", "api/project", "v1/models", ""])
@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "http://localhost:1", "http://localhost.evil.example", "file://", "localhost"],
)
def test_a_page_of_another_site_gets_and_changes_nothing(server, http, path, origin):
    for method in ("GET", "POST", "DELETE", "OPTIONS"):
        reply = http.request(method, path, headers=PAGE | {"Origin": origin}, content=b"{}")
        assert reply.status_code == 403 and "access-control-allow-origin" not in reply.headers, method


def test_our_own_page_is_answered(server, http):
    assert http.get("api/project", headers={"Origin": f"http://127.0.0.1:{server.port}"}).status_code == 200


def test_a_form_of_another_site_without_an_origin_changes_nothing(http):
    """Some clients send no Origin; a form can't send our header."""
    before = http.get("api/conversations").json()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert http.post("api/conversations", content=b"{}", headers=form).status_code == 403
    assert http.get("api/conversations").json() == before


@pytest.mark.parametrize("path", ["", "page/page.js", "api/project", "v1/models", "nothing", "page/nothing.js"])
def test_every_reply_has_the_headers_that_keep_a_browser_in(http, path):
    headers = http.get(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'") and "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy and headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer" and "server" not in headers


def test_a_body_of_100_mb_is_refused_before_it_is_read(server):
    head = request("localhost", "Content-Length: 100000000", method="POST", path="/v1/chat/completions")
    received = raw(server, head)
    assert received.startswith(b"HTTP/1.1 413") and b'"error"' in received


def test_a_body_that_never_ends_is_refused_when_it_is_too_large(server):
    head = request("localhost", "Transfer-Encoding: chunked", method="POST", path="/v1/chat/completions")
    chunk = b"%x\r\n%b\r\n" % (1 << 20, b"x" * (1 << 20))
    received = raw(server, head + chunk * 20)
    # The connection may be closed under the sending, which takes the reply with it.
    assert received.startswith(b"HTTP/1.1 413") or received == b""
    assert httpx2.get(f"{server.url}api/project", trust_env=False).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "slots",
        "props",
        "completion",
        "tokenize",
        "health",
        "metrics",
        "slots/0?action=save",
        "apply-template",
        "v1/slots",
    ],
)
def test_no_endpoint_of_llama_cpp_is_reachable(http, path):
    assert http.get(path).status_code == 404 and http.post(path, json={"content": "x"}).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/page/../application.py",
        "/page/..%2fapplication.py",
        "/page/%2e%2e/application.py",
        "/page//etc/passwd",
        "/page/%2fetc%2fpasswd",
        "/page/..\\application.py",
        "/page/page.js%00.html",
        "/page/",
        "/page/markdown-it.LICENSE/../../application.py",
        "/../../config.yaml",
        "//etc/passwd",
    ],
)
def test_no_path_leads_out_of_the_page_s_files(server, path):
    received = raw(server, request("localhost", path=path))
    assert received.startswith((b"HTTP/1.1 404", b"HTTP/1.1 400")), received[:100]


@pytest.mark.parametrize(
    "sent", [b"", b"GET", b"GET / HTTP/1.1\r\nHost: loc", b"POST /v1/models HTTP/1.1\r\nHost: localhost\r\n"]
)
def test_connections_that_begin_and_don_t_go_on_block_nobody(server, http, sent):
    waiting = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(200)]
    for one in waiting:
        one.sendall(sent)
    assert http.get("api/project").status_code == 200
    for one in waiting:
        one.close()


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nHost: loc",
        b"",
        b"GET /api/project HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HT",
    ],
)
def test_the_head_of_a_request_may_take_so_long_and_no_longer(impatient, sent):
    assert raw(impatient, sent).count(b"HTTP/1.1 200") == sent.count(b"/api/project")


def test_a_body_may_take_so_long_and_no_longer(impatient):
    head = request("localhost", "Content-Length: 10", method="POST", path="/v1/chat/completions")
    assert raw(impatient, head + b"{").startswith(b"HTTP/1.1 408")


def test_a_client_that_takes_nothing_gives_its_place_to_others(tmp_path, engine):
    """It asks for a long answer and doesn't read it: the kernel's room gets full, and then ours."""
    engine.says("x" * 30_000_000)
    asked = {"messages": [{"role": "user", "content": "### Task:"}], "stream": True, "max_tokens": 1_000_000}
    body = json.dumps(asked).encode()
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body)
    server = Impatient(garden(tmp_path / "garden"), "--engine", engine.url)
    with server, socket.socket() as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.connect(("127.0.0.1", server.port))
        lazy.sendall(head + body)
        engine.left.wait()


def test_a_bound_address_and_named_hosts_are_allowed_and_no_other():
    hosts = Hosts("192.168.1.5", ["talks.example"])
    assert all(map(hosts.allows, ["192.168.1.5:8080", "talks.example", "TALKS.EXAMPLE:443", "localhost:8080"]))
    assert not any(map(hosts.allows, ["192.168.1.6", "evil.example", "talks.example.evil.example", "x.talks.example"]))


def test_served_to_everybody_any_address_is_allowed_but_no_name():
    hosts = Hosts("0.0.0.0")
    assert hosts.allows("10.0.0.7:8080") and hosts.allows("[fe80::1]:8080") and not hosts.allows("evil.example")
