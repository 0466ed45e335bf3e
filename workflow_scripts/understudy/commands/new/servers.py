"""Servers with models that answer on this machine, at the ports of LM Studio, Ollama and llama-server."""

import json
import urllib.request
from typing import NamedTuple

from understudy.passages.cutting import plain_line

SERVERS = {"LM Studio": 1234, "Ollama": 11434, "llama-server": 8080}
LONGEST_WAIT_S = 1.0
MOST_BYTES, MOST_MODELS, LONGEST_NAME = 1_000_000, 50, 200
# They answer no question.
NO_CHAT = ("embed", "rerank", "whisper", "bert")
# Nothing on loopback is asked by way of a proxy.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class ServedModel(NamedTuple):
    """A model of a server on loopback; `size` is its bytes, None where the server doesn't say it."""

    name: str
    server: str
    base_url: str
    size: int | None


def served_models() -> list[ServedModel]:
    """The models of all servers that answer, by server and in their order."""
    return [model for server, port in SERVERS.items() for model in models_of(server, port)]


def models_of(server: str, port: int) -> list[ServedModel]:
    """What a server offers; none if nothing answers there, or something else does."""
    address = f"http://localhost:{port}"
    listed = records_at(f"{address}/v1/models", "data")
    sizes = {record.get("name"): record.get("size") for record in records_at(f"{address}/api/tags", "models")}
    found = []
    for record in listed[:MOST_MODELS]:
        name, meta = record.get("id"), record.get("meta")
        if not isinstance(name, str) or not is_chat_model(name):
            continue
        size = sizes.get(name) or (meta.get("size") if isinstance(meta, dict) else None)
        found.append(ServedModel(name, server, f"{address}/v1", size if isinstance(size, int) and size > 0 else None))
    return found


def is_chat_model(name: str) -> bool:
    """Whether a name can be a model's that is asked questions; one that isn't plain text is nobody's."""
    plain = 0 < len(name) <= LONGEST_NAME and name == plain_line(name)
    return plain and not any(word in name.lower() for word in NO_CHAT)


def records_at(url: str, key: str) -> list[dict]:
    """The records under `key` of the JSON that a server gives; none for whatever isn't that."""
    try:
        with DIRECT.open(url, timeout=LONGEST_WAIT_S) as reply:
            listed = json.loads(reply.read(MOST_BYTES))[key]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []
    return [record for record in listed if isinstance(record, dict)] if isinstance(listed, list) else []
