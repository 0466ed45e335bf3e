"""Values that belong in no file of the repository: from the environment or a .env file, and kept out of every log."""

import os
import re
from pathlib import Path

from dotenv import dotenv_values

from understudy.shared.checkout import REPOSITORY

API_KEY = "OPENAI_API_KEY"
# Of the server that `understudy serve --engine` asks; read from the environment alone.
ENGINE_KEY = "UNDERSTUDY_ENGINE_KEY"
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
    return next(iter(values_of(variable)), None)


def values_of(variable: str) -> list[str]:
    """Every value that the variable has: in the environment, then in each .env file."""
    found = [os.environ.get(variable)]
    found += [dotenv_values(place, interpolate=False).get(variable) for place in places_of_secrets() if place.is_file()]
    return [value for value in found if value]


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
    values = [value for name in (API_KEY, ENGINE_KEY, *HUB_TOKENS) for value in values_of(name)]
    return [*values, *filter(None, [saved_hub_token()])]


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
