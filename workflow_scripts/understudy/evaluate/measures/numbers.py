"""The numbers that a text names, in digits, fractions or words, as values that can be compared.

Digits are read in any script, words in the languages of SPOKEN. A decimal comma is a point; `1,000`, `1.000` and `1 000` are a
thousand. A date, a time, a range or a ratio is each of its parts. One is left out: in words it is an article or a pronoun, and
whoever writes it in digits may have heard it in words."""

import unicodedata

import regex
from text_to_num import find_numbers

# Digits after a letter belong to a name: B12, CO2.
FREE = r"(?<![\p{Lu}\p{Ll}\p{N}_])"
DIGITS = regex.compile(
    rf"{FREE}\p{{Nd}}{{1,3}}(?:[ \u00a0\u202f'’]\p{{Nd}}{{3}})+(?!\p{{Nd}})|{FREE}\p{{Nd}}+(?:[.,]\p{{Nd}}+)*"
)
THOUSANDS = regex.compile(r"[1-9]\p{Nd}{0,2}(?:([.,])\p{Nd}{3})(?:\1\p{Nd}{3})*")
# 1,234.5 and 1.234,5
THOUSANDS_AND_PARTS = regex.compile(r"([1-9]\p{Nd}{0,2}(?:([.,])\p{Nd}{3})(?:\2\p{Nd}{3})*)(?!\2)[.,](\p{Nd}+)")
ANY_DIGIT = regex.compile(r"\p{Nd}")
NO_DIGIT = regex.compile(r"[^\p{Nd}]")
FRACTION = regex.compile(r"(?<![\p{Nd}/.,])(\p{Nd})[/\u2044](\p{Nd}{1,2})(?![\p{Nd}/])")
WORD_OR_MARK = regex.compile(r"[\p{L}\p{M}'’-]+|[^\p{L}\s]")
# Those of text2num 3.
SPOKEN = frozenset({"en", "de", "es", "fr", "it", "pt", "nl", "da"})
VULGAR = regex.compile(r"[\p{No}&&[¼-¾⅐-⅞]]", regex.V1)


def numbers_of(text: str, language: str | None) -> set[float]:
    """All different numbers of a text; `language` is a two-letter code, which says in which words numbers are looked for."""
    numbers = {unicodedata.numeric(found) for found in VULGAR.findall(text)}
    numbers |= {int(one) / int(other) for one, other in FRACTION.findall(text) if int(one) < int(other)}
    text = FRACTION.sub(lambda found: " " if int(found[1]) < int(found[2]) else found[0], text)
    for token in DIGITS.findall(text):
        numbers |= values_of(token)
    return (numbers | spoken_numbers(ANY_DIGIT.sub(" ", text), language)) - {1.0}


def values_of(token: str) -> set[float]:
    """What a run of digits with points, commas or spaces in it is: one number, or the parts of a date or a version."""
    if regex.search(r"[ \u00a0\u202f'’]", token) or THOUSANDS.fullmatch(token):
        return {float(NO_DIGIT.sub("", token))}
    if found := THOUSANDS_AND_PARTS.fullmatch(token):
        return {float(f"{NO_DIGIT.sub('', found[1])}.{found[3]}")}
    parts = regex.split(r"[.,]", token)
    return {float(".".join(parts))} if len(parts) <= 2 else {float(part) for part in parts}


class Word(str):
    """A word or a mark, as text2num takes it."""

    def text(self) -> str:
        return str(self)

    def nt_separated(self, previous: "Word") -> bool:
        return False

    def not_a_number_part(self) -> bool:
        return False


def spoken_numbers(text: str, language: str | None) -> set[float]:
    """The numbers in words; `the third` is none, as little as it says how many."""
    if language not in SPOKEN:
        return set()
    words = list(map(Word, WORD_OR_MARK.findall(text.lower())))
    return {found.value for found in find_numbers(words, language, 0.0) if not found.is_ordinal}
