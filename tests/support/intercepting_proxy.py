"""A proxy on loopback that answers for the sites behind it: HTTP, HTTPS and SOCKS5 in front, TLS and HTTP/1.1 inside."""

import contextlib
import select
import socket
import socketserver
import ssl
import threading
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import trustme


@dataclass
class Request:
    """What a client asked of a site."""

    host: str
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""


@dataclass
class Reply:
    """What a site answers. `ending` may be "cut", half of the body it announces, or "reset", not a byte."""

    body: bytes = b""
    status: int = 200
    content_type: str = "text/html; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    ending: str = "whole"


def spoilt(good: Reply, failure: str, request: Request) -> Reply:
    """What any site answers on a bad day, instead of the good reply."""
    match failure:
        case "too_many_requests":
            return Reply(b"<html><title>Sorry...</title><h1>429. That's an error.</h1></html>", 429)
        case "server_error":
            return Reply(b"<html><title>503</title><h1>503. Service Unavailable</h1></html>", 503)
        case "redirect_loop":
            status = 302 if request.method == "GET" else 307
            return Reply(status=status, headers={"Location": f"{quote(request.path)}?{urlencode(request.query)}"})
        case "half":
            return replace(good, body=good.body[: len(good.body) // 2])
        case "empty":
            return replace(good, body=b"")
        case "cut" | "reset":
            return replace(good, ending=failure)
    raise ValueError(failure)


class InterceptingProxy:
    """`with InterceptingProxy(folder) as proxy`: a subclass says which hosts it `serves`, and what they `reply`."""

    def __init__(self, folder: Path):
        self.ca_file = Path(folder) / "ca.pem"
        self.errors: list[Exception] = []
        self._lock = threading.RLock()
        self._authority = trustme.CA()
        self._authority.cert_pem.write_to_path(self.ca_file)
        self._contexts: dict[tuple[str, ...], ssl.SSLContext] = {}

    def serves(self, host: str) -> bool:
        raise NotImplementedError

    def reply(self, request: Request) -> Reply:
        raise NotImplementedError

    def refused(self, host: str) -> None:
        """Called with a host that this proxy doesn't serve."""

    def __enter__(self):
        self._fronts = [_Front(self, kind) for kind in (_HttpFront, _TlsFront, _SocksFront)]
        for front in self._fronts:
            threading.Thread(target=front.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, kind, *_):
        for front in self._fronts:
            front.shutdown()
            front.server_close()
        if self.errors and kind is None:
            raise self.errors[0]

    @property
    def proxy(self) -> str:
        return f"http://127.0.0.1:{self._port(0)}"

    @property
    def https_proxy(self) -> str:
        return f"https://127.0.0.1:{self._port(1)}"

    @property
    def socks_proxy(self) -> str:
        return f"socks5h://127.0.0.1:{self._port(2)}"

    @property
    def environment(self) -> dict[str, str]:
        """For clients that take their certificates from the environment; requests heeds it before `session.verify`."""
        return dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"), str(self.ca_file))

    def _port(self, front: int) -> int:
        return self._fronts[front].server_address[1]

    def _inside(self, connection: socket.socket, *hosts: str) -> ssl.SSLSocket:
        """The server's end of TLS, with a certificate for `hosts`."""
        with self._lock:
            if hosts not in self._contexts:
                self._contexts[hosts] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                self._authority.issue_cert(*hosts).configure_cert(self._contexts[hosts])
        return self._contexts[hosts].wrap_socket(connection, server_side=True)

    def _serve_inside(self, connection: socket.socket, host: str) -> None:
        """Play `host` on a connection that the client takes for a way to it."""
        with self._inside(connection, host) as secured:
            handler = type("Handler", (_Site,), {"host": host, "timeout": 60})
            handler(secured, None, self)


class _Front(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 32

    def __init__(self, owner: InterceptingProxy, handler: type):
        self.owner = owner
        super().__init__(("127.0.0.1", 0), handler)

    def handle_error(self, *_):
        """A client that hangs up or mistrusts the certificate is no news."""


class _HttpFront(BaseHTTPRequestHandler):
    """`CONNECT host:443`, then TLS to that host."""

    protocol_version = "HTTP/1.1"

    def do_CONNECT(self):
        host = self.path.rpartition(":")[0].lower()
        self.close_connection = True
        if not self.server.owner.serves(host):
            self.server.owner.refused(host)
            return self.send_error(502, "Not a site of this proxy")
        self.send_response(200, "Connection established")
        self.end_headers()
        return self.server.owner._serve_inside(self.connection, host)

    def do_GET(self):
        """Plain http: the sites send their visitors on to https."""
        site = urlsplit(self.path)
        if not self.server.owner.serves(site.hostname or ""):
            self.server.owner.refused(site.hostname or "")
            return self.send_error(502, "Not a site of this proxy")
        self.send_response(301)
        self.send_header("Location", site._replace(scheme="https").geturl())
        self.send_header("Content-Length", "0")
        return self.end_headers()

    do_POST = do_GET

    def log_message(self, *_):
        pass


class _TlsFront(socketserver.BaseRequestHandler):
    """The HTTP front, reached over TLS."""

    def handle(self):
        owner = self.server.owner
        secured = owner._inside(self.request, "127.0.0.1", "localhost")
        with secured as outer, socket.create_connection(("127.0.0.1", owner._port(0))) as inner:
            other = {outer: inner, inner: outer}
            while True:
                for side in [outer] if outer.pending() else select.select(list(other), [], [])[0]:
                    data = side.recv(65536)
                    if not data:
                        return
                    other[side].sendall(data)


class _SocksFront(socketserver.StreamRequestHandler):
    """SOCKS5 without authentication, CONNECT only."""

    def handle(self):
        self.rfile.read(self.rfile.read(2)[1])
        self.wfile.write(b"\x05\x00")
        *_, address_type = self.rfile.read(4)
        named = address_type == 3
        address = self.rfile.read(self.rfile.read(1)[0] if named else {1: 4, 4: 16}[address_type])
        host = (
            address.decode().lower()
            if named
            else socket.inet_ntop(socket.AF_INET if address_type == 1 else socket.AF_INET6, address)
        )
        self.rfile.read(2)
        served = self.server.owner.serves(host)
        if not served:
            self.server.owner.refused(host)
        self.wfile.write(b"\x05" + (b"\x00" if served else b"\x02") + b"\x00\x01" + bytes(6))
        if served:
            self.server.owner._serve_inside(self.connection, host)


class _Site(BaseHTTPRequestHandler):
    """One connection to a site, kept alive."""

    host: str
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # a reply in one piece, or the client waits for the second

    def do_GET(self):
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.host, self.command, unquote(url.path), dict(parse_qsl(url.query)), headers, body)
        try:
            reply = self.server.reply(request)
        except Exception as error:
            self.server.errors.append(error)
            reply = Reply(repr(error).encode(), 500)
        if reply.ending == "reset":
            self.close_connection = True
            return
        self.send_response(reply.status)
        for name, value in {"Content-Type": reply.content_type, **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        if self.close_connection:
            # The client asked for it, and would otherwise take the connection for one that it may use again.
            self.send_header("Connection", "close")
        self.end_headers()
        if reply.ending == "cut":
            self.close_connection = True
            self.wfile.write(reply.body[: len(reply.body) // 2])
        else:
            self.wfile.write(reply.body)

    do_POST = do_GET

    def finish(self):
        with contextlib.suppress(OSError):
            super().finish()

    def log_message(self, *_):
        pass
