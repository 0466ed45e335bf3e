"""data/index/passages.sqlite: the talks cut into sentences and units, with their words, and vectors if wanted."""

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from understudy.passages.cutting import Sentence, Unit, plain_line
from understudy.passages.terms import common_words
from understudy.shared.errors import InputFileError

INDEX = Path("data/index")
PASSAGES, RECORD = "passages.sqlite", "index.json"
APPLICATION_ID = 0x756E6473
# Another cutting or another stemmer finds other words: then the index is made anew.
MADE_BY = f"2, snowballstemmer {version('snowballstemmer')}"
MAKE = "understudy run -f data/index/index.json"

# Vectors have no talk: the same units have the same vectors wherever they stand.
SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE talks (
    id INTEGER PRIMARY KEY, video_id TEXT NOT NULL UNIQUE, sha256 TEXT NOT NULL, title TEXT NOT NULL, published TEXT,
    source_file TEXT, language TEXT, end_s REAL, title_terms TEXT NOT NULL, first_unit INTEGER NOT NULL, units INTEGER NOT NULL,
    sentences INTEGER NOT NULL, words INTEGER NOT NULL, terms INTEGER NOT NULL, content TEXT NOT NULL
);
CREATE TABLE sentences (
    talk INTEGER NOT NULL, place INTEGER NOT NULL, start_s REAL, end_s REAL, words INTEGER NOT NULL, text TEXT NOT NULL,
    terms TEXT NOT NULL, PRIMARY KEY (talk, place)
) WITHOUT ROWID;
CREATE TABLE units (id INTEGER PRIMARY KEY, talk INTEGER NOT NULL, first INTEGER NOT NULL, "end" INTEGER NOT NULL);
CREATE INDEX units_by_place ON units (talk, first);
CREATE TABLE common (language TEXT, word TEXT, zipf REAL NOT NULL, PRIMARY KEY (language, word)) WITHOUT ROWID;
CREATE VIRTUAL TABLE words USING fts5 (terms, content='', detail=none, tokenize='ascii');
CREATE VIRTUAL TABLE vocabulary USING fts5vocab (words, row);
CREATE TABLE vectors (embedder TEXT, content TEXT, vectors BLOB NOT NULL, PRIMARY KEY (embedder, content)) WITHOUT ROWID;
"""
# Only where captions name who speaks, so that an index without is as it always was: each sentence's speaker, and whether that is
# another than the teacher.
TURNS = (
    "CREATE TABLE IF NOT EXISTS turns (talk INTEGER NOT NULL, place INTEGER NOT NULL, speaker TEXT NOT NULL, "
    "is_others INTEGER NOT NULL, PRIMARY KEY (talk, place)) WITHOUT ROWID"
)


class IndexFault(InputFileError):
    """The index is missing, broken, old or not one of ours; the message says what to type."""


class Store:
    """An open index file. Close it, or use it in a `with` block."""

    def __init__(self, connection: sqlite3.Connection, path: Path):
        self.connection = connection
        self.path = path

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *error) -> None:
        self.connection.close()

    def rows(self, query: str, *values) -> list[tuple]:
        """All rows of a query. Raises IndexFault if the file is broken at a place that it reads."""
        with faults_named(self.path):
            return self.connection.execute(query, values).fetchall()

    def fault(self, says: str) -> IndexFault:
        """The error for an index whose parts don't belong together."""
        return IndexFault(f"{self.path}: {says}. Make it anew: {MAKE}")

    def meta(self) -> dict[str, str]:
        return dict(self.rows("SELECT name, value FROM meta"))

    def set_meta(self, **values: str) -> None:
        self.connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", values.items())

    def has_turns(self) -> bool:
        """Whether captions of any talk name who speaks."""
        return bool(self.rows("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'turns'"))

    def add_talk(
        self,
        talk: dict,
        sentences: list[Sentence],
        units: list[Unit],
        title_terms: Iterable[str],
        are_others: Callable[[str | None], bool],
    ) -> None:
        """Add a talk in the place of one of the same id; `are_others` says of a speaker whether the teacher is another.

        `talk` has video_id, sha256, title, published, source_file, language, end_s, content."""
        self.remove_talk(talk["video_id"])
        title_terms = " ".join(title_terms)
        ((first_unit,),) = self.rows("SELECT coalesce(max(id), 0) + 1 FROM units")
        counts = {
            "title_terms": title_terms,
            "first_unit": first_unit,
            "units": len(units),
            "sentences": len(sentences),
            "words": sum(sentence.words for sentence in sentences),
            "terms": sum(len(sentence.terms) for sentence in sentences),
        }
        row = {**talk, **counts}
        names = ", ".join(row)
        marks = ", ".join(f":{name}" for name in row)
        talk_id = self.connection.execute(f"INSERT INTO talks ({names}) VALUES ({marks})", row).lastrowid
        self.connection.executemany(
            "INSERT INTO sentences VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    talk_id,
                    place,
                    sentence.start_s,
                    sentence.end_s,
                    sentence.words,
                    sentence.text,
                    " ".join(sentence.terms),
                )
                for place, sentence in enumerate(sentences)
            ),
        )
        self.connection.executemany(
            "INSERT INTO units VALUES (?, ?, ?, ?)",
            ((first_unit + number, talk_id, unit.first, unit.end) for number, unit in enumerate(units)),
        )
        named = [
            (talk_id, place, plain_line(sentence.speaker), are_others(sentence.speaker))
            for place, sentence in enumerate(sentences)
            if sentence.speaker
        ]
        if named:
            self.connection.execute(TURNS)
            self.connection.executemany("INSERT INTO turns VALUES (?, ?, ?, ?)", named)
        texts = [" ".join(sentence.terms) for sentence in sentences]
        self.connection.executemany(
            "INSERT INTO words (rowid, terms) VALUES (?, ?)",
            (
                (first_unit + number, " ".join([title_terms, *texts[unit.first : unit.end]]))
                for number, unit in enumerate(units)
            ),
        )

    def keep_common_words(self) -> None:
        """Have the common words of the languages of the talks, and of no other."""
        for (language,) in self.rows(
            "SELECT DISTINCT language FROM talks WHERE language NOT IN (SELECT DISTINCT language FROM common)"
        ):
            words = ((language, word, zipf) for word, zipf in common_words(language).items())
            self.connection.executemany("INSERT INTO common VALUES (?, ?, ?)", words)
        self.connection.execute(
            "DELETE FROM common WHERE language NOT IN (SELECT language FROM talks WHERE language NOT NULL)"
        )

    def take_vectors(self, path: Path) -> None:
        """Take over the vectors of another index file, of an older version maybe, as far as they can be read."""
        with contextlib.suppress(sqlite3.DatabaseError):
            self.connection.execute("ATTACH ? AS other", (str(path),))
            self.connection.execute(
                "INSERT OR IGNORE INTO vectors SELECT embedder, content, vectors FROM other.vectors"
            )
        self.connection.commit()
        with contextlib.suppress(sqlite3.DatabaseError):
            self.connection.execute("DETACH other")

    def drop_vectors_of_nothing(self) -> None:
        """Remove the vectors of texts that no talk has any more."""
        self.connection.execute("DELETE FROM vectors WHERE content NOT IN (SELECT content FROM talks)")

    def remove_talk(self, video_id: str) -> None:
        """Leave nothing of a talk but its vectors, for `drop_vectors_of_nothing`."""
        for talk_id, title_terms in self.rows("SELECT id, title_terms FROM talks WHERE video_id = ?", video_id):
            texts = [
                terms for (terms,) in self.rows("SELECT terms FROM sentences WHERE talk = ? ORDER BY place", talk_id)
            ]
            units = self.rows('SELECT id, first, "end" FROM units WHERE talk = ?', talk_id)
            # A table without content must be told what stood there.
            self.connection.executemany(
                "INSERT INTO words (words, rowid, terms) VALUES ('delete', ?, ?)",
                ((unit_id, " ".join([title_terms, *texts[first:end]])) for unit_id, first, end in units),
            )
            turns = [("turns", "talk")] if self.has_turns() else []
            for table, column in (*turns, ("units", "talk"), ("sentences", "talk"), ("talks", "id")):
                self.connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (talk_id,))


def new_store(path: Path) -> Store:
    """Make an empty index file and open it for writing."""
    store = writable(path)
    store.connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    store.connection.executescript(SCHEMA)
    store.set_meta(made_by=MADE_BY)
    store.connection.commit()
    return store


def writable(path: Path) -> Store:
    """Open for writing by this process alone; what is committed survives that it is killed."""
    with faults_named(path):
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")
        # Kilobytes of pages in memory.
        connection.execute("PRAGMA cache_size = -200000")
    return Store(connection, path)


def open_store(path: Path) -> Store:
    """Open the index for reading.

    Raises IndexFault, with what to type, if it is missing, half, broken, not an index, or made by another version."""
    if not path.is_file():
        raise IndexFault(f"There is no index of the talks: {path} is missing. Make it: {MAKE}")
    with faults_named(path):
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False)
        try:
            # A pack's index is a stranger's: a view in it may call nothing that does more than compute.
            connection.execute("PRAGMA trusted_schema = OFF")
            _check(connection, path)
        except BaseException:
            connection.close()
            raise
    return Store(connection, path)


def _check(connection: sqlite3.Connection, path: Path) -> None:
    ((application,),) = connection.execute("PRAGMA application_id").fetchall()
    if application != APPLICATION_ID:
        raise IndexFault(f"{path} is a database, but no index of talks. Move it away, then: {MAKE}")
    ((pages,), (size,)) = (
        connection.execute("PRAGMA page_count").fetchone(),
        connection.execute("PRAGMA page_size").fetchone(),
    )
    if path.stat().st_size != pages * size:
        raise IndexFault(f"{path} is only half there. Make it anew: {MAKE}")
    meta = dict(connection.execute("SELECT name, value FROM meta"))
    if meta.get("made_by") != MADE_BY:
        raise IndexFault(
            f"{path} was made by another version of Understudy ({meta.get('made_by')}). Make it anew: {MAKE}"
        )
    if "totals" not in meta:
        raise IndexFault(f"{path} was not finished. Make it: {MAKE}")


@contextmanager
def faults_named(path: Path) -> Iterator[None]:
    """Raise IndexFault, naming the file, where SQLite finds it broken."""
    try:
        yield
    except (sqlite3.DatabaseError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise IndexFault(f"{path} can't be read ({error}). Make it anew: {MAKE}") from None


def totals_of(store: Store) -> dict:
    """What is in the index: talks, units, sentences, words, terms, and talks by language."""
    ((talks, units, sentences, words, terms),) = store.rows(
        "SELECT count(*), total(units), total(sentences), total(words), total(terms) FROM talks"
    )
    languages = store.rows("SELECT language, count(*) FROM talks GROUP BY language ORDER BY count(*) DESC, language")
    ((title_terms,),) = store.rows(
        "SELECT total(length(title_terms) - length(replace(title_terms, ' ', '')) + (title_terms != '')) FROM talks"
    )
    return {
        "talks": talks,
        "units": int(units),
        "sentences": int(sentences),
        "words": int(words),
        "terms": int(terms),
        "title_terms": int(title_terms),
        "languages": [[language, count] for language, count in languages],
    }


def read_totals(store: Store) -> dict:
    """What `totals_of` gave when the index was made. Raises IndexFault if it says something else."""
    with faults_named(store.path):
        totals = json.loads(store.meta()["totals"])
        numbers = [totals[name] for name in ("talks", "units", "sentences", "words", "terms", "title_terms")]
        if not all(isinstance(number, int) for number in numbers):
            raise ValueError("its totals are no numbers")
        return totals | {"languages": [(language, int(count)) for language, count in totals["languages"]]}
