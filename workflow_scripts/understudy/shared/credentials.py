"""Values that belong in no file of the repository: from the environment or a .env file, kept out of every log, and the API key
that a server is given."""

import ipaddress
import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values

from understudy.shared.checkout import REPOSITORY
from understudy.shared.errors import UnderstudyError

API_KEY = "OPENAI_API_KEY"
HUB_TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
HUB_LOGIN = ("HF_TOKEN_PATH", "HF_HOME", "XDG_CACHE_HOME")
PROXY = "UNDERSTUDY_PROXY"
SHORTEST = 4
PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
LOGIN_IN_ADDRESS = re.compile(r"(?<=://)[^/@\s'\"]+(?=@)")


def places_of_secrets() -> list[Path]:
    """The .env files that are read: of the working directory, of data/, of the repository."""
    return list(dict.fromkeys(folder / ".env" for folder in (Path.cwd(), Path.cwd() / "data", REPOSITORY)))


def secret(variable: str) -> str | None:
    """Return the variable's value from the environment, else from the first .env file that has it, else None."""
    found = [os.environ.get(variable)]
    found += [dotenv_values(place).get(variable) for place in places_of_secrets() if place.is_file()]
    return next((value for value in found if value), None)


def saved_hub_token() -> str | None:
    """Return the token that `hf auth login` has saved, from where huggingface_hub keeps it; to hide it, not to send it."""
    path, home, cache = (os.environ.get(name) for name in HUB_LOGIN)
    home = home or Path(cache or Path.home() / ".cache") / "huggingface"
    try:
        return Path(path or Path(home) / "token").expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError):
        return None


def keys_and_tokens() -> list[str]:
    """The values that open a server to whoever has them."""
    values = [secret(API_KEY), *(secret(name) for name in HUB_TOKENS), saved_hub_token()]
    return [value for value in values if value]


def known_secrets() -> list[str]:
    """The values that no log may show: the keys, and of proxies also the login and its parts, which errors quote in pieces."""
    proxies = [secret(PROXY), *(os.environ.get(name) for name in (*PROXIES, *map(str.lower, PROXIES)))]
    values = [*keys_and_tokens(), secret(PROXY)]
    for login in (proxy.split("://")[-1].rpartition("@")[0] for proxy in proxies if proxy):
        user, _, password = login.partition(":")
        values += [login, password, *re.split(r"[/@:]", password), f"{user}:{re.split('[/@]', password)[0]}"]
    return sorted({value for value in values if value and len(value) >= SHORTEST}, key=len, reverse=True)


def without_secrets(text: str, secrets: list[str]) -> str:
    """Return `text` with all `secrets`, and the login in every address, made unreadable."""
    for value in secrets:
        text = text.replace(value, "***")
    return LOGIN_IN_ADDRESS.sub("***", text)


class MissingKeyError(UnderstudyError):
    """No API key in the environment or in a .env file."""


def api_key_for(base_url: str) -> str:
    """Return the key for a server: the environment's, else a .env file's. A server on loopback needs none.

    Raises MissingKeyError that names the places searched."""
    key = secret(API_KEY)
    if key is not None:
        return key
    if is_loopback(base_url):
        return "no-key-needed"
    searched = ", ".join(str(place) for place in places_of_secrets())
    raise MissingKeyError(
        f"No API key for {urlsplit(base_url).hostname}: set {API_KEY} in the environment or in one of {searched}."
    )


def is_loopback(base_url: str) -> bool:
    host = urlsplit(base_url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
