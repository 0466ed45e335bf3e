"""Near misses: passages of the training talks that are like a question's answer and don't hold it."""

from collections.abc import Sequence

from understudy.dataset.grounding.support import Claims, claims_of
from understudy.passages.search import Search
from understudy.passages.sources import Passage
from understudy.passages.terms import length_in_words

# Passages that are looked at for a question.
LOOKED_AT = 50
# A passage with a larger share of an answer's stems may hold it.
NO_MISS = 0.4


class Misses:
    """Finds near misses by words among the talks of `search`; a passage of a row has at most `longest` words."""

    def __init__(self, search: Search, longest: int):
        self._search = search
        self._longest = longest

    def of(
        self, question: str, pairs: Sequence[dict], answers: Sequence[Claims], most_words: int, language: str | None
    ) -> list[Passage]:
        """The passages nearest to a question, `most_words` of them together, that hold none of the answers of `pairs`, the best
        first; together they hold none, either."""
        found: list[Passage] = []
        for passage in self.nearest(question, most_words=None):
            tried = [*found, passage]
            if (
                sum(length_in_words(each.text) for each in tried) <= most_words
                and not any(lies_in_span(passage, pair) for pair in pairs)
                and not any(holds_part(answer, passage, tried, language) for answer in answers)
            ):
                found = tried
        return found

    def nearest(self, question: str, most_words: int | None) -> list[Passage]:
        """The search's best passages that aren't too long, at most `most_words` words of them together."""
        passages = self._search.passages(question, limit=LOOKED_AT)
        short = [passage for passage in passages if length_in_words(passage.text) <= self._longest]
        if most_words is None:
            return short
        fitting, words = [], 0
        for passage in short:
            words += length_in_words(passage.text)
            if words > most_words:
                break
            fitting.append(passage)
        return fitting


def lies_in_span(passage: Passage, pair: dict) -> bool:
    """Whether a passage has a part of the place that a pair's answer is from; in a talk without times, of that talk at all."""
    if passage.video_id != pair["video_id"]:
        return False
    if passage.start_s is None or pair["start_s"] is None:
        return True
    return passage.start_s < pair["end_s"] and passage.end_s > pair["start_s"]


def holds_part(answer: Claims, passage: Passage, together: Sequence[Passage], language: str | None) -> bool:
    """Whether a passage says too much of an answer to be a miss, or all of it together with others."""
    said = claims_of(" ".join(each.text for each in together), language)
    return answer.share_in(claims_of(passage.text, language)) > NO_MISS or answer.are_in(said)
