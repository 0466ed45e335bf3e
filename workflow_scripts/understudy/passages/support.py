"""Whether a passage holds what an answer says, as far as words can tell: its numbers and the stems of its words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import regex

from understudy.passages.cutting import Sentence, sentences_of
from understudy.passages.terms import is_number, terms_of
from understudy.passages.time_span import SpokenSegments
from understudy.text.language import language_of_talk
from understudy.text.markdown import AnswerMarkdown
from understudy.text.transcripts import segments_of_teacher

# Of an answer's stems so many stand in a passage that holds it.
ENOUGH = 0.6
# Of the words of a row's passages, the most that one passage has: two fit.
LONGEST_PASSAGE = 0.4
# Digits after a letter belong to a name: B12.
NUMBER = regex.compile(r"(?<![\p{L}\p{M}\p{Nd}])\p{Nd}+(?:[.,]\p{Nd}+)*")


@dataclass(frozen=True)
class Support:
    """`numbers_missing` are the answer's numbers that the passage doesn't have, in its order; `share` the part of its different
    stems that the passage has, 0 to 1."""

    numbers_missing: tuple[str, ...]
    share: float

    @property
    def is_enough(self) -> bool:
        """Whether an answer may be taught as one from this passage."""
        return not self.numbers_missing and self.share >= ENOUGH


class Content(NamedTuple):
    """The different numbers in digits of a text, in its order, and its stems."""

    numbers: tuple[str, ...]
    stems: frozenset[str]


class Place(NamedTuple):
    """Sentences in a row of a talk, their first and last second, and how much of an answer they hold."""

    text: str
    start_s: float
    end_s: float
    support: Support


class PlacesOfAnswers:
    """Finds where in a talk its answers are from. `segments` are a transcript's, `language` is a two-letter code; a place has at
    most `most_words` words."""

    def __init__(self, segments: list[list], language: str | None, most_words: int):
        self._spoken = SpokenSegments(segments)
        self._language = language
        self._most_words = most_words
        timed = [segment for segment in segments if segment[0] is not None]
        self._sentences = [(each, content_of(each.text, language)) for each in sentences_of(timed, language)]

    def of(self, answer: str) -> Place | None:
        """The sentences of the answer's span that hold most of it; None without a span, as in a talk without times."""
        span = self._spoken.span_of(answer)
        if span is None:
            return None
        start_s, end_s = span
        inside = [each for each in self._sentences if each[0].start_s < end_s and each[0].end_s > start_s]
        wanted = content_of_answer(answer, self._language)
        runs = (first_sentences(inside[first:], self._most_words) for first in range(len(inside)))
        places = [place_of(run, wanted) for run in runs if run]
        return max(places, key=lambda place: (place.support.is_enough, place.support.share), default=None)


def longest_passage(words_of_a_row: int) -> int:
    """The most words that one of a row's passages has, whose passages have `words_of_a_row` together."""
    return int(words_of_a_row * LONGEST_PASSAGE)


def places_in(transcript: dict, words_of_a_row: int) -> PlacesOfAnswers:
    """Finds places in a transcript that are passages of such rows."""
    return PlacesOfAnswers(
        segments_of_teacher(transcript), language_of_talk(transcript), longest_passage(words_of_a_row)
    )


def support_of(answer: str, passage: str, language: str | None) -> Support:
    """How much of an answer, Markdown, a passage holds; `language` is a two-letter code. An answer without content words has a
    share of 0.0."""
    return held_by([content_of(passage, language)], content_of_answer(answer, language))


def held_by(passage: Sequence[Content], wanted: Content) -> Support:
    """How much of what is wanted the parts of a passage hold together."""
    numbers = {number for part in passage for number in part.numbers}
    stems = frozenset().union(*(part.stems for part in passage))
    missing = tuple(number for number in wanted.numbers if number not in numbers)
    return Support(missing, len(wanted.stems & stems) / len(wanted.stems) if wanted.stems else 0.0)


def content_of(text: str, language: str | None) -> Content:
    """A decimal comma is a point."""
    numbers = dict.fromkeys(found.replace(",", ".") for found in NUMBER.findall(text))
    return Content(tuple(numbers), frozenset(term for term in terms_of(text, language) if not is_number(term)))


def content_of_answer(answer: str, language: str | None) -> Content:
    """An answer's content; the signs of its Markdown are none."""
    return content_of(AnswerMarkdown(answer).visible_text(), language)


def first_sentences(
    sentences: Sequence[tuple[Sentence, Content]], most_words: int
) -> Sequence[tuple[Sentence, Content]]:
    """As many of the first sentences as have `most_words` words together."""
    words = 0
    for number, (sentence, _) in enumerate(sentences):
        words += sentence.words
        if words > most_words:
            return sentences[:number]
    return sentences


def place_of(run: Sequence[tuple[Sentence, Content]], wanted: Content) -> Place:
    sentences, contents = zip(*run, strict=True)
    text = " ".join(sentence.text for sentence in sentences)
    return Place(text, sentences[0].start_s, sentences[-1].end_s, held_by(contents, wanted))
