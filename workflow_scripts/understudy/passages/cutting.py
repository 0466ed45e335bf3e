"""A talk cut into sentences with their seconds, and into units: overlapping runs of sentences that are searched for."""

import math
import re
from dataclasses import dataclass

import regex

from understudy.passages.terms import IS_PAIRED, read_word, terms_of

# Words. A unit is searched by meaning; one that begins in the middle of another finds what lies across its border.
UNIT, STEP = 60, 30
# A sentence without a full stop, as in generated captions, ends at a pause, and at the latest here.
LONGEST_SENTENCE = 25
PAUSE_S = 0.8
SHORTEST_SENTENCE = 3
LAST_SECOND = 100 * 3600
ENDS_SENTENCE = re.compile(r"[.!?…؟。！？।॥][\"'”’“‘»›«」』)\]]*$")
# Where a line has no spaces, what ends a sentence ends a piece of it.
# Nothing is longer than 60 characters: what has no end is cut there.
PIECES = re.compile(r"\S{1,60}?(?:[。！？।]+[」』）”]*|(?=\s)|$)|\S{60}")
INVISIBLE = regex.compile(r"[[\p{Cc}\p{Cf}\p{Co}\p{Cs}]--[\u200c\u200d]]", regex.V1)


@dataclass(frozen=True)
class Sentence:
    """`start_s` and `end_s` are seconds, or None in a transcript without times; `words` is its length, `speaker` whom the
    captions name. What another says is another sentence."""

    text: str
    start_s: float | None
    end_s: float | None
    words: int
    terms: tuple[str, ...]
    speaker: str | None = None


@dataclass(frozen=True)
class Unit:
    """The sentences from number `first` up to, not including, `end`."""

    first: int
    end: int


def plain_line(text: str) -> str:
    """One line without control characters, escapes, marks that turn the direction of writing, and runs of spaces.

    The joiners that Persian, Hindi and emoji are written with stay."""
    return INVISIBLE.sub("", " ".join(text.split()))


def sentences_of(segments: list[list], language: str | None, duration_s: float | None = None) -> list[Sentence]:
    """The sentences of a transcript's segments [start_s, duration_s, text], in their order.

    A piece of a segment gets its share of the segment's time, by letters. A second that is no number, is negative, lies behind
    the end of the talk or before an earlier one is brought to the nearest possible one."""
    sentences, current, words = [], [], 0
    pieces = _timed_pieces(segments, LAST_SECOND if duration_s is None else duration_s)
    for number, piece in enumerate(pieces):
        current.append(piece)
        words += read_word(piece[0], language)[0]
        following = pieces[number + 1] if number + 1 < len(pieces) else None
        if following is None or _ends_here(piece, following, words):
            sentences.append(_sentence(current, words, language))
            current, words = [], 0
    return sentences


def units_of(sentences: list[Sentence]) -> list[Unit]:
    """Runs of whole sentences of at most UNIT words, a new one about every STEP words; together they cover all of them."""
    units, first = [], 0
    while first < len(sentences):
        end, words = first, 0
        while end < len(sentences) and (end == first or words + sentences[end].words <= UNIT):
            words += sentences[end].words
            end += 1
        units.append(Unit(first, end))
        if end == len(sentences):
            break
        stepped = sentences[first].words
        first += 1
        while first < end and stepped < STEP:
            stepped += sentences[first].words
            first += 1
    return units


def _timed_pieces(segments: list[list], last_s: float) -> list[tuple[str, float | None, float | None, str | None]]:
    pieces, now = [], 0.0
    for start_s, duration_s, text, *named in segments:
        speaker = next(iter(named), None)
        found = PIECES.findall(plain_line(str(text)))
        letters = sum(map(len, found))
        if start_s is None:
            pieces += [(piece, None, None, speaker) for piece in found]
            continue
        start_s = now = min(max(_number(start_s), now), last_s)
        end_s = min(start_s + max(_number(duration_s), 0.0), last_s)
        at = start_s
        for piece in found:
            until = min(at + (end_s - start_s) * len(piece) / letters, end_s)
            pieces.append((piece, at, until, speaker))
            at = until
    return pieces


def _number(value: object) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number else 0.0


def _ends_here(piece: tuple, following: tuple, words: int) -> bool:
    text, _, end_s, speaker = piece
    if speaker != following[3]:
        return True
    if words < SHORTEST_SENTENCE:
        return False
    has_pause = end_s is not None and following[1] is not None and following[1] - end_s >= PAUSE_S
    return words >= LONGEST_SENTENCE or has_pause or bool(ENDS_SENTENCE.search(text))


def _sentence(pieces: list[tuple], words: int, language: str | None) -> Sentence:
    text = "".join(_with_space(pieces, number) for number in range(len(pieces)))
    if IS_PAIRED.search(text):
        # A pair of characters may lie on both sides of a border of two captions.
        terms = tuple(terms_of(text, language))
    else:
        terms = tuple(term for piece in pieces for term in read_word(piece[0], language)[1])
    return Sentence(text, pieces[0][1], pieces[-1][2], words, terms, pieces[0][3])


def _with_space(pieces: list[tuple], number: int) -> str:
    """A piece with the space that stood in front of it; none between two that were one word without spaces."""
    text = pieces[number][0]
    if number == 0 or ENDS_WITHOUT_SPACE.search(pieces[number - 1][0]):
        return text
    return " " + text


ENDS_WITHOUT_SPACE = re.compile(r"[。！？\u3040-\u30ff\u3400-\u9fff」』）、，]$")
