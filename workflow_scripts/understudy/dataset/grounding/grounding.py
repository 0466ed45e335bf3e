"""The training pairs as rows with passages: each pair once, plain or grounded, and rows that are of no pair."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from statistics import median

from understudy.dataset.grounding.banks import questions_of_other_fields, refusals, small_talk
from understudy.dataset.grounding.misses import Answered, Misses, words_of_all
from understudy.dataset.grounding.mix import (
    MISSES,
    OUTSIDE,
    SMALL_TALK,
    TRUE,
    TWO_TALKS,
    TWO_TURNS,
    Candidate,
    Drawn,
    draw,
)
from understudy.dataset.tokens import PairTokens
from understudy.passages.cutting import plain_line
from understudy.passages.filling import search_in_memory
from understudy.passages.frame import MOST_TOKENS, framed, that_fit
from understudy.passages.search import Search
from understudy.passages.sources import Passage, link_to
from understudy.passages.support import Place, content_of, content_of_answer, held_by, longest_passage, places_in
from understudy.rows.chat import chat_row
from understudy.text.language import language_of_talk

PLAIN = "plain"
SPAN = ("start_s", "end_s")
# A grounded row has at most so many times the tokens of a usual plain one, because a step takes so many times as long.
LONGEST_ROW = 5
# With a larger share of a question's stems a passage is near its field.
OF_ITS_FIELD = 0.5


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
    settings: dict,
    seed: int,
    name: str | None,
    tokens: PairTokens,
    max_seq_length: int,
    rewritten: dict[tuple[str, str], tuple[str, Place]],
) -> Grounded:
    """Ground the training pairs on the training talks.

    `pairs` are records of pairs.jsonl, `talks` transcripts with their records of data/videos.json, `settings` the
    configuration's grounding, `name` the teacher's; `rewritten` has, by video_id and slot, an answer that was written from a
    passage, and this."""
    with search_in_memory(talks).store as store:
        search = Search(store)
        return RowMaker(pairs, talks, search, settings, seed, name, tokens, max_seq_length).grounded(rewritten)


class RowMaker:
    """Makes the rows of a data set with passages; see `ground`."""

    def __init__(
        self,
        pairs: Sequence[dict],
        talks: Sequence[tuple[dict, dict]],
        search: Search,
        settings: dict,
        seed: int,
        name: str | None,
        tokens: PairTokens,
        max_seq_length: int,
    ):
        self._pairs = pairs
        self._talks = {transcript["video_id"]: (transcript, video) for transcript, video in talks}
        self._settings = settings
        self._seed = seed
        self._name = name
        self._tokens = tokens
        self._words = settings["passage_words"]
        self._languages = {transcript["video_id"]: language_of_talk(transcript) for transcript, _ in talks}
        self._places = {transcript["video_id"]: places_in(transcript, self._words) for transcript, _ in talks}
        usual = median(pair["tokens"] for pair in pairs)
        self._most_tokens = min(max_seq_length, int(LONGEST_ROW * usual))
        self._misses = Misses(search, longest_passage(self._words))
        self._refusals: dict[str | None, Iterator[str]] = {}

    def grounded(self, rewritten: dict[tuple[str, str], str]) -> Grounded:
        records = [{"as": PLAIN, "why": "not_drawn"} for _ in self._pairs]
        candidates = []
        for number, pair in enumerate(self._pairs):
            candidate, why = self._candidate(number, pair, rewritten)
            if candidate is None:
                records[number]["why"] = why
            else:
                candidates.append(candidate)
        drawn = draw(candidates, self._pairs, self._settings["plain_fraction"], self._seed)
        self._fill(records, drawn)
        rows = [*self._small_talk(drawn), *self._outside(drawn)]
        return Grounded(records, [{"messages": row["messages"]} for row in rows], counts_of(records, rows))

    def _candidate(self, number: int, pair: dict, rewritten: dict) -> tuple[Candidate | None, str]:
        """The pair with the passage that holds its answer, or a rewritten one; or why it stays plain."""
        video_id = pair["video_id"]
        if video_id not in self._talks:
            return None, "of_no_talk"
        own = pair["answer"], self._places[video_id].of(pair["answer"])
        for answer, place in (own, rewritten.get((video_id, pair["slot"]), ("", None))):
            if place is not None and place.support.is_enough:
                passage = passage_of(place, *self._talks[video_id])
                if self._row(TRUE, pair["question"], [passage], [], answer) is None:
                    return None, "too_long"
                language = self._languages[video_id]
                seconds = [place.start_s, place.end_s, *(pair[key] for key in SPAN if pair[key] is not None)]
                answered = Answered(content_of_answer(answer, language), video_id, min(seconds), max(seconds))
                return Candidate(number, pair, answer, answered, passage, language), ""
        return None, "not_supported"

    def _row(
        self,
        kind: str,
        question: str,
        needed: list[Passage],
        others: list[Passage],
        answer: str,
        before: Sequence[dict] = (),
    ) -> dict | None:
        """A row with all passages of `needed` and as many of `others` as fit, their places drawn; None if that is too long."""
        passages = that_fit([*needed, *others], self._tokens.of_text, MOST_TOKENS)
        while passages and passages[: len(needed)] == needed:
            places = random.Random(f"{self._seed} {kind} {question}").sample(passages, len(passages))
            messages = [*before, *chat_row(framed(question, places), answer)["messages"]]
            if self._tokens.of_messages(messages) <= self._most_tokens:
                return {"kind": kind, "passages": [place_of_passage(each) for each in places], "messages": messages}
            passages = passages[:-1]
        return None

    def _fill(self, records: list[dict], drawn: Drawn) -> None:
        """Write how each drawn pair stands, and its rows."""
        true = list(drawn.true)
        for one, other in drawn.two_talks:
            row = self._of_two_talks(one, other)
            if row is None:
                true += [one, other]
                continue
            records[one.number] = {"as": TWO_TALKS, "rows": [row]}
            records[other.number] = {"as": TWO_TALKS, "rows": []}
        for first, last in drawn.two_turns:
            row = self._with_true_passage(TWO_TURNS, last, turn_of(self._pairs[first]))
            if row is None:
                true.append(last)
                continue
            records[last.number] = {"as": TWO_TURNS, "rows": [row]}
        refused = 0
        for candidate in true:
            rows = [self._with_true_passage(TRUE, candidate)]
            if refused < drawn.rows[MISSES] and (refusal := self._refused(candidate)):
                rows.append(refusal)
                refused += 1
            records[candidate.number] = {"as": TRUE, "rows": rows}

    def _with_true_passage(self, kind: str, candidate: Candidate, before: Sequence[dict] = ()) -> dict | None:
        question = candidate.pair["question"]
        misses = self._near(question, [candidate], [candidate.passage])
        return self._row(kind, question, [candidate.passage], misses, candidate.answer, before)

    def _of_two_talks(self, one: Candidate, other: Candidate) -> dict | None:
        """Two questions at once, whose answers are in two talks."""
        question = f"{one.pair['question']} {other.pair['question']}"
        passages = [one.passage, other.passage]
        misses = self._near(question, [one, other], passages)
        return self._row(TWO_TALKS, question, passages, misses, f"{one.answer}\n\n{other.answer}")

    def _refused(self, candidate: Candidate) -> dict | None:
        """The same question with near misses alone; None if there are none."""
        question = candidate.pair["question"]
        misses = self._near(question, [candidate], [])
        if not misses:
            return None
        return self._row(MISSES, question, [], misses, self._refusal(candidate.language))

    def _refusal(self, language: str | None) -> str:
        return next(self._refusals.setdefault(language, refusals(language, self._seed)))

    def _near(self, question: str, candidates: list[Candidate], beside: list[Passage]) -> list[Passage]:
        """Near misses in the room that the passages `beside` them leave."""
        room = self._words - words_of_all(beside)
        return self._misses.of(question, [each.answered for each in candidates], room, candidates[0].language)

    def _small_talk(self, drawn: Drawn) -> list[dict]:
        rows = []
        for language, count in in_languages(drawn, SMALL_TALK).items():
            for question, answer in small_talk(language, self._name, self._seed)[:count]:
                rows.append({"kind": SMALL_TALK, "messages": chat_row(question, answer)["messages"]})
        return rows

    def _outside(self, drawn: Drawn) -> list[dict]:
        """Questions of other fields with the search's best passages; what the search finds nothing for needs no row."""
        rows = []
        for language, count in in_languages(drawn, OUTSIDE).items():
            made = (
                self._outside_row(question, language) for question in questions_of_other_fields(language, self._seed)
            )
            rows += islice((row for row in made if row is not None), count)
        return rows

    def _outside_row(self, question: str, language: str | None) -> dict | None:
        passages = self._misses.best(question, self._words)
        asked = content_of(question, language)
        shares = [held_by([content_of(each.text, language)], asked).share for each in passages]
        if not passages or max(shares) >= OF_ITS_FIELD:
            return None
        return self._row(OUTSIDE, question, [], passages, self._refusal(language))


def passage_of(place: Place, transcript: dict, video: dict) -> Passage:
    """A place as the search gives it."""
    video_id, source_file = transcript["video_id"], video["source_file"]
    return Passage(
        video_id=video_id,
        title=plain_line(transcript["title"]),
        published=video["published"],
        source_file=source_file,
        start_s=place.start_s,
        end_s=place.end_s,
        text=place.text,
        link=link_to(video_id, source_file, place.start_s, None),
        score=1.0,
    )


def turn_of(pair: dict) -> list[dict]:
    """A pair as the first turn of a conversation."""
    return chat_row(pair["question"], pair["answer"])["messages"]


def in_languages(drawn: Drawn, kind: str) -> dict[str | None, int]:
    """How many rows of a kind there are in each language: as the drawn pairs have them."""
    languages = [each.language for each in drawn.candidates]
    return Counter(languages[number % len(languages)] for number in range(drawn.rows[kind])) if languages else {}


def place_of_passage(passage: Passage) -> dict:
    return {"video_id": passage.video_id, "start_s": passage.start_s, "end_s": passage.end_s}


def counts_of(records: Sequence[dict], rows: Sequence[dict]) -> dict:
    """Pairs by how they stand, why some are plain, and rows by kind."""
    of_pairs = [row for record in records for row in record.get("rows", [])]
    return {
        "pairs": dict(Counter(record["as"] for record in records)),
        "plain": dict(Counter(record["why"] for record in records if record["as"] == PLAIN)),
        "rows": dict(Counter(row["kind"] for row in [*of_pairs, *rows])),
    }
