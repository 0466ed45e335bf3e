"""What the program says of the answers beside the models: which of their sentences have a place in the talks, and which questions
the gate declines."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from understudy.evaluate.measures.refusals import refuses
from understudy.passages.answers.places import Places
from understudy.passages.answers.sentences import sentences_of
from understudy.passages.gate import NOT_COVERED, Gate
from understudy.passages.search import Search
from understudy.passages.sources import Passage

# A place is near where it is at most so many seconds off the passage that holds the answer.
NEAR_S = 15.0


@dataclass(frozen=True)
class SentencePlaces:
    """Of an answer: sentences that claim something, those with a place, those with a place and without a mark, and places that
    are near the true passage. None of a refusal."""

    claims: int = 0
    placed: int = 0
    unmarked: int = 0
    near: int = 0


class AgainstTalks:
    """Measures answers by an open index, by words alone, and questions by the gate at a path."""

    def __init__(self, search: Search, gate: Path):
        gate_of_talks = Gate.read(gate)
        # The same sentences and questions come in several contexts.
        self._checked = lru_cache(maxsize=100_000)(Places(search).of)
        self._decided = lru_cache(maxsize=100_000)(lambda question: gate_of_talks.decide(question, None, search))

    def places_of(self, answer: str, row: dict[str, Any], context: str) -> SentencePlaces:
        """Those of an answer to a row of held_out_passages.json, looked for first in what the context showed.

        Raises IndexFault."""
        if refuses(answer, row["language"]):
            return SentencePlaces()
        passages = tuple(Passage(**passage) for passage in row.get(context, ()))
        checked = [self._checked(sentence, passages) for sentence in sentences_of(answer)]
        placed = [one for one in checked if one.claims and one.place is not None]
        true = [Passage(**passage) for passage in row["true"]]
        return SentencePlaces(
            sum(one.claims for one in checked),
            len(placed),
            sum(not one.marks for one in placed),
            sum(any(is_near(one.place, passage) for passage in true) for one in placed),
        )

    def declines(self, question: str) -> bool:
        """Whether the gate declines a question. Raises IndexFault."""
        return self._decided(question).kind == NOT_COVERED


def is_near(place: Passage, true: Passage) -> bool:
    """Whether a place is of the same talk and at most NEAR_S off; one without times is near to nothing."""
    if place.video_id != true.video_id or None in (place.start_s, place.end_s, true.start_s, true.end_s):
        return False
    return place.start_s <= true.end_s + NEAR_S and place.end_s >= true.start_s - NEAR_S
