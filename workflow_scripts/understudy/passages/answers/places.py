"""The nearest place in the talks for each sentence of an answer, and what the sentence has that this place doesn't.

Words tell where something like it was said, and a number that wasn't said there. They don't tell opposite advice, another reason
or an addition: a place is no proof."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import regex

from understudy.passages.answers.details import Quantity, When, details_of
from understudy.passages.answers.marks import Mark, name_marks, number_marks, thing_marks, time_marks
from understudy.passages.answers.sentences import without_signs
from understudy.passages.cutting import UNIT
from understudy.passages.growing import Place, Sentences, run_ends
from understudy.passages.search import OTHER_FORM, Search
from understudy.passages.sources import Passage
from understudy.passages.terms import forms_of, normal

# Each of a sentence's words counts by how rare it is in the language; a rare one, a number and a time count 1.0. A sentence
# without a measure that has less in all claims nothing that could be looked for.
LEAST_CLAIM = 2.0
# What a sentence is measured by at the least, so that two words in common are no place.
LEAST_MEASURE = 3.0
# The part of a sentence that its place has, at the least; with vectors likeness is added to it.
NEAR_BY_WORDS = 0.4
NEAR_WITH_VECTORS = 0.8
# What a word counts that only the talk's title has.
IN_TITLE = 0.5
# A thing of the field is a rare word that the talks that have it have in so many sentences on average.
THING_WEIGHT, TIMES_A_TALK = 0.75, 2
# Units that are looked at, and what the words count by which they are chosen: a sentence has more words than a question.
CANDIDATES, RARE = 200, 0.5
# Sentences on each side of a place that may say a sentence's number, time or thing.
BESIDE = 1
QUESTION = regex.compile(r"[?？؟](?=[\s\"'”’»*_]*$)")
NOUNS_HAVE_CAPITALS = {"de", "lb"}


@dataclass(frozen=True)
class Checked:
    """A sentence of an answer. `claims` is False for a greeting, a question and the like: it has neither place nor marks.
    `place` is None where nothing in the talks is near enough."""

    text: str
    claims: bool
    place: Passage | None
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Sought:
    """What a sentence is looked for by: its words' forms with their weights, its numbers, months, seasons and times of day."""

    text: str
    weights: dict[str, float]
    quantities: list[Quantity]
    times: list[When]

    @property
    def weight(self) -> float:
        return sum(self.weights.values()) + len(self.quantities) + len(self.times)

    @property
    def claims(self) -> bool:
        has_measure = any(quantity.unit or not quantity.is_word for quantity in self.quantities)
        has_words = sum(self.weights.values()) + len(self.times) >= LEAST_CLAIM
        return not QUESTION.search(self.text) and (has_measure or has_words)


@dataclass(frozen=True)
class Near:
    """A place with what is said in it and beside it, and the terms of that and of the talk's title."""

    passage: Passage
    texts: list[str]
    terms: set[str]


class Places:
    """Finds places by an open index, in the main language of its talks."""

    def __init__(self, search: Search):
        self._search = search
        self._language = search.languages[0] if search.languages else None
        self._details = details_of(self._language)
        self._read = lru_cache(maxsize=20_000)(self._read_text)

    def of(self, sentence: str, passages: Sequence[Passage] = ()) -> Checked:
        """The sentence with its place among `passages`, or else in the whole index, and its marks.

        Raises IndexFault if the index is broken where it is read."""
        sought = self._sought(without_signs(sentence))
        if not sought.claims:
            return Checked(sentence, False, None, ())
        vector = self._search.vector(sought.text)
        near = self._near(sought, vector, self._search.units_of(passages), 0) or self._near(
            sought, vector, self._units(sought, vector), BESIDE
        )
        if near is None:
            return Checked(sentence, True, None, ())
        return Checked(sentence, True, near.passage, tuple(self._marks(sentence, sought, near)))

    def _sought(self, text: str) -> Sought:
        quantities = self._details.quantities_in(text)
        times = self._details.times_written_in(text)
        words = list(text)
        for detail in (*quantities, *times):
            words[detail.start : detail.end] = " " * (detail.end - detail.start)
        telling = [quantity for quantity in quantities if quantity.is_telling]
        return Sought(text, self._search.weights("".join(words)), telling, times)

    def _units(self, sought: Sought, vector: np.ndarray | None) -> list[tuple[int, int, int, int]]:
        like = None if vector is None else self._search.units_like(vector)
        terms = self._search.terms(sought.text)
        rare = {term: counted for term, counted in terms.items() if counted[1] >= RARE}
        return self._search.units(rare or terms, like, CANDIDATES)

    def _near(
        self, sought: Sought, vector: np.ndarray | None, units: list[tuple[int, int, int, int]], around: int
    ) -> Near | None:
        """The run of UNIT words in and around units that has most of the sentence, cut to what has its words, if near enough."""
        if not units:
            return None
        sentences, titles = self._search.read(units, around)
        ends = run_ends(sentences, UNIT)
        words = self._words_found(sought, sentences, titles)
        if sentences.others is not None:
            # What another says is no place of the teacher's.
            words[:, sentences.others] = 0
        scores = self._scores(sought, sentences, ends, words)
        # Words say where it is; likeness only whether it is.
        first = int(scores.argmax())
        if vector is None:
            is_near = scores[first] >= NEAR_BY_WORDS
        else:
            is_near = (scores + self._search.likeness(sentences, vector)).max() >= NEAR_WITH_VECTORS
        if not is_near:
            return None
        begin, end = cut(words, first, int(ends[first]))
        begin, end = in_one_voice(sentences, words, begin, end)
        return self._as_near(sentences, titles, begin, end, float(scores[first]))

    def _words_found(self, sought: Sought, sentences: Sentences, titles: dict[int, list[str]]) -> np.ndarray:
        """For each word (rows) and sentence (columns) 1.0 if the sentence has it, less for another form or in the title alone."""
        found = np.zeros((len(sought.weights), len(sentences)))
        for row, form in zip(found, sought.weights, strict=True):
            like = self._terms_like(form)
            in_title = {talk: IN_TITLE * greatest_of(like, title) for talk, title in titles.items()}
            row[:] = [
                max(greatest_of(like, terms), in_title[talk])
                for terms, talk in zip(sentences.terms, sentences.talk.tolist(), strict=True)
            ]
        return found

    def _terms_like(self, form: str) -> dict[str, float]:
        return {term: 1.0 if term == form else OTHER_FORM for term, _ in self._search.terms_like(form)}

    def _scores(self, sought: Sought, sentences: Sentences, ends: np.ndarray, words: np.ndarray) -> np.ndarray:
        """The part of the sentence that each run has."""
        weights = np.array(list(sought.weights.values()))
        scores = weights @ greatest_in_runs(words, ends)
        details = len(sought.quantities) + len(sought.times)
        # Numbers are read where they can make a run the best one.
        readable = np.flatnonzero(scores + details >= scores.max())
        found = np.zeros((details, len(sentences)))
        for number in {number for first in readable.tolist() for number in range(first, ends[first])}:
            if sentences.others is None or not sentences.others[number]:
                found[:, number] = self._details_found(sought, sentences.text[number])
        scores += greatest_in_runs(found, ends).sum(axis=0)
        return scores / max(sought.weight, LEAST_MEASURE)

    def _details_found(self, sought: Sought, text: str) -> list[bool]:
        quantities, times = self._read(text)
        return [
            *(any(map(quantity.is_like, quantities)) for quantity in sought.quantities),
            *(when.what in times for when in sought.times),
        ]

    def _read_text(self, text: str) -> tuple[list[Quantity], set[str]]:
        details = self._details
        return details.quantities_in(text) + details.units_alone(text), {when.what for when in details.times_in(text)}

    def _as_near(self, sentences: Sentences, titles: dict[int, list[str]], first: int, end: int, score: float) -> Near:
        runs = sentences.run
        beside = [
            number
            for number in range(max(first - BESIDE, 0), min(end + BESIDE, len(sentences)))
            if runs[number] == runs[first] and sentences.have_one_voice(number, first)
        ]
        terms = {term for number in beside for term in sentences.terms[number]}
        place = Place(first, end, int(sentences.words[first:end].sum()), score)
        (passage,) = self._search.as_passages(sentences, [place])
        return Near(
            passage, [sentences.text[number] for number in beside], terms.union(titles[int(sentences.talk[first])])
        )

    def _marks(self, shown: str, sought: Sought, near: Near) -> list[Mark]:
        text = sought.text
        said = [self._read(line) for line in near.texts]
        marks = number_marks(shown, sought.quantities, [quantity for quantities, _ in said for quantity in quantities])
        marks += time_marks(shown, sought.times, {what for _, times in said for what in times})
        taken = {at for detail in (*sought.quantities, *sought.times) for at in range(detail.start, detail.end)}
        others = thing_marks(text, self._details, self._is_common, lambda word: self._is_missing_thing(word, near))
        if self._language not in NOUNS_HAVE_CAPITALS:
            others += name_marks(text, self._is_common, lambda word: self._is_missing(word, near))
        for mark in others:
            if taken.isdisjoint(range(mark.start, mark.end)):
                marks.append(mark)
                taken.update(range(mark.start, mark.end))
        return sorted(marks, key=lambda mark: mark.start)

    def _is_common(self, word: str) -> bool:
        return not self._search.weights(word)

    def _is_missing(self, word: str, near: Near) -> bool:
        return all(near.terms.isdisjoint(self._terms_like(form)) for form in forms_of(normal(word), self._language))

    def _is_missing_thing(self, word: str, near: Near) -> bool:
        if max(self._search.weights(word).values()) < THING_WEIGHT or not self._is_missing(word, near):
            return False
        return any(self._search.times_a_talk(form) >= TIMES_A_TALK for form in forms_of(normal(word), self._language))


def in_one_voice(sentences: Sentences, words: np.ndarray, first: int, end: int) -> tuple[int, int]:
    """Of the sentences from `first` up to `end` those around the one with most of the words that the same person says."""
    best = first + int(words[:, first:end].sum(axis=0).argmax())
    begin = stop = best
    while begin > first and sentences.have_one_voice(begin - 1, best):
        begin -= 1
    while stop < end and sentences.have_one_voice(stop, best):
        stop += 1
    return begin, stop


def greatest_of(values: dict[str, float], terms: list[str]) -> float:
    return max((values[term] for term in terms if term in values), default=0.0)


def greatest_in_runs(values: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """For each row of `values` (rows, sentences) the greatest of each run, which begins at a sentence and ends before `ends`."""
    greatest = values.copy()
    numbers = np.arange(len(ends))
    for step in range(1, int((ends - numbers).max(initial=1))):
        reaches = np.flatnonzero(numbers + step < ends)
        greatest[:, reaches] = np.maximum(greatest[:, reaches], values[:, reaches + step])
    return greatest


def cut(words: np.ndarray, first: int, end: int) -> tuple[int, int]:
    """The run from `first` to `end` without the sentences at its ends that add no word."""
    has = words[:, first:end].max(axis=1, initial=0.0)
    while end - first > 1 and (words[:, first + 1 : end].max(axis=1, initial=0.0) >= has).all():
        first += 1
    while end - first > 1 and (words[:, first : end - 1].max(axis=1, initial=0.0) >= has).all():
        end -= 1
    return first, end
