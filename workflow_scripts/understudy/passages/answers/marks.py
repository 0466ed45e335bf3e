"""Marks: what a sentence has and its nearest place in the talks doesn't, as far as words can tell without judgement."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise

from understudy.passages.answers.details import Details, Quantity, When, seasons_too
from understudy.passages.terms import IS_PAIRED, words_in

# Words of a thing's name in front of it that are no function words: a small green pot.
MOST_WORDS_BEFORE = 2


@dataclass(frozen=True)
class Mark:
    """`kind` is number, time, thing or name; `start` and `end` are where `text` stands in the sentence as it is shown."""

    kind: str
    text: str
    start: int
    end: int


def number_marks(text: str, quantities: Iterable[Quantity], said: list[Quantity]) -> list[Mark]:
    """The quantities of a text that are like none of those `said`."""
    return [
        Mark("number", text[quantity.start : quantity.end], quantity.start, quantity.end)
        for quantity in quantities
        if not any(map(quantity.is_like, said))
    ]


def time_marks(text: str, times: Iterable[When], said: Iterable[str]) -> list[Mark]:
    """The months of a text that aren't said, and its seasons and times of day where another one is said: `in an ordinary summer`
    is said of what no talk names a season for. A season is by its months, too."""
    known = seasons_too(said)
    kinds = {"months", *(what.split()[0] for what in known)}
    return [
        Mark("time", text[when.start : when.end], when.start, when.end)
        for when in times
        if when.what not in known and when.what.split()[0] in kinds
    ]


def thing_marks(
    text: str, details: Details, is_common: Callable[[str], bool], is_missing: Callable[[str], bool]
) -> list[Mark]:
    """The words of a text that stand where a thing stands and are missing."""
    return [
        Mark("thing", text[start:end], start, end)
        for start, end in things_in(text, details, is_common)
        if is_missing(text[start:end])
    ]


def name_marks(text: str, is_common: Callable[[str], bool], is_missing: Callable[[str], bool]) -> list[Mark]:
    """The words of a text that have a capital in the middle of it and are missing."""
    words = words_in(text)
    return [
        Mark("name", text[start:end], start, end)
        for (_, before), (start, end) in pairwise(words)
        if text[start].isupper()
        and text[before:start].isspace()
        and not is_common(text[start:end])
        and is_missing(text[start:end])
    ]


def things_in(text: str, details: Details, is_common: Callable[[str], bool]) -> list[tuple[int, int]]:
    """Start and end of the last word of each run of words that stands behind an article, a preposition or the like."""
    words = words_in(text)
    common = [is_common(text[start:end]) for start, end in words]
    found = []
    for number, (start, end) in enumerate(words):
        if common[number] or IS_PAIRED.match(text[start]):
            continue
        is_last = number + 1 == len(words) or common[number + 1] or not text[end : words[number + 1][0]].isspace()
        if is_last and _stands_behind(text, words, common, number, details.before_things):
            found.append((start, end))
    return found


def _stands_behind(
    text: str, words: list[tuple[int, int]], common: list[bool], number: int, before: frozenset[str]
) -> bool:
    """Whether one of `before`, or a number, stands in front of the word or of up to MOST_WORDS_BEFORE that belong to it."""
    for at in range(number - 1, max(number - 2 - MOST_WORDS_BEFORE, -1), -1):
        start, end = words[at]
        if not text[end : words[at + 1][0]].isspace():
            return False
        if common[at] or text[start].isdigit():
            return text[start:end].casefold() in before or text[start].isdigit()
    return False
