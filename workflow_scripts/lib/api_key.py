"""Where the teacher's API key comes from. It is handed to the client and to nobody else."""

import ipaddress
from urllib.parse import urlsplit

from lib.errors import UnderstudyError
from lib.secrets import API_KEY, places_of_secrets, secret


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
