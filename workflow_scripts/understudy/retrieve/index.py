"""Bring data/index/ up to date: cut the talks that are new or have changed, drop those that are gone, add vectors if wanted.

The work is done in a copy beside the index, which is swapped in when it is whole; until then the last whole index answers. A copy
that a killed job has left is gone on with."""

import contextlib
import hashlib
import json
import os
import shutil
from pathlib import Path

from understudy.passages.cutting import STEP, UNIT
from understudy.passages.embedder import embedder_for
from understudy.passages.filling import add_transcript, set_totals
from understudy.passages.sources import where_from
from understudy.passages.store import (
    MADE_BY,
    PASSAGES,
    IndexFault,
    Store,
    new_store,
    open_store,
    read_totals,
    writable,
)
from understudy.passages.vectors import add_missing_vectors
from understudy.shared.errors import InputFileError, UnderstudyError
from understudy.shared.files import no_room_is_told, read_json, write_json
from understudy.shared.folder_lock import alone_in
from understudy.shared.log import log
from understudy.text.transcripts import Reading

BUILDING = "building.sqlite"
# What SQLite keeps beside a file while it is written.
BESIDE = ("", "-wal", "-shm", "-journal")
TALKS_A_COMMIT = 25


class IndexInUse(UnderstudyError):
    """Another process builds the index."""


def build_index(
    blocks: list[str],
    videos: str,
    record: str,
    embedder: dict,
    threads: int | None = None,
    reading: Reading | None = None,
) -> None:
    """Make passages.sqlite beside `record`, and `record` (index.json) last, from the block files and the list of videos;
    `reading` is how transcripts are read.

    `embedder` is the configuration's `retrieval.embedder`. Raises InputFileError, naming the file, for a transcript that isn't
    one, IndexInUse, EmbedderError, and FileNotWritten when the disk is full."""
    folder = Path(record).parent
    folder.mkdir(parents=True, exist_ok=True)
    in_use = IndexInUse(f"Another process builds {folder}. Wait for it, or end it, and run the same command again.")
    with alone_in(folder, in_use), no_room_is_told(folder / PASSAGES):
        listed = {video["video_id"]: video for video in read_json(videos)}
        reading = reading or Reading()
        talks = [
            talk | {"sha256": talk["sha256"] + reading.state_of(talk["transcript"])}
            for block in blocks
            for talk in read_json(block)
            if talk["video_id"] in listed
        ]
        with contextlib.ExitStack() as opened_stores:
            try:
                store = opened_stores.enter_context(_building(folder))
                changed = _bring_up_to_date(store, talks, listed, reading)
            except IndexFault as fault:
                # Broken where only a whole run of it looks.
                log.info("The index is made anew: %s", fault)
                opened_stores.close()
                remove_database(folder / BUILDING)
                store = opened_stores.enter_context(new_store(folder / BUILDING))
                store.take_vectors(folder / PASSAGES)
                changed = _bring_up_to_date(store, talks, listed, reading)
            with embedder_for(embedder, threads) as opened:
                embedded = 0 if opened is None else add_missing_vectors(store, opened)
                name = None if opened is None else opened.name
            totals = set_totals(store)
            _pack(store)
        os.replace(folder / BUILDING, folder / PASSAGES)
        remove_database(folder / BUILDING)
        write_json(record, _record_of(folder, totals, name, talks))
    log.info("%s: %d talks, %d of them cut anew, %d units embedded.", record, totals["talks"], changed, embedded)


def _building(folder: Path) -> Store:
    """The copy to work in: what a killed job left, else the index, else an empty one."""
    path = folder / BUILDING
    if path.exists():
        try:
            store = writable(path)
            if store.meta().get("made_by") == MADE_BY:
                return store
            store.connection.close()
        except IndexFault:
            pass
        remove_database(path)
    try:
        open_store(folder / PASSAGES).connection.close()
    except IndexFault as fault:
        store = new_store(path)
        if (folder / PASSAGES).exists():
            log.info("The index is made anew: %s", fault)
            store.take_vectors(folder / PASSAGES)
        return store
    aside = folder / f"{BUILDING}.part"
    shutil.copyfile(folder / PASSAGES, aside)
    os.replace(aside, path)
    store = writable(path)
    _check_whole(store)
    return store


def _check_whole(store: Store) -> None:
    """Raise IndexFault if a table has not as many rows as the index should have."""
    totals = read_totals(store)
    for table in ("talks", "units", "sentences"):
        if store.rows(f"SELECT count(*) FROM {table}") != [(totals[table],)]:
            raise store.fault(f"it has another number of {table} than it should have")


def remove_database(path: Path) -> None:
    """Remove a SQLite file with what SQLite keeps beside it."""
    for suffix in BESIDE:
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def _bring_up_to_date(store: Store, talks: list[dict], listed: dict[str, dict], reading: Reading) -> int:
    """Cut what is new or has changed, remove what is gone; return how many talks were cut."""
    known = dict(
        store.rows("SELECT video_id, sha256 || coalesce(published, '') || coalesce(source_file, '') FROM talks")
    )
    empty = json.loads(store.meta().get("empty", "{}"))
    for gone in known.keys() - {talk["video_id"] for talk in talks}:
        store.remove_talk(gone)
    cut = 0
    for talk in talks:
        video = listed[talk["video_id"]]
        state = talk["sha256"] + (video["published"] or "") + (where_from(video) or "")
        if known.get(talk["video_id"]) == state or empty.get(talk["video_id"]) == talk["sha256"]:
            continue
        if _add(store, talk, video, reading):
            empty.pop(talk["video_id"], None)
        else:
            store.remove_talk(talk["video_id"])
            empty[talk["video_id"]] = talk["sha256"]
        cut += 1
        if cut % TALKS_A_COMMIT == 0:
            store.set_meta(empty=json.dumps(empty))
            store.connection.commit()
    store.keep_common_words()
    store.drop_vectors_of_nothing()
    still = {talk["video_id"] for talk in talks}
    store.set_meta(empty=json.dumps({video_id: sha256 for video_id, sha256 in empty.items() if video_id in still}))
    store.connection.commit()
    return cut


def _add(store: Store, talk: dict, video: dict, reading: Reading) -> bool:
    """Cut a talk into the store; False for one without captions."""
    transcript = read_json(talk["transcript"])
    try:
        return add_transcript(store, reading.applied(transcript), video, talk["sha256"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputFileError(
            f"{talk['transcript']} is no transcript ({type(error).__name__}: {error}). Delete it, and it is made anew."
        ) from None


def _pack(store: Store) -> None:
    """Bring everything into the one file, for good."""
    store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.connection.execute("PRAGMA journal_mode = DELETE")
    store.connection.close()
    with store.path.open("rb") as written:
        os.fsync(written.fileno())


def _record_of(folder: Path, totals: dict, vectors: str | None, talks: list[dict]) -> dict:
    """What index.json says."""
    transcripts = "".join(f"{talk['video_id']} {talk['sha256']}\n" for talk in talks)
    return {
        "made_by": MADE_BY,
        "words_a_unit": UNIT,
        "words_a_step": STEP,
        **{key: value for key, value in totals.items() if key != "languages"},
        "languages": {language or "not known": count for language, count in totals["languages"]},
        "vectors": vectors,
        "bytes": (folder / PASSAGES).stat().st_size,
        "transcripts_sha256": hashlib.sha256(transcripts.encode()).hexdigest(),
    }
