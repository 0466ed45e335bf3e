"""What a request must be before anything reads it: for a host that is ours, from our own page or from no page, of a sensible
size, and not endlessly slow. A page of another site may send requests to this machine; it gets nothing and changes nothing."""

import asyncio
import contextlib
import ipaddress
import json
import re
from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from understudy.shared.hosts import is_loopback_host

# Bytes of a request's body: a long conversation has some 100 kB.
LARGEST_BODY = 4_000_000
# Seconds that a body may take to come, and a client to take a piece of an answer.
BODY_S, SENDING_S = 30, 60
HOST = re.compile(r"(?P<name>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?")
EVERY_ADDRESS = ("0.0.0.0", "::")
SECURITY_HEADERS = [
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
        b"manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
]


class Hosts:
    """The names under which the application may be asked. An address is no name that another site could point here."""

    def __init__(self, bound_to: str, others: Iterable[str] = ()):
        self._names = {name.lower().rstrip(".") for name in others}
        if bound_to not in EVERY_ADDRESS:
            self._names.add(bound_to.lower().strip("[]"))
        self._takes_addresses = bound_to in EVERY_ADDRESS

    def allows(self, host: str) -> bool:
        """Whether a Host header, with or without a port, names this application."""
        found = HOST.fullmatch(host)
        if found is None or int(found["port"] or 0) > 65535:
            return False
        name = found["name"].lower().rstrip(".").strip("[]")
        return is_loopback_host(name) or name in self._names or (self._takes_addresses and is_address(name))


def is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class Refused(Exception):
    """The request is not read any further."""

    def __init__(self, status: int, says: str):
        super().__init__(says)
        self.status = status
        self.says = says


class TakesNothing(Exception):
    """The client has stopped reading its answer."""


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, application: ASGIApp, hosts: Hosts):
        self.application = application
        self.hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.application(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        send = guarded(send)
        try:
            self.check(scope)
            body = await body_of(scope, receive)
        except Refused as refused:
            await refuse(scope, send, refused)
            return
        # uvicorn closes the connection of an answer that isn't whole.
        with contextlib.suppress(TakesNothing):
            await self.application(scope, with_body(body, receive), send)

    def check(self, scope: Scope) -> None:
        """Raise Refused for another host or another origin."""
        host = one_header(scope, b"host")
        if not self.hosts.allows(host):
            raise Refused(
                421,
                f"This is not {host[:100]!r}. A name of this machine is allowed with `understudy serve --allow-host NAME`.",
            )
        origins = [value for name, value in scope["headers"] if name == b"origin"]
        if origins and not is_own(origins, host):
            raise Refused(403, "Pages of other sites can't ask here.")


def one_header(scope: Scope, wanted: bytes) -> str:
    """The header's value; empty if it is missing or there are several."""
    values = [value for name, value in scope["headers"] if name == wanted]
    return values[0].decode("latin-1") if len(values) == 1 else ""


def is_own(origins: list[bytes], host: str) -> bool:
    """Whether a request comes from a page of the host that it is sent to."""
    if len(origins) != 1:
        return False
    scheme, _, origin = origins[0].decode("latin-1").lower().partition("://")
    return scheme in ("http", "https") and origin == host.lower()


async def body_of(scope: Scope, receive: Receive) -> bytes:
    """The whole body. Raises Refused for one that is too large, or too slow, or breaks off."""
    length = one_header(scope, b"content-length")
    if length.isdecimal() and int(length) > LARGEST_BODY:
        raise Refused(413, f"The request is larger than {LARGEST_BODY} bytes.")
    parts, size, more = [], 0, True
    try:
        async with asyncio.timeout(BODY_S):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Refused(400, "The request broke off.")
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                more = message.get("more_body", False)
                if size > LARGEST_BODY:
                    raise Refused(413, f"The request is larger than {LARGEST_BODY} bytes.")
    except TimeoutError:
        raise Refused(408, f"The request took longer than {BODY_S} seconds.") from None
    return b"".join(parts)


def with_body(body: bytes, receive: Receive) -> Receive:
    """What gives the body once, and then what else comes: that the client has gone."""
    given = False

    async def receive_body() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_body


def guarded(send: Send) -> Send:
    """What sends with the security headers, and gives up on a client that takes nothing."""

    async def send_guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *SECURITY_HEADERS]}
        try:
            async with asyncio.timeout(SENDING_S):
                await send(message)
        except TimeoutError:
            raise TakesNothing from None

    return send_guarded


async def refuse(scope: Scope, send: Send, refused: Refused) -> None:
    """Answer in the form of the endpoint, and close the connection: what else the client sends isn't read."""
    content = error_body(scope["path"], refused.status, refused.says)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


def error_body(path: str, status: int, says: str, code: str | None = None, param: str | None = None) -> bytes:
    """An error as OpenAI's clients read it under /v1, as our page does elsewhere."""
    if path == "/v1" or path.startswith("/v1/"):
        kind = "server_error" if status >= 500 else "invalid_request_error"
        return json.dumps({"error": {"message": says, "type": kind, "param": param, "code": code}}).encode()
    return json.dumps({"error": says}).encode()
