"""The training pairs as rows with passages: each pair once, plain or grounded, and rows that are of no pair."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from statistics import median

from understudy.dataset.grounding.banks import small_talk
from understudy.dataset.grounding.candidates import Rewritten, TalkToGroundOn, candidates_of
from understudy.dataset.grounding.misses import Misses
from understudy.dataset.grounding.mix import MISSES, OUTSIDE, SMALL_TALK, TRUE, TWO_TALKS, TWO_TURNS, Drawn, draw
from understudy.dataset.grounding.row_maker import RowMaker
from understudy.dataset.tokens import PairTokens
from understudy.passages.filling import search_in_memory
from understudy.passages.support import longest_passage
from understudy.rows.chat import chat_row

PLAIN, NOT_DRAWN = "plain", "not_drawn"
# A grounded row has at most so many times the tokens of a usual plain one, because a step takes so many times as long.
LONGEST_ROW = 5


@dataclass(frozen=True)
class Grounded:
    """What became of each pair, in their order: `as` (plain, or a kind of row), `why` it is plain, and the `rows` made of it; the
    rows of no pair; and counts."""

    records: list[dict]
    rows: list[dict]
    counts: dict


def ground(
    pairs: Sequence[dict],
    talks: Sequence[tuple[dict, dict]],
    rewritten: Rewritten,
    settings: dict,
    seed: int,
    name: str | None,
    tokens: PairTokens,
    max_seq_length: int,
) -> Grounded:
    """Ground the training pairs on the training talks.

    `pairs` are records of pairs.jsonl, `talks` transcripts with their records of data/videos.json, `settings` the
    configuration's grounding, `name` the teacher's."""
    words = settings["passage_words"]
    longest = longest_passage(words)
    most_tokens = min(max_seq_length, int(LONGEST_ROW * median(pair["tokens"] for pair in pairs)))
    search = search_in_memory(talks)
    with search.store:
        maker = RowMaker(Misses(search, longest), words, tokens, most_tokens, seed)
        to_ground_on = {video["video_id"]: TalkToGroundOn(transcript, video, longest) for transcript, video in talks}
        candidates, reasons = candidates_of(pairs, to_ground_on, rewritten, maker.fits)
        drawn = draw(candidates, pairs, settings, seed)
        plain = [{"as": PLAIN, "why": reasons.get(number, NOT_DRAWN)} for number in range(len(pairs))]
        grounded = records_of(drawn, pairs, maker)
        others = [*small_talk_rows(drawn, name, seed), *outside_rows(drawn, maker)]
    records = [grounded.get(number, record) for number, record in enumerate(plain)]
    return Grounded(records, [{"messages": row["messages"]} for row in others], counts_of(records, others))


def records_of(drawn: Drawn, pairs: Sequence[dict], maker: RowMaker) -> dict[int, dict]:
    """How each drawn pair stands, with its rows, by number. What is too long in company stands alone."""
    records, true = {}, list(drawn.true)
    for one, other in drawn.two_talks:
        if row := maker.two_talks(one, other):
            records[one.number] = {"as": TWO_TALKS, "rows": [row]}
            records[other.number] = {"as": TWO_TALKS, "rows": []}
        else:
            true += [one, other]
    for first, last in drawn.two_turns:
        if row := maker.two_turns(pairs[first], last):
            records[last.number] = {"as": TWO_TURNS, "rows": [row]}
        else:
            true.append(last)
    for candidate in true:
        records[candidate.number] = {"as": TRUE, "rows": [maker.true(candidate)]}
    refused = ((each.number, row) for each in true if (row := maker.misses_alone(each)))
    for number, row in islice(refused, drawn.rows[MISSES]):
        records[number]["rows"].append(row)
    return records


def small_talk_rows(drawn: Drawn, name: str | None, seed: int) -> Iterator[dict]:
    for language, count in in_languages(drawn, SMALL_TALK).items():
        for question, answer in small_talk(language, name, seed)[:count]:
            yield {"kind": SMALL_TALK, **chat_row(question, answer)}


def outside_rows(drawn: Drawn, maker: RowMaker) -> Iterator[dict]:
    for language, count in in_languages(drawn, OUTSIDE).items():
        yield from islice(maker.outside(language), count)


def in_languages(drawn: Drawn, kind: str) -> dict[str | None, int]:
    """How many rows of a kind there are in each language: as the drawn pairs have them."""
    languages = [each.language for each in drawn.candidates]
    return Counter(languages[number % len(languages)] for number in range(drawn.rows[kind])) if languages else {}


def counts_of(records: Sequence[dict], others: Sequence[dict]) -> dict:
    """Pairs by how they stand, why some are plain, and rows by kind."""
    of_pairs = [row for record in records for row in record.get("rows", [])]
    return {
        "pairs": dict(Counter(record["as"] for record in records)),
        "plain": dict(Counter(record["why"] for record in records if record["as"] == PLAIN)),
        "rows": dict(Counter(row["kind"] for row in [*of_pairs, *others])),
    }
