"""Which server is given the API key: a key belongs to a host. It is handed to that server's client and to nobody else."""

import os
import re
from pathlib import Path
from typing import NamedTuple

from dotenv import dotenv_values
from httpx2 import URL
from openai import Omit

from understudy.shared.credentials import API_KEY, places_of_secrets
from understudy.shared.errors import UnderstudyError
from understudy.shared.hosts import is_loopback_host

HOST_OF_KEY = "api.openai.com"
KEY_HOSTS = "UNDERSTUDY_API_KEY_HOSTS"
# What the client is given where no key is sent; it wants one.
NO_KEY = "no-key-needed"


class MissingKeyError(UnderstudyError):
    """No API key in the environment or in a .env file, or none that this server may have."""


class KnownKey(NamedTuple):
    """A key, where it stands, and the hosts that it may go to."""

    value: str
    place: str
    hosts: frozenset[str]


def known_keys() -> list[KnownKey]:
    """The API keys that there are, the environment's first.

    Each goes to the host that its name stands for, and to those that the user lists in the environment. A .env file of the
    project may list hosts, too, but for the key in that same file alone: who sends a project must not get the user's key."""
    listed = hosts_in(os.environ.get(KEY_HOSTS))
    keys = [(os.environ.get(API_KEY), "the environment", frozenset())]
    for place in places_of_secrets():
        # Not interpolated: ${OPENAI_API_KEY} in a project's file would be the environment's key.
        values = dotenv_values(place, interpolate=False) if place.is_file() else {}
        is_the_projects = place.parent in (Path.cwd(), Path.cwd() / "data")
        keys.append(
            (values.get(API_KEY), str(place), hosts_in(values.get(KEY_HOSTS)) if is_the_projects else frozenset())
        )
    return [KnownKey(value, place, hosts | listed | {HOST_OF_KEY}) for value, place, hosts in keys if value]


def hosts_in(listed: str | None) -> frozenset[str]:
    """The hosts of a list with commas or spaces: names or addresses, without a port."""
    return frozenset(re.split(r"[\s,]+", (listed or "").lower())) - {""}


def api_key_for(base_url: str) -> str:
    """Return the key that goes to a server, or NO_KEY if it is asked without one: on loopback unless the user lists it, and over
    plain http, by which everybody on the way could read it.

    Raises MissingKeyError for another server that no key may go to; it says what to write where."""
    address = URL(base_url)
    host = host_of(base_url)
    known = known_keys()
    if address.scheme == "https" or is_loopback(base_url):
        for key in known:
            if host in key.hosts:
                return key.value
    if address.scheme != "https" or is_loopback(base_url):
        return NO_KEY
    if not known:
        searched = ", ".join(str(place) for place in places_of_secrets())
        raise MissingKeyError(f"No API key for {host}: set {API_KEY} in the environment or in one of {searched}.")
    raise MissingKeyError(
        f"{host} gets no API key: that of {known[0].place} is for {HOST_OF_KEY}. If it is meant for {host}, write "
        f"{KEY_HOSTS}={host} into the environment. If {host} has a key of its own, write {API_KEY}=... and "
        f"{KEY_HOSTS}={host} into {Path.cwd() / '.env'}."
    )


def how_it_is_asked(base_url: str) -> str:
    """Say which server is asked, and whether a key is sent."""
    address = URL(base_url)
    server = address.host if address.port is None else f"{address.host}:{address.port}"
    try:
        key = api_key_for(base_url)
    except MissingKeyError as error:
        return f"The server is {server}. {error}"
    if key != NO_KEY:
        return f"The server is {server}; the key of {API_KEY} is sent to it."
    if address.scheme == "http" and not is_loopback(base_url):
        return f"The server is {server}; no key is sent, because plain http would show it to everybody on the way."
    return f"The server is {server}; no key is sent."


def headers_for(base_url: str, key: str) -> dict[str, str | Omit]:
    """The headers of each request in the place of those that the client takes from the environment, which are for OpenAI's own
    server: organisation, project, and whatever OPENAI_CUSTOM_HEADERS has."""
    if host_of(base_url) == HOST_OF_KEY:
        return {}
    lines = os.environ.get("OPENAI_CUSTOM_HEADERS", "").split("\n")
    custom = [line.partition(":")[0].strip() for line in lines if ":" in line]
    left_out = [name for name in ("OpenAI-Organization", "OpenAI-Project", *custom) if name.lower() != "authorization"]
    return {**dict.fromkeys(left_out, Omit()), "Authorization": f"Bearer {key}"}


def host_of(base_url: str) -> str:
    """The host as the client that sends the request reads it."""
    return URL(base_url).host.lower().rstrip(".")


def is_loopback(base_url: str) -> bool:
    return is_loopback_host(host_of(base_url))
