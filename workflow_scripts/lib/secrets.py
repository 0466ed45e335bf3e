"""Values that belong in no file of the repository: from the environment or a .env file, and kept out of every log."""

import os
import re
from pathlib import Path

from dotenv import dotenv_values

REPOSITORY = Path(__file__).resolve().parents[2]
API_KEY = "OPENAI_API_KEY"
PROXY = "UNDERSTUDY_PROXY"
SHORTEST = 8
LOGIN_IN_ADDRESS = re.compile(r"(?<=://)[^/@\s'\"]+(?=@)")


def places_of_secrets() -> list[Path]:
    """The .env files that are read: of the working directory, of data/, of the repository."""
    return list(dict.fromkeys(folder / ".env" for folder in (Path.cwd(), Path.cwd() / "data", REPOSITORY)))


def secret(variable: str) -> str | None:
    """Return the variable's value from the environment, else from the first .env file that has it, else None."""
    found = [os.environ.get(variable)]
    found += [dotenv_values(place).get(variable) for place in places_of_secrets() if place.is_file()]
    return next((value for value in found if value), None)


def known_secrets() -> list[str]:
    """The values that no log may show."""
    return [value for value in map(secret, (API_KEY, PROXY)) if value and len(value) >= SHORTEST]


def without_secrets(text: str, secrets: list[str]) -> str:
    """Return `text` with all `secrets`, and the login in every address, made unreadable."""
    for value in secrets:
        text = text.replace(value, "***")
    return LOGIN_IN_ADDRESS.sub("***", text)
