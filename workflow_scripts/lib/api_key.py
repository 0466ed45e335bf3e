"""Where the teacher's API key comes from. It is handed to the client and to nobody else."""

import ipaddress
import os
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values

from lib.errors import UnderstudyError

VARIABLE = "OPENAI_API_KEY"
REPOSITORY = Path(__file__).resolve().parents[2]


class MissingKeyError(UnderstudyError):
    """No API key in the environment or in a .env file."""


def api_key_for(base_url: str) -> str:
    """Return the key for a server: the environment's, else a .env file's. A server on loopback needs none.

    Raises MissingKeyError that names the places searched."""
    places = list(dict.fromkeys(folder / ".env" for folder in (Path.cwd(), Path.cwd() / "data", REPOSITORY)))
    candidates = [
        os.environ.get(VARIABLE),
        *(dotenv_values(place).get(VARIABLE) for place in places if place.is_file()),
    ]
    key = next((candidate for candidate in candidates if candidate), None)
    if key is not None:
        return key
    if is_loopback(base_url):
        return "no-key-needed"
    searched = ", ".join(str(place) for place in places)
    raise MissingKeyError(
        f"No API key for {urlsplit(base_url).hostname}: set {VARIABLE} in the environment or in one of {searched}."
    )


def is_loopback(base_url: str) -> bool:
    host = urlsplit(base_url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
