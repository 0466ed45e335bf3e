"""Whether a passage holds what an answer says, by words alone: its numbers, and the stems of its words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from understudy.passages.search import Search
from understudy.passages.sources import Passage, link_to
from understudy.passages.terms import is_number, terms_of
from understudy.text.markdown import AnswerMarkdown

# Of an answer's stems so many stand in a passage that holds it.
SUPPORTED = 0.6


@dataclass(frozen=True)
class Claims:
    """What a text says as far as words can tell."""

    numbers: frozenset[str]
    stems: frozenset[str]

    def share_in(self, other: "Claims") -> float:
        """The share of the stems that another text has, too."""
        return len(self.stems & other.stems) / len(self.stems) if self.stems else 0.0

    def are_in(self, other: "Claims") -> bool:
        """Whether another text has all numbers, and enough of the stems."""
        return self.numbers <= other.numbers and self.share_in(other) >= SUPPORTED


def claims_of_terms(terms: Iterable[str]) -> Claims:
    found = frozenset(terms)
    numbers = frozenset(filter(is_number, found))
    return Claims(numbers, found - numbers)


def claims_of(text: str, language: str | None) -> Claims:
    return claims_of_terms(terms_of(text, language))


def claims_of_answer(answer: str, language: str | None) -> Claims:
    """An answer's claims; the signs of its Markdown are none."""
    return claims_of(AnswerMarkdown(answer).visible_text(), language)


def true_passage(pair: dict, answer: Claims, search: Search, most_words: int) -> Passage | None:
    """The sentences within the pair's span (`start_s` to `end_s` of `video_id`) that hold most of the answer, in a row, of at
    most `most_words` words together; None if they don't hold it."""
    if pair["start_s"] is None:
        return None
    sentences = sentences_in_span(pair, search)
    runs = (run_from(sentences[first:], most_words) for first in range(len(sentences)))
    holding = [run for run in runs if answer.are_in(said_in(run))]
    if not holding:
        return None
    best = max(holding, key=lambda run: (answer.share_in(said_in(run)), -words_in(run)))
    return passage_of(pair["video_id"], best, search)


def sentences_in_span(pair: dict, search: Search) -> list[tuple]:
    """start_s, end_s, words, text and terms of each sentence that lies in the span, or partly."""
    query = (
        "SELECT sentences.start_s, sentences.end_s, sentences.words, text, sentences.terms FROM sentences "
        "JOIN talks ON talks.id = talk WHERE video_id = ? AND sentences.start_s < ? AND sentences.end_s > ? ORDER BY place"
    )
    return search.store.rows(query, pair["video_id"], pair["end_s"], pair["start_s"])


def run_from(sentences: Sequence[tuple], most_words: int) -> list[tuple]:
    """As many of the first sentences as have `most_words` words together."""
    run, words = [], 0
    for sentence in sentences:
        words += sentence[2]
        if words > most_words:
            break
        run.append(sentence)
    return run


def said_in(run: Sequence[tuple]) -> Claims:
    return claims_of_terms(term for *_, terms in run for term in terms.split())


def words_in(run: Sequence[tuple]) -> int:
    return sum(words for _, _, words, _, _ in run)


def passage_of(video_id: str, run: Sequence[tuple], search: Search) -> Passage:
    query = "SELECT title, published, source_file, end_s FROM talks WHERE video_id = ?"
    ((title, published, source_file, talk_end_s),) = search.store.rows(query, video_id)
    start_s = run[0][0]
    text = " ".join(text for *_, text, _ in run)
    link = link_to(video_id, source_file, start_s, talk_end_s)
    return Passage(video_id, title, published, source_file, start_s, run[-1][1], text, link, 1.0)
