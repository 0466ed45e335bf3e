"""data/index/ brought up to date: one more talk costs one talk, what is gone leaves nothing, and the last whole index answers."""

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import pytest

from project import REPOSITORY
from talks_to_search import MINILM, WORDS_ALONE, index_talks, search_in, transcript, write_talks
from understudy.passages.embedder import Embedder
from understudy.passages.store import INDEX, PASSAGES, RECORD, IndexFault, open_store
from understudy.retrieve.index import BUILDING, IndexInUse
from understudy.shared.errors import InputFileError
from understudy.shared.files import read_json, write_json

SUBJECTS = ("tomatoes", "beans", "slugs", "compost", "lettuce")


def talk(subject: str, more: str = "") -> dict:
    segments = [
        [0.0, 4.0, f"Today we talk about {subject}, and why it matters to you."],
        [4.0, 4.0, f"Give {subject} ten litres of water a week, never more."],
        [8.0, 4.0, f"And if {subject} looks tired, feed the soil first. {more}"],
    ]
    return transcript(f"{subject:_<11}"[:11], segments, f"About {subject}")


@pytest.fixture
def indexed(tmp_path):
    write_talks(tmp_path, [talk(subject) for subject in SUBJECTS])
    index_talks(tmp_path)
    return tmp_path


def titles(folder, question: str) -> list[str]:
    return [passage.title for passage in search_in(folder).passages(question)]


def contents(folder) -> list[tuple]:
    """All rows of all tables that say something, but for the numbers that rows are called by."""
    with open_store(folder / INDEX / PASSAGES) as store:
        return [
            *store.rows(
                "SELECT video_id, sha256, title, units, sentences, words, terms, content FROM talks ORDER BY 1"
            ),
            *store.rows(
                "SELECT video_id, place, start_s, sentences.end_s, sentences.words, text, sentences.terms FROM sentences "
                "JOIN talks ON talk = talks.id ORDER BY 1, 2"
            ),
            *store.rows('SELECT video_id, first, "end" FROM units JOIN talks ON talk = talks.id ORDER BY 1, 2'),
            *store.rows("SELECT term, doc FROM vocabulary ORDER BY term"),
            *store.rows("SELECT language, count(*) FROM common GROUP BY language"),
        ]


def test_the_talk_that_is_meant_comes_first(indexed):
    assert titles(indexed, "How do I fight slugs?")[0] == "About slugs"


def test_the_record_says_what_is_in_the_index(indexed):
    record = read_json(indexed / INDEX / RECORD)
    assert (record["talks"], record["languages"], record["vectors"]) == (5, {"en": 5}, None)
    assert record["bytes"] == (indexed / INDEX / PASSAGES).stat().st_size


def test_changed_talks_leave_what_a_fresh_index_has(indexed, tmp_path_factory):
    changed = [talk("tomatoes", "Chickens eat them, too."), talk("slugs"), talk("leeks"), talk("beans")]
    for old in ("compost", "lettuce"):
        (indexed / f"data/transcripts/{old:_<11}.json").unlink()
    write_talks(indexed, changed)
    index_talks(indexed)
    fresh = tmp_path_factory.mktemp("fresh")
    write_talks(fresh, changed)
    index_talks(fresh)
    assert contents(indexed) == contents(fresh)
    assert titles(indexed, "compost") == [] and titles(indexed, "chickens") == ["About tomatoes"]
    with open_store(indexed / INDEX / PASSAGES) as store:
        store.connection.execute("ATTACH ? AS copy", (":memory:",))
        assert store.rows("PRAGMA integrity_check") == [("ok",)]


def test_a_new_date_is_taken_over(indexed):
    write_talks(indexed, [talk(subject) for subject in SUBJECTS], published="2024-03-01")
    index_talks(indexed)
    assert search_in(indexed).passages("slugs")[0].heading() == "About slugs (2024), 0:00"


def test_a_talk_without_captions_is_in_no_index_and_is_not_read_again(indexed):
    write_json(indexed / "data/transcripts/nothing____.json", {**talk("peas"), "status": "unavailable", "segments": []})
    write_talks(indexed, [talk(subject) for subject in SUBJECTS])
    listed = read_json(indexed / "data/videos.json")
    write_json(indexed / "data/videos.json", [*listed, {**listed[0], "video_id": "nothing____"}])
    index_talks(indexed)
    assert read_json(indexed / INDEX / RECORD)["talks"] == 5
    before = (indexed / INDEX / PASSAGES).read_bytes()
    index_talks(indexed)
    assert len((indexed / INDEX / PASSAGES).read_bytes()) == len(before)


def test_no_talk_at_all_is_an_index_that_finds_nothing(tmp_path):
    write_talks(tmp_path, [])
    index_talks(tmp_path)
    assert titles(tmp_path, "slugs") == []


def test_a_transcript_that_is_none_is_named_and_the_last_index_answers(indexed):
    write_json(indexed / "data/transcripts/slugs______.json", {"status": "ok"})
    with pytest.raises(InputFileError, match=r"slugs______\.json is no transcript .* Delete it"):
        index_talks(indexed)
    assert titles(indexed, "slugs")[0] == "About slugs"


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda path: path.unlink(), r"There is no index .* Make it: understudy run -f data/index/index\.json"),
        (
            lambda path: path.write_bytes(b"junk" * 5000),
            r"can't be read .* Make it anew: understudy run -f data/index/index\.json",
        ),
        (lambda path: path.write_bytes(b""), r"is a database, but no index"),
        (lambda path: path.write_bytes(path.read_bytes()[:-4096]), "only half there|can't be read"),
        (lambda path: sql(path, "PRAGMA application_id = 7"), "is a database, but no index of talks"),
        (
            lambda path: sql(path, "UPDATE meta SET value = '0' WHERE name = 'made_by'"),
            r"another version .* Make it anew: understudy run -f",
        ),
        (lambda path: sql(path, "DELETE FROM meta WHERE name = 'totals'"), "was not finished"),
        (lambda path: sql(path, "DROP TABLE sentences"), r"can't be read"),
        (lambda path: sql(path, "UPDATE meta SET value = '{' WHERE name = 'totals'"), r"can't be read"),
        (lambda path: sql(path, "DELETE FROM sentences WHERE place = 0"), "lacks sentences of a talk"),
        (lambda path: sql(path, "DELETE FROM talks"), "lacks talks of its units"),
    ],
    ids=[
        "missing",
        "junk",
        "empty",
        "half",
        "foreign",
        "old",
        "unfinished",
        "no table",
        "no totals",
        "no sentence",
        "no talk",
    ],
)
def test_an_index_that_can_not_be_used_is_named_and_made_anew(indexed, spoil, complaint):
    spoil(indexed / INDEX / PASSAGES)
    with pytest.raises(IndexFault, match=complaint):
        titles(indexed, "slugs")
    index_talks(indexed)
    assert titles(indexed, "slugs")[0] == "About slugs"


def sql(path, statement: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()


def test_a_copy_of_another_version_that_a_killed_job_left_is_not_gone_on_with(indexed):
    shutil.copy(indexed / INDEX / PASSAGES, indexed / INDEX / BUILDING)
    sql(indexed / INDEX / BUILDING, "UPDATE meta SET value = '0' WHERE name = 'made_by'")
    index_talks(indexed)
    assert titles(indexed, "slugs")[0] == "About slugs"
    (indexed / INDEX / BUILDING).write_bytes(b"junk" * 5000)
    index_talks(indexed)
    assert titles(indexed, "slugs")[0] == "About slugs" and not (indexed / INDEX / BUILDING).exists()


def test_two_processes_at_once(indexed):
    found = []

    def build() -> None:
        try:
            index_talks(indexed)
        except IndexInUse as error:
            found.append(str(error))

    threads = [threading.Thread(target=build) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all("Another process builds" in said for said in found)
    assert titles(indexed, "slugs")[0] == "About slugs"


BUILD = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from talks_to_search import index_talks
index_talks(Path(sys.argv[1]))
"""


def test_a_job_that_is_killed_at_ten_moments_ends_in_the_same_index(tmp_path):
    """Until it is whole, the last whole index answers."""
    draw = random.Random(3)
    write_talks(tmp_path, [talk("slugs")])
    index_talks(tmp_path)
    many = [talk(f"plant{number}", f"It is number {number}. " * 40) for number in range(120)]
    write_talks(tmp_path, [talk("slugs"), *many])
    paths = [str(REPOSITORY / "workflow_scripts"), str(REPOSITORY / "tests/support")]
    for _ in range(10):
        run = subprocess.Popen([sys.executable, "-c", BUILD, str(tmp_path), *paths], start_new_session=True)
        building = tmp_path / INDEX / BUILDING
        while run.poll() is None and not building.exists():
            time.sleep(0.002)
        time.sleep(draw.uniform(0, 0.4))
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        assert titles(tmp_path, "slugs")[0] == "About slugs"
    index_talks(tmp_path)
    fresh = tmp_path / "fresh"
    write_talks(fresh, [talk("slugs"), *many])
    index_talks(fresh)
    assert contents(tmp_path) == contents(fresh)


@pytest.fixture
def counted(monkeypatch):
    """The texts that are embedded."""
    asked = []
    embed = Embedder.passages
    monkeypatch.setattr(Embedder, "passages", lambda self, texts: asked.extend(texts) or embed(self, texts))
    return asked


def test_no_vector_is_computed_twice(indexed, counted):
    index_talks(indexed, MINILM)
    assert len(counted) == 5 and read_json(indexed / INDEX / RECORD)["vectors"]
    index_talks(indexed, MINILM)
    index_talks(indexed, WORDS_ALONE)
    index_talks(indexed, MINILM)
    assert len(counted) == 5
    write_talks(indexed, [talk(subject) for subject in (*SUBJECTS[1:], "leeks")])
    (indexed / "data/transcripts/tomatoes___.json").unlink()
    index_talks(indexed, MINILM)
    assert counted[5:] == [text for text in counted if "leeks" in text]
    with open_store(indexed / INDEX / PASSAGES) as store:
        assert store.rows("SELECT count(*) FROM vectors") == [(5,)]


@pytest.mark.parametrize(
    "fault",
    ["UPDATE meta SET value = '0' WHERE name = 'made_by'", "DELETE FROM sentences WHERE place = 0", "DROP TABLE units"],
)
def test_an_index_that_is_made_anew_keeps_its_vectors(indexed, counted, fault):
    index_talks(indexed, MINILM)
    sql(indexed / INDEX / PASSAGES, fault)
    index_talks(indexed, MINILM)
    assert len(counted) == 5 and titles(indexed, "slugs")[0] == "About slugs"


def test_a_job_that_ends_in_the_middle_keeps_its_vectors(indexed, counted, monkeypatch):
    embed = Embedder.passages

    def third_fails(self, texts):
        if len(counted) == 2:
            raise RuntimeError("the third fails")
        return embed(self, texts)

    monkeypatch.setattr(Embedder, "passages", third_fails)
    with pytest.raises(RuntimeError):
        index_talks(indexed, MINILM)
    assert titles(indexed, "slugs")[0] == "About slugs"
    monkeypatch.setattr(Embedder, "passages", embed)
    index_talks(indexed, MINILM)
    assert len(counted) == 5


def test_the_record_is_the_same_for_the_same_talks(indexed):
    before = json.loads((indexed / INDEX / RECORD).read_text())
    index_talks(indexed)
    assert json.loads((indexed / INDEX / RECORD).read_text()) == before
