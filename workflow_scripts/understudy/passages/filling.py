"""Talks put into an index: cut into sentences and units, each with its terms."""

import json
from collections.abc import Iterable
from pathlib import Path

from understudy.passages.cutting import plain_line, sentences_of, units_of
from understudy.passages.search import Search
from understudy.passages.sources import where_from
from understudy.passages.store import Store, new_store, totals_of
from understudy.passages.terms import terms_of
from understudy.passages.vectors import content_hash
from understudy.text.language import language_of_talk
from understudy.text.transcripts import voices_in

OK = "ok"
IN_MEMORY = Path(":memory:")


def add_transcript(store: Store, transcript: dict, video: dict, sha256: str) -> bool:
    """Cut a talk into the store; False for one without captions. `video` is its record in data/videos.json.

    Raises KeyError, TypeError, ValueError or AttributeError for what is no transcript."""
    if transcript["status"] != OK:
        return False
    language = language_of_talk(transcript)
    sentences = sentences_of(transcript["segments"], language, video["duration_s"])
    title = plain_line(transcript["title"])
    if not sentences:
        return False
    units = units_of(sentences)
    ends = [sentence.end_s for sentence in sentences if sentence.end_s is not None]
    row = {
        "video_id": video["video_id"],
        "sha256": sha256,
        "title": title,
        "published": video["published"],
        "source_file": where_from(video),
        "language": language,
        "end_s": max(ends, default=None),
        "content": content_hash(title, sentences, units),
    }
    voices = voices_in(transcript)
    store.add_talk(
        row, sentences, units, terms_of(title, language), voices.are_others if voices else lambda speaker: False
    )
    return True


def set_totals(store: Store) -> dict:
    """Write what is in the index into it, as `Search` reads it; return it."""
    totals = totals_of(store)
    store.set_meta(totals=json.dumps(totals, ensure_ascii=False))
    store.connection.commit()
    return totals


def search_in_memory(talks: Iterable[tuple[dict, dict]]) -> Search:
    """A search by words in an index of these talks (transcript, record of data/videos.json) that no disk ever has.

    Close its `store`."""
    store = new_store(IN_MEMORY)
    for transcript, video in talks:
        add_transcript(store, transcript, video, sha256="")
    store.keep_common_words()
    set_totals(store)
    return Search(store)
