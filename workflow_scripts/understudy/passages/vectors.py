"""The units' vectors in the index: float16, kept by what they are of and by whom, so that none is computed twice."""

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from understudy.passages.cutting import Sentence, Unit
from understudy.passages.store import Store
from understudy.shared.log import log

if TYPE_CHECKING:
    from understudy.passages.embedder import Embedder

# Bytes of vectors that stay in memory between two questions.
KEPT_IN_MEMORY = 512 * 2**20
# Units by which it is told how alike a question and any unit usually are.
SAMPLE = 20_000


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
    """The vectors of all units of an index by one embedder, float16, read talk by talk."""

    def __init__(self, store: Store, embedder_name: str):
        self._store = store
        self._name = embedder_name
        # Content hash, first unit and number of units of each talk, in the units' order.
        self._talks = store.rows("SELECT content, first_unit, units FROM talks WHERE units > 0 ORDER BY first_unit")
        self._first_units = np.array([first for _, first, _ in self._talks])
        self.ids = np.concatenate(
            [np.arange(first, first + units) for _, first, units in self._talks] or [np.zeros(0, int)]
        )
        self._kept: dict[int, np.ndarray] = {}
        self._kept_bytes = 0

    def cosines(self, vector: np.ndarray) -> np.ndarray:
        """The cosine of each unit of `ids` with a vector of length 1."""
        found = np.empty(len(self.ids), np.float32)
        at = 0
        for talk in range(len(self._talks)):
            vectors = self._of_talk(talk)
            if vectors.shape[1] != len(vector):
                raise self._store.fault("its vectors have another length than the embedder's")
            found[at : at + len(vectors)] = vectors.astype(np.float32) @ vector
            at += len(vectors)
        return found

    def of_units(self, ids: np.ndarray) -> np.ndarray:
        """Vectors (units, dimensions) in float32, in the order of `ids`."""
        talks = np.searchsorted(self._first_units, ids, side="right") - 1
        parts = {talk: self._of_talk(talk) for talk in np.unique(talks).tolist()}
        rows = [
            parts[talk][unit - self._first_units[talk]] for talk, unit in zip(talks.tolist(), ids.tolist(), strict=True)
        ]
        return np.array(rows, np.float32)

    def sample(self) -> np.ndarray:
        """The vectors of all units, or in a large index of talks at even steps, in float32."""
        step = max(1, len(self.ids) // SAMPLE)
        return np.concatenate([self._of_talk(talk) for talk in range(0, len(self._talks), step)]).astype(np.float32)

    def _of_talk(self, talk: int) -> np.ndarray:
        """Vectors (units, dimensions) of a talk. Raises IndexFault if they are missing or cut off."""
        if talk in self._kept:
            return self._kept[talk]
        content, _, units = self._talks[talk]
        rows = self._store.rows("SELECT vectors FROM vectors WHERE embedder = ? AND content = ?", self._name, content)
        if not rows or not rows[0][0] or len(rows[0][0]) % (2 * units):
            raise self._store.fault("it lacks vectors of some talks, or they are cut off")
        vectors = np.frombuffer(rows[0][0], np.float16).reshape(units, -1)
        if self._kept_bytes < KEPT_IN_MEMORY:
            self._kept[talk] = vectors
            self._kept_bytes += vectors.nbytes
        return vectors
