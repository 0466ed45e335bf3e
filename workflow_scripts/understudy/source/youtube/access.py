"""How this project reaches YouTube: proxy, cookies, certificates, pace. None of it shapes what is made."""

import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.cookiejar import MozillaCookieJar
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import requests
from tenacity import Retrying, retry_if_exception, stop_after_attempt
from youtube_transcript_api.proxies import GenericProxyConfig

from understudy.shared.credentials import PROXY, secret
from understudy.shared.errors import ConfigurationError
from understudy.shared.log import log
from understudy.shared.run import check_not_stopped, stop_run, wait_unless_stopped
from understudy.source.youtube.errors import AddressBlocked, YouTubeError

TIMEOUT_S = (10, 30)
TRIES_OVER_NEW_ADDRESSES = 10
LONGEST_PAUSE_S = 120
WHAT_TO_DO = (
    "Nothing more is asked in this run, and nothing that was fetched is lost. Wait before you run the same command again, it "
    "goes on where it stopped: a block like this is mostly over after some hours, at times after a day or two. What helps "
    "meanwhile: a longer source.pause_s, another address (source.proxy), or a signed-in browser's cookies (source.cookies); "
    "docs/source.md says what each is for."
)


class YouTubeAccess(NamedTuple):
    """The settings of `source` that say how to reach YouTube. `pause_s` in seconds."""

    proxy: str | None
    proxy_rotates: bool
    cookies: str | None
    pause_s: float
    retries: int
    fallback: bool

    @classmethod
    def configured(cls, source: dict) -> "YouTubeAccess":
        """From the configuration; a proxy with a login comes from the environment or a .env file instead."""
        given = {key: source[key] for key in cls._fields}
        return cls(**{**given, "proxy": checked_proxy(secret(PROXY)) or source["proxy"]})


class RotatingProxy(GenericProxyConfig):
    """A proxy that gives each new connection another address. Its repeats are not left to urllib3, which would wait for as long
    as a Retry-After says, deaf to the stop file."""

    prevent_keeping_connections_alive = True


def checked_proxy(address: str | None) -> str | None:
    """Return the secret proxy. Raises ConfigurationError, which doesn't show it, if it is no address."""
    try:
        usable = address is None or (urlsplit(address).hostname and urlsplit(address).port and urlsplit(address).scheme)
    except ValueError:
        usable = False
    if not usable:
        raise ConfigurationError(
            f"{PROXY} is no address: it takes scheme://user:password@host:port, with signs such as / @ : in the password "
            "percent-encoded (%2F %40 %3A)."
        )
    return address


class StoppableSession(requests.Session):
    """Requests with a time limit, none of which is sent once the run is stopped."""

    def __init__(self, proxy: str | None):
        super().__init__()
        # requests would let HTTPS_PROXY win over the proxy that the project names.
        self.trust_env = proxy is None
        certificates = (os.environ.get(name) for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"))
        self.verify = next(filter(None, certificates), True)

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        check_not_stopped()
        return super().request(*args, **{"timeout": TIMEOUT_S, **kwargs})


def proxy_config(access: YouTubeAccess) -> GenericProxyConfig | None:
    """The proxy as youtube-transcript-api takes it."""
    if access.proxy is None:
        return None
    return (RotatingProxy if access.proxy_rotates else GenericProxyConfig)(access.proxy, access.proxy)


@contextmanager
def yt_dlp_options(access: YouTubeAccess, **more: Any) -> Iterator[dict]:
    """yt-dlp's options for this access. It gets a copy of the cookies, because it writes to their file."""
    options = {
        "quiet": True,
        "no_warnings": True,
        "noprogress": True,
        "cachedir": False,
        "logger": log,
        "socket_timeout": TIMEOUT_S[1],
        "sleep_interval_requests": access.pause_s,
        "extractor_retries": access.retries,
        "retry_sleep_functions": {"extractor": lambda n: pause_before_try(access, n + 1)},
        **more,
    }
    if access.proxy is not None:
        options["proxy"] = access.proxy
    if os.environ.get("SSL_CERT_FILE"):
        options["compat_opts"] = {"no-certifi"}
    with tempfile.TemporaryDirectory() as private:
        if access.cookies is not None:
            check_cookies(access.cookies)
            options["cookiefile"] = str(shutil.copyfile(access.cookies, Path(private) / "cookies.txt"))
        yield options


def check_cookies(path: str) -> None:
    """Raise ConfigurationError if the file holds no cookies; its text, which is secret, is not shown."""
    try:
        MozillaCookieJar(path).load()
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(
            f"source.cookies is {path!r}: not a file of cookies in Netscape format. Browser extensions write one as cookies.txt."
        ) from None


def pause(access: YouTubeAccess) -> None:
    """Wait between two videos: `pause_s` on average, never twice the same, so that it doesn't look like a machine's beat."""
    wait_unless_stopped(access.pause_s * random.uniform(0.5, 1.5))


def pause_before_try(access: YouTubeAccess, attempt: int) -> float:
    """Seconds to wait before the try with this number: twice as long each time."""
    return min(access.pause_s * 2**attempt * random.uniform(0.75, 1.25), LONGEST_PAUSE_S)


def repeated(request: Callable, access: YouTubeAccess) -> Any:
    """Call `request` until it succeeds: `access.retries` more times where YouTubeError says that this may help, and over new
    addresses of a rotating proxy when blocked."""

    def may_help(error: BaseException) -> bool:
        blocked_there = access.proxy_rotates and isinstance(error, AddressBlocked)
        return blocked_there or (isinstance(error, YouTubeError) and error.worth_repeating)

    tries = TRIES_OVER_NEW_ADDRESSES if access.proxy_rotates else access.retries + 1
    retrying = Retrying(
        stop=stop_after_attempt(tries),
        wait=lambda state: pause_before_try(access, min(state.attempt_number, access.retries)),
        retry=retry_if_exception(may_help),
        sleep=wait_unless_stopped,
        before_sleep=lambda state: log.info("%s Again in %.1f s.", state.outcome.exception(), state.next_action.sleep),
        reraise=True,
    )
    return retrying(request)


def blocked(error: AddressBlocked) -> Exception:
    """Stop the whole run because of `error`, and return the exception to raise."""
    return stop_run(f"{error}. {WHAT_TO_DO}")
