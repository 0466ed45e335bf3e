"""Near misses: passages of the training talks that are like a question's answer and don't hold it."""

from collections.abc import Sequence
from typing import NamedTuple

from understudy.passages.search import Search
from understudy.passages.sources import Passage
from understudy.passages.support import Content, content_of, held_by
from understudy.passages.terms import length_in_words

# Passages that are looked at for a question.
LOOKED_AT = 50
# With a larger share of an answer's stems passages may hold a part of it.
NO_MISS = 0.4


class Answered(NamedTuple):
    """An answer that misses must not hold: its content, and the part of the talk that it is from, in seconds."""

    content: Content
    video_id: str
    start_s: float
    end_s: float


class Misses:
    """Finds near misses by words among the talks of `search`; a passage of a row has at most `longest` words."""

    def __init__(self, search: Search, longest: int):
        self._search = search
        self._longest = longest

    def of(self, question: str, answers: Sequence[Answered], most_words: int, language: str | None) -> list[Passage]:
        """The passages nearest to a question, `most_words` of them together, that hold little of the answers together, the
        best first."""
        found: list[Passage] = []
        contents: list[Content] = []
        for passage in self._nearest(question):
            content = content_of(passage.text, language)
            if (
                words_of_all([*found, passage]) <= most_words
                and not any(overlap(passage, answer) for answer in answers)
                and all(held_by([*contents, content], answer.content).share <= NO_MISS for answer in answers)
            ):
                found.append(passage)
                contents.append(content)
        return found

    def best(self, question: str, most_words: int) -> list[Passage]:
        """The search's best passages, `most_words` of them together, whatever they hold."""
        passages = self._nearest(question)
        return [passage for number, passage in enumerate(passages, 1) if words_of_all(passages[:number]) <= most_words]

    def ranked(self, question: str, passages: Sequence[Passage]) -> list[Passage]:
        """The passages as the search would show them: each at the place of the first that it finds with a part of it."""
        found = self._search.passages(question, limit=LOOKED_AT)

        def rank(passage: Passage) -> int:
            return next((number for number, each in enumerate(found) if overlap(each, passage)), len(found))

        return sorted(passages, key=rank)

    def _nearest(self, question: str) -> list[Passage]:
        passages = self._search.passages(question, limit=LOOKED_AT)
        return [passage for passage in passages if length_in_words(passage.text) <= self._longest]


def words_of_all(passages: Sequence[Passage]) -> int:
    return sum(length_in_words(passage.text) for passage in passages)


def overlap(one: Passage, other: Passage | Answered) -> bool:
    """Whether they have a part of a talk in common; what has no times may have."""
    if one.video_id != other.video_id:
        return False
    if None in (one.start_s, one.end_s, other.start_s, other.end_s):
        return True
    return one.start_s < other.end_s and one.end_s > other.start_s
