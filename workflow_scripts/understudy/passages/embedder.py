"""What turns texts into vectors: a GGUF embedding model in llama.cpp, or an OpenAI-compatible server."""

import hashlib
import json
import urllib.error
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from understudy.models.llama.server import ask_server, embedded_server
from understudy.models.paths import gguf_source
from understudy.passages.vectors import EmbedderError, what_shapes_vectors
from understudy.shared.files import file_sha256

# Tokens that one text may have in llama.cpp. A unit has 60 words.
CONTEXT_LENGTH = 512
IN_FLIGHT = 8
TEXTS_A_REQUEST = 32
# The part of a text that llama.cpp has refused as too long, tried next.
SHORTER = 0.5
SHORTEST_TEXT = 20


def vectors_name(shaping: dict) -> str:
    """16 hex digits for the vectors of an embedder; a model file counts by its content."""
    source = shaping["gguf"]
    if source is not None:
        file = file_sha256(gguf_source(source, "retrieval.embedder.gguf"))
        shaping = {"gguf": file, "passage_prefix": shaping["passage_prefix"]}
    return hashlib.sha256(json.dumps(shaping, sort_keys=True).encode()).hexdigest()[:16]


class TextRefused(EmbedderError):
    """The embedder doesn't take a text, most likely because it is too long."""


class Embedder:
    """Texts to vectors of length 1. `name` is the same for the same vectors.

    `ask` gives the vectors of a list of texts, in its order; it raises TextRefused, or EmbedderError if it can't be asked."""

    def __init__(self, ask: Callable[[list[str]], list], settings: dict):
        self._ask = ask
        self._settings = settings
        self.name = vectors_name(what_shapes_vectors(settings))

    def passages(self, texts: Sequence[str]) -> np.ndarray:
        """Vectors (texts, dimensions) in float16."""
        return self._in_parts(self._settings["passage_prefix"], texts).astype(np.float16)

    def question(self, text: str) -> np.ndarray:
        """The vector of a question, in float32."""
        return self.questions([text])[0]

    def questions(self, texts: Sequence[str]) -> np.ndarray:
        """Vectors (texts, dimensions) in float32."""
        return self._in_parts(self._settings["query_prefix"], texts)

    def _in_parts(self, prefix: str, texts: Sequence[str]) -> np.ndarray:
        parts = (texts[at : at + TEXTS_A_REQUEST] for at in range(0, len(texts), TEXTS_A_REQUEST))
        return np.concatenate([self._vectors([prefix + text for text in part]) for part in parts])

    def _vectors(self, texts: list[str]) -> np.ndarray:
        try:
            return unit_vectors(self._ask(texts), len(texts))
        except TextRefused as refusal:
            return self._one_by_one(texts, refusal)

    def _one_by_one(self, texts: list[str], refusal: TextRefused) -> np.ndarray:
        """Ask for each text alone, and for a part of one that is too long."""
        if len(texts) > 1:
            return np.concatenate([self._vectors([text]) for text in texts])
        if len(texts[0]) < SHORTEST_TEXT:
            raise EmbedderError(str(refusal)) from None
        return self._vectors([texts[0][: int(len(texts[0]) * SHORTER)]])


def one_line(error: object) -> str:
    return " ".join(str(error).split())[:300]


def unit_vectors(replied: list, count: int) -> np.ndarray:
    """The reply as vectors of length 1. Raises EmbedderError for anything that is no list of `count` equally long vectors."""
    try:
        with np.errstate(over="ignore"):
            vectors = np.array(replied, dtype=np.float32)
    except (TypeError, ValueError):
        vectors = np.zeros(0)
    if vectors.ndim != 2 or len(vectors) != count or not np.isfinite(vectors).all():
        raise EmbedderError(f"retrieval.embedder replied with no {count} vectors of one length and finite numbers.")
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not lengths.all():
        raise EmbedderError("retrieval.embedder replied with a vector of zeros.")
    return vectors / lengths


@contextmanager
def embedder_for(settings: dict, threads: int | None = None) -> Iterator[Embedder | None]:
    """The embedder of the configuration's `retrieval.embedder` for as long as a `with` block lasts; None without one.

    Raises EmbeddedModelError if llama.cpp can't load the file, EmbedderError for a server without a key."""
    if what_shapes_vectors(settings) is None:
        yield None
    elif settings["gguf"] is None:
        # The client of a server takes half a second to load, and no pack has it.
        from understudy.passages.hosted_embedder import ask_of_server

        yield Embedder(ask_of_server(settings), settings)
    else:
        path = Path(gguf_source(settings["gguf"], "retrieval.embedder.gguf"))
        with embedded_server(path, CONTEXT_LENGTH, IN_FLIGHT, threads, embeds=True) as base_url:
            yield Embedder(lambda texts: embedded_vectors(base_url, texts), settings)


def embedded_vectors(base_url: str, texts: list[str]) -> list:
    """What our own llama.cpp replies for texts, in their order."""
    try:
        reply = ask_server(f"{base_url}/embeddings", {"input": texts, "encoding_format": "float"})
        return [item["embedding"] for item in sorted(reply["data"], key=lambda item: item["index"])]
    except urllib.error.HTTPError as error:
        said = one_line(error.read().decode(errors="replace"))
        raise TextRefused(f"retrieval.embedder refuses a text: {said}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EmbedderError(f"retrieval.embedder can't be asked: {one_line(error)}") from None
