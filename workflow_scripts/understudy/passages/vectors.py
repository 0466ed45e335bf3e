"""The units' vectors in the index: float16, kept by what they are of and by whom, so that none is computed twice."""

import hashlib
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from understudy.passages.cutting import Sentence, Unit
from understudy.passages.store import Store
from understudy.shared.errors import UnderstudyError
from understudy.shared.log import log

if TYPE_CHECKING:
    from understudy.passages.embedder import Embedder

# Vectors that a thread compares at a time: as float32 they fit into its cache.
ROWS = 512
# Units by which it is told how alike a question and any unit usually are.
SAMPLE = 20_000


class EmbedderError(UnderstudyError):
    """The embedder can't be asked, or replies with something else than vectors."""


def what_shapes_vectors(embedder: dict) -> dict | None:
    """What of the configuration's `retrieval.embedder` shapes the vectors in the index, None without one; the address doesn't,
    and what stands in front of a question doesn't."""
    if embedder["gguf"] is None and embedder["base_url"] is None:
        return None
    return {key: embedder[key] for key in ("gguf", "model", "revision", "passage_prefix")}


def unit_texts(title: str, sentences: list[str], units: Iterable[tuple[int, int]]) -> list[str]:
    """What is embedded: each unit's sentences with the talk's title in front."""
    return [f"{title}. {' '.join(sentences[first:end])}" for first, end in units]


def content_hash(title: str, sentences: list[Sentence], units: list[Unit]) -> str:
    """Names the vectors of a talk by the texts that they are of."""
    texts = unit_texts(title, [sentence.text for sentence in sentences], [(unit.first, unit.end) for unit in units])
    return hashlib.sha256("\0".join(texts).encode("utf-8", "replace")).hexdigest()


def add_missing_vectors(store: Store, embedder: "Embedder") -> int:
    """Embed the talks that have no vectors of this embedder yet; commit after each. Returns how many units were embedded."""
    missing = store.rows(
        "SELECT id, title, content FROM talks "
        "WHERE units > 0 AND content NOT IN (SELECT content FROM vectors WHERE embedder = ?) ORDER BY id",
        embedder.name,
    )
    embedded = 0
    for number, (talk, title, content) in enumerate(missing, 1):
        sentences = [text for (text,) in store.rows("SELECT text FROM sentences WHERE talk = ? ORDER BY place", talk)]
        units = store.rows('SELECT first, "end" FROM units WHERE talk = ? ORDER BY id', talk)
        vectors = embedder.passages(unit_texts(title, sentences, units))
        store.connection.execute(
            "INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", (embedder.name, content, vectors.tobytes())
        )
        store.connection.commit()
        embedded += len(units)
        log.info("Vectors of %s: talk %d of %d, %d units.", title, number, len(missing), len(units))
    return embedded


class UnitVectors:
    """The vectors of all units of an index by one embedder: float16, 768 bytes a unit at 384 dimensions, read once and kept."""

    def __init__(self, store: Store, embedder_name: str):
        talks = store.rows("SELECT content, first_unit, units FROM talks WHERE units > 0 ORDER BY first_unit")
        self.ids = np.concatenate([np.arange(first, first + units) for _, first, units in talks] or [np.zeros(0, int)])
        self._vectors = _read(store, embedder_name, [(content, units) for content, _, units in talks])
        self._sample = self._vectors[:: max(1, len(self.ids) // SAMPLE)].astype(np.float32)

    def cosines(self, vector: np.ndarray) -> np.ndarray:
        """The cosine of each unit of `ids` with a vector of length 1."""
        found = np.empty(len(self.ids), np.float32)

        def fill(at: int) -> None:
            found[at : at + ROWS] = self._vectors[at : at + ROWS].astype(np.float32) @ vector

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(fill, range(0, len(found), ROWS)))
        return found

    def greatest_cosines(self, vectors: np.ndarray, without: np.ndarray) -> np.ndarray:
        """The greatest cosine that each of `vectors` (texts, dimensions), of length 1, has with a unit that is not one of the
        units `without` (ids)."""
        left_out = np.isin(self.ids, without)

        def greatest(at: int) -> np.ndarray:
            cosines = self._vectors[at : at + ROWS].astype(np.float32) @ vectors.T
            cosines[left_out[at : at + ROWS]] = -1
            return cosines.max(axis=0)

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return np.max([*pool.map(greatest, range(0, len(self.ids), ROWS))], axis=0)

    def of_units(self, ids: np.ndarray) -> np.ndarray:
        """Vectors (units, dimensions) in float32, in the order of `ids`."""
        return self._vectors[np.searchsorted(self.ids, ids)].astype(np.float32)

    def usual_cosine(self, vector: np.ndarray) -> float:
        """The median of all units' cosines with a vector of length 1; in a large index of units at even steps."""
        return float(np.median(self._sample @ vector))


def _read(store: Store, embedder_name: str, talks: list[tuple[str, int]]) -> np.ndarray:
    """The vectors of talks (content hash, number of units). Raises IndexFault if some are missing or of another length."""
    vectors, at = np.zeros((sum(units for _, units in talks), 0), np.float16), 0
    query = "SELECT vectors FROM vectors WHERE embedder = ? AND content = ?"
    for content, units in talks:
        rows = store.rows(query, embedder_name, content)
        read = np.frombuffer(rows[0][0] if rows else b"", np.uint8)
        if at == 0:
            vectors = np.empty((len(vectors), len(read) // (2 * units)), np.float16)
        if not len(read) or len(read) != units * vectors.shape[1] * 2:
            raise store.fault("it lacks the embedder's vectors of some talks, or they are cut off")
        vectors[at : at + units] = read.view(np.float16).reshape(units, -1)
        at += units
    return vectors
