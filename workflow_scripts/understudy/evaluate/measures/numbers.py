"""The numbers that a text names, in digits, fractions or words, as values that can be compared.

Digits are read in any script, words in the languages of WORDS. A decimal comma is a point; `1,000`, `1.000` and `1 000` are a
thousand. A date, a time, a range or a ratio is each of its parts. One is left out: in words it is an article or a pronoun, and
whoever writes it in digits may have heard it in words."""

import unicodedata
from collections.abc import Callable
from functools import cache

import regex

from understudy.evaluate.general.numbers import numbers_in
from understudy.text.words import words_of

# Digits after a letter belong to a name: B12, CO2.
FREE = r"(?<![\p{Lu}\p{Ll}\p{N}_])"
DIGITS = regex.compile(
    rf"{FREE}\p{{Nd}}{{1,3}}(?:[ \u00a0\u202f'’]\p{{Nd}}{{3}})+(?!\p{{Nd}})|{FREE}\p{{Nd}}+(?:[.,]\p{{Nd}}+)*"
)
THOUSANDS = regex.compile(r"[1-9]\p{Nd}{0,2}(?:([.,])\p{Nd}{3})(?:\1\p{Nd}{3})*")
ANY_DIGIT = regex.compile(r"\p{Nd}")
NO_DIGIT = regex.compile(r"[^\p{Nd}]")
FRACTION = regex.compile(r"(?<![\p{Nd}/.,])(\p{Nd})[/\u2044](\p{Nd}{1,2})(?![\p{Nd}/])")
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
    parts = regex.split(r"[.,]", token)
    return {float(".".join(parts))} if len(parts) <= 2 else {float(part) for part in parts}


def spoken_numbers(text: str, language: str | None) -> set[float]:
    if language == "en":
        return set(numbers_in(text))
    if language not in WORDS:
        return set()
    spoken, longest = spoken_forms(language)
    words, found, at = words_of(text), set(), 0
    while at < len(words):
        runs = (tuple(words[at : at + size]) for size in range(longest, 0, -1))
        run = next((run for run in runs if run in spoken), None)
        found |= {spoken[run]} if run else set()
        at += len(run) if run else 1
    return found


@cache
def spoken_forms(language: str) -> tuple[dict[tuple[str, ...], float], int]:
    """The words of each number up to a hundred, of whole hundreds and of a thousand, and the most words of one."""
    forms = {tuple(words_of(form)): float(value) for value in range(2, 100) for form in [WORDS[language](value)]}
    for word, value in LARGE[language].items():
        forms[word,] = value
        for count in range(2, 10):
            for gap in ("", " "):
                forms.setdefault(tuple(words_of(WORDS[language](count) + gap + word)), count * value)
    return forms, max(map(len, forms))


GERMAN = (
    "null ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn "
    "achtzehn neunzehn"
)
GERMAN_TENS = "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig"
SPANISH = (
    "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete "
    "dieciocho diecinueve veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete "
    "veintiocho veintinueve"
)
SPANISH_TENS = "treinta cuarenta cincuenta sesenta setenta ochenta noventa"
FRENCH = (
    "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept dix-huit "
    "dix-neuf"
)
FRENCH_TENS = {20: "vingt", 30: "trente", 40: "quarante", 50: "cinquante", 60: "soixante", 80: "quatre-vingt"}


def german(value: int) -> str:
    """As in `siebenundzwanzig`."""
    units = GERMAN.split()
    if value < 20:
        return units[value]
    return f"{units[value % 10]}und" * (value % 10 > 0) + GERMAN_TENS.split()[value // 10 - 2]


def spanish(value: int) -> str:
    """As in `veintisiete`, `treinta y siete`."""
    units = SPANISH.split()
    if value < 30:
        return units[value]
    return SPANISH_TENS.split()[value // 10 - 3] + f" y {units[value % 10]}" * (value % 10 > 0)


def french(value: int) -> str:
    """As in `vingt-sept`, `soixante et onze`, `quatre-vingt-dix-sept`."""
    units = FRENCH.split()
    if value < 20:
        return units[value]
    whole = max(ten for ten in FRENCH_TENS if ten <= value)
    rest = value - whole
    if rest == 0:
        return FRENCH_TENS[whole] + "s" * (whole == 80)
    return f"{FRENCH_TENS[whole]}{' et ' if rest in (1, 11) and whole < 80 else '-'}{units[rest]}"


WORDS: dict[str, Callable[[int], str]] = {"de": german, "es": spanish, "fr": french}
LARGE = {
    "de": {"hundert": 100.0, "tausend": 1000.0},
    "es": {"cien": 100.0, "cientos": 100.0, "cientas": 100.0, "mil": 1000.0},
    "fr": {"cent": 100.0, "cents": 100.0, "mille": 1000.0},
}
