"""The passages of each held-out question: the true one, those that are found for it, and those that miss its talk."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from understudy.evaluate.held_out_rows import HeldOutRow, PairsOfRows, held_out_rows
from understudy.evaluate.measures.refusals import refuses
from understudy.passages.embedder import embedder_for
from understudy.passages.frame import MOST_SOURCES, that_fit
from understudy.passages.search import Search
from understudy.passages.sources import Passage, link_to
from understudy.passages.store import PASSAGES, Store, open_store
from understudy.shared.files import write_json
from understudy.shared.log import log
from understudy.text.language import language_code, language_of

# A talk that is left out may have many of the best.
MOST_SEARCHED = 50


def write_held_out_passages(
    sources: dict[str, str],
    settings: dict[str, Any],
    count_tokens: Callable[[str], int],
    embedder: dict[str, Any],
    output: str,
    threads: int | None = None,
) -> None:
    """Write the passages of the rows that are evaluated to `output`.

    `sources`: rows and pairs, JSONL files, and index, a folder; `settings`: max_examples, seed; `embedder` is the
    configuration's. Raises IndexFault, EmbeddedModelError, MissingKeyError."""
    rows = held_out_rows(sources["rows"], sources["pairs"], settings["max_examples"], settings["seed"])
    known = PairsOfRows(sources["pairs"])
    with open_store(Path(sources["index"]) / PASSAGES) as store, embedder_for(embedder, threads) as opened:
        search = Search(store, opened)
        found = [passages_of(row, known.pair_of(row), search, count_tokens) for row in rows]
    write_json(output, {"settings": settings, "rows": found})
    log.info(
        "%d of %d held-out questions have a place in a talk; it is among the passages found for %d.",
        *(sum(row["true"] != [] for row in found), len(found), sum(row["is_found"] for row in found)),
    )


def passages_of(
    row: HeldOutRow, pair: dict | None, search: Search, count_tokens: Callable[[str], int]
) -> dict[str, Any]:
    """A row's passages by context, each as many as fit before a question. `counts`: whether truth can be measured on it: there is
    a true passage, and the reference answers."""
    true = true_passage(search.store, pair) if pair else None
    searched = search.passages(row.question, limit=MOST_SEARCHED)
    retrieved = that_fit(searched[:MOST_SOURCES], count_tokens)
    elsewhere = [passage for passage in searched if passage.video_id != row.video_id]
    language = language_of_talk(search.store, row.video_id) or language_of(row.reference)
    return {
        "row": row.line,
        "video_id": row.video_id,
        "question": row.question,
        "reference": row.reference,
        "language": language,
        "counts": true is not None and not refuses(row.reference, language),
        "is_found": true is not None and is_read(true, retrieved),
        "true": records(that_fit([true] if true else [], count_tokens)),
        "retrieved": records(retrieved),
        "misses": records(that_fit(elsewhere[:MOST_SOURCES], count_tokens)),
    }


def records(passages: Sequence[Passage]) -> list[dict[str, Any]]:
    return [asdict(passage) for passage in passages]


def language_of_talk(store: Store, video_id: str | None) -> str | None:
    rows = store.rows("SELECT language FROM talks WHERE video_id = ?", video_id)
    return language_code(rows[0][0]) if rows and rows[0][0] else None


def true_passage(store: Store, pair: dict) -> Passage | None:
    """The sentences of the talk that lie in the seconds which a pair's answer is about; None for a talk without times, and for
    one that is not in the index."""
    start_s, end_s = pair.get("start_s"), pair.get("end_s")
    talks = store.rows(
        "SELECT id, title, published, source_file, end_s FROM talks WHERE video_id = ?", pair["video_id"]
    )
    if not talks or start_s is None or end_s is None:
        return None
    talk, title, published, source_file, talk_end_s = talks[0]
    sentences = store.rows(
        "SELECT start_s, end_s, text FROM sentences WHERE talk = ? AND end_s > ? AND start_s < ? ORDER BY place",
        *(talk, start_s, end_s),
    )
    if not sentences:
        return None
    begins, ends = sentences[0][0], sentences[-1][1]
    text = " ".join(sentence for _, _, sentence in sentences)
    link = link_to(pair["video_id"], source_file, begins, talk_end_s)
    return Passage(pair["video_id"], title, published, source_file, begins, ends, text, link, 1.0)


def is_read(true: Passage, passages: Sequence[Passage]) -> bool:
    """Whether half of the true passage's seconds lie in others."""
    covered, until = 0.0, true.start_s
    of_talk = [each for each in passages if each.video_id == true.video_id and each.start_s is not None]
    for passage in sorted(of_talk, key=lambda each: each.start_s):
        covered += max(min(passage.end_s, true.end_s) - max(passage.start_s, until), 0.0)
        until = max(until, passage.end_s)
    return covered >= (true.end_s - true.start_s) / 2
