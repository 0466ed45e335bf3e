"""What can be checked in a sentence without judgement: numbers with their units, months, seasons, times of day.

`languages/` has a file a language."""

import math
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import regex
import yaml

from understudy.passages.terms import IS_PAIRED, PAIRED, words_in
from understudy.text.language import language_code

FILES = Path(__file__).with_name("languages")
# What is written alike in all languages, in small letters.
SYMBOLS = {
    **{name: name for name in ("mm", "cm", "m", "km", "g", "kg", "ml", "l")},
    "°c": "degree",
    "°f": "degree",
    "°": "degree",
    "℃": "degree",
    "%": "percent",
    "€": "euro",
    "$": "dollar",
    "h": "hour",
    "min": "minute",
    "s": "second",
    "″": "inch",
}
# Units that are exact multiples of one another.
MULTIPLES = {
    "mm": ("m", 0.001),
    "cm": ("m", 0.01),
    "km": ("m", 1000),
    "ml": ("l", 0.001),
    "g": ("kg", 0.001),
    "tonne": ("kg", 1000),
    "second": ("hour", 1 / 3600),
    "minute": ("hour", 1 / 60),
    "week": ("day", 7),
    "fortnight": ("day", 14),
    "year": ("month", 12),
}
# 10,000, 10 000 and 1.234,5; 7:30 and 7h30; 1/2 and 1 1/2; 1.5 and .5. A date or a list, as 3.5.2019 or 3,5,7, is all its parts.
DIGITS = (
    rf"(?:(?<!\p{{Nd}})(?<!(?![{PAIRED}])[\p{{L}}\p{{M}}])(?:(?<!\p{{Nd}}[.,:/])(?:"
    r"\p{Nd}{1,3}(?:(?P<between>[.,\u066c '’\u00a0\u2009\u202f])\p{Nd}{3}(?!\p{Nd}))(?:(?P=between)\p{Nd}{3}(?!\p{Nd}))*+"
    r"(?:[.,\u066b]\p{Nd}++)?(?![.,]\p{Nd})"
    r"|\p{Nd}{1,2}(?::\p{Nd}{2}|\s?h\s?\p{Nd}{2}(?!\s?min))(?![:\p{Nd}])"
    r"|(?:\p{Nd}++\s)?\p{Nd}++/\p{Nd}++(?!/)"
    r"|\p{Nd}++[.,\u066b]\p{Nd}++(?![.,]\p{Nd}))"
    r"|\p{Nd}++|(?<![^\s(])\.\p{Nd}++)(?:\s?[¼½¾⅓⅔])?|[¼½¾⅓⅔])"
)
# A number word from LEAST_SCALE on multiplies what is before it: two hundred. From LEAST_CLOSED on, that is whole: two thousand.
LEAST_SCALE, LEAST_CLOSED = 100, 1000
# What stands between the numbers of a range or a choice: 15 to 18, 2-3, one or two.
JOINER = regex.compile(r"\s*(?:[-–—~/]|\p{L}{1,3})\s*")
# A word behind a number that is long enough not to be a preposition or the like.
COUNTED = regex.compile(r"[\s-]+\p{L}{4}")
# Behind a number at the end of what is said of something.
CLAUSE_ENDS = regex.compile(r"\s*(?:[^\p{L}\p{Nd}\s](?!\p{Nd})|$)")
# Numbers that are likely to be one: they count nothing.
YEARS = range(1900, 2100)
THOUSANDS = regex.compile(r"(\p{Nd}{1,3}(?:([., ])\p{Nd}{3})(?:\2\p{Nd}{3})*)((?!\2)[.,]\p{Nd}+)?")
TIME = regex.compile(r"(\p{Nd}+)\s?[:h]\s?(\p{Nd}+)")
# Letters behind digits: 3D is a name; 7pm and the 1990s are numbers, and those no seconds.
NAME = regex.compile(rf"(?!(?:s|[ap]m)\b)(?![{PAIRED}])\p{{L}}")
NO_DECADE = r"(?<!\p{Nd}{3}0(?=s))"


@dataclass(frozen=True)
class Quantity:
    """A number in a text. `values` has what it may mean: 1,500 may be 1.5. `is_word` if it has no digits, `counts` if a word of
    the text follows that may be what is counted."""

    values: tuple[float, ...]
    unit: str | None
    start: int
    end: int
    is_word: bool = True
    counts: bool = False

    @property
    def is_telling(self) -> bool:
        """`one` and `half` in words are said in too many ways to be compared."""
        return not self.is_word or max(self.values) >= 2

    def is_like(self, other: "Quantity") -> bool:
        """Whether they may be the same: a value in common, in the same unit or an exact multiple; a bare number may have any."""
        (unit, factor), (other_unit, other_factor) = self._base(), other._base()
        if unit != other_unit:
            if self.counts or other.counts or (unit is not None and other_unit is not None):
                return False
            factor = other_factor = 1.0
        return any(math.isclose(a * factor, b * other_factor, rel_tol=1e-6) for a in self.values for b in other.values)

    def _base(self) -> tuple[str | None, float]:
        return MULTIPLES.get(self.unit, (self.unit, 1.0))


@dataclass(frozen=True)
class When:
    """A month, a season or a time of day in a text. `what` is the same for each form of the same one."""

    what: str
    start: int
    end: int


class Details:
    """Finds them in texts of one language; `entries` are those of its file. Without a file it finds digits and symbols."""

    def __init__(self, entries: dict):
        words = [word.strip() for word in entries.get("numbers", "").split(",") if word.strip()]
        numbers = {word: float(value) for value, word in enumerate(words)} | entries.get("more_numbers", {})
        self._numbers = {plain(word): float(value) for word, value in numbers.items()}
        self._units = {plain(form): unit for unit, forms in entries.get("units", {}).items() for form in forms}
        self._times = {
            form: f"{kind} {place}"
            for kind in ("months", "seasons", "times_of_day")
            for place, line in enumerate(entries.get(kind, []))
            for form in line.split()
        }
        self.before_things = frozenset(entries.get("before_things", "").split())
        self._folded_times = {plain(form): what for form, what in self._times.items()}
        halves = [plain(half) for half in entries.get("and_half", [])]
        self._half = regex.compile(rf"[\s-]*{any_of(halves)}")
        # What stands between the words of a number: two hundred and five.
        self._and = one_of({half.split()[0] for half in halves})
        self._number = regex.compile(self._number_pattern())
        # Ten square metres; half a litre, a quarter of an hour; but twice | a week.
        self._unit = regex.compile(self._unit_pattern(rf"(?:[\s-]+(?!{any_of(self._numbers)})\p{{L}}{{4,}}(?=[\s-]))?"))
        self._unit_of_part = regex.compile(self._unit_pattern(r"(?:\s\p{L}{1,3}(?=\s)){0,2}"))
        self._unit_alone = regex.compile(any_of(self._units))
        self._time = regex.compile(any_of(self._folded_times))

    def _number_pattern(self) -> str:
        word, scale = any_of(self._numbers), any_of(self._words_from(LEAST_SCALE))
        part = any_of(self._words_from(0.01, 1))
        return (
            rf"(?P<digits>{DIGITS})(?:\s*(?P<scale>{scale}))?"
            rf"|(?P<words>{self._compound_pattern()}|{word}(?:[\s-]+{part})?)(?P<half>{self._half.pattern})?"
        )

    def _compound_pattern(self) -> str:
        """Number words with a scale among them, written together or apart."""
        is_paired = any(map(IS_PAIRED.match, self._numbers))
        word, scale = one_of(self._words_from(1)), one_of(self._words_from(LEAST_SCALE))
        apart = "" if is_paired else rf"(?:[\s-]*(?:{self._and}[\s-]*)?)"
        return whole(rf"(?:{word}[\s-]*)?{scale}(?:{apart}{word}){{0,9}}", is_paired)

    def _words_from(self, least: float, below: float = math.inf) -> list[str]:
        return [word for word, value in self._numbers.items() if least <= value < below]

    def _unit_pattern(self, between: str) -> str:
        symbols = "|".join(sorted(map(regex.escape, SYMBOLS), key=len, reverse=True))
        return (
            rf"\s?{NO_DECADE}(?P<symbol>{symbols})(?![\p{{L}}\p{{Nd}}])|{between}[\s-]*(?P<unit>{any_of(self._units)})"
        )

    def quantities_in(self, text: str) -> list[Quantity]:
        """The numbers of a text in their order, each with its unit: the one after it, or after the range that it begins, or,
        where a clause ends with the number, that of the number before: beans keep three years, lettuce seven."""
        text = small(text)
        found: list[Quantity] = []
        # The third month is written with a number in some languages.
        begin_times = {when.start for when in self.times_in(text)}
        numbers = [number for number in self._number.finditer(text) if number.start() not in begin_times]
        for number in reversed(numbers):
            values = self._values(number)
            unit, end, half = self._unit_after(text, number.end(), is_part=bool(values) and max(values) < 1)
            if unit is None and found and JOINER.fullmatch(text[number.end() : found[-1].start]):
                unit = found[-1].unit
            if values and self._is_number(text, number, unit, end):
                while found and found[-1].start < end:
                    found.pop()
                counts = unit is None and COUNTED.match(text, end) is not None
                values = tuple(value + half for value in values)
                found.append(Quantity(values, unit, number.start(), end, number["digits"] is None, counts))
        return units_taken_over(text, found[::-1])

    def _unit_after(self, text: str, at: int, is_part: bool) -> tuple[str | None, int, float]:
        """The unit that follows, where it ends, and the half that follows it: deux heures et demie."""
        found = (self._unit_of_part if is_part else self._unit).match(text, at)
        if found is None:
            return None, at, 0.0
        unit = SYMBOLS.get(found["symbol"] or "") or self._units[plain(found["unit"])]
        half = self._half.match(text, found.end())
        return unit, half.end() if half else found.end(), 0.5 if half else 0.0

    def _is_number(self, text: str, number: regex.Match, unit: str | None, end: int) -> bool:
        """`3D` is a name; in scripts without spaces the sign of a number may be part of any word, so there it needs a unit."""
        if number["digits"] is None:
            return unit is not None or not IS_PAIRED.match(number.group())
        return end > number.end() or NAME.match(text, end) is None

    def _values(self, number: regex.Match) -> tuple[float, ...]:
        if number["digits"] is not None:
            scale = self._numbers[plain(number["scale"])] if number["scale"] else 1.0
            return tuple(value * scale for value in values_of_digits(number["digits"]))
        value = self._value_of_words(plain(number["words"]))
        return (value + 0.5 if number["half"] else value,)

    def _value_of_words(self, words: str) -> float:
        if words in self._numbers:
            return self._numbers[words]
        total = part = 0.0
        for word in regex.findall(one_of(self._numbers), words):
            value = self._numbers[plain(word)]
            if value >= LEAST_CLOSED:
                total, part = total + max(part, 1.0) * value, 0.0
            else:
                part = max(part, 1.0) * value if value >= LEAST_SCALE or 0 < value < 1 else part + value
        return total + part

    def units_alone(self, text: str) -> list[Quantity]:
        """Each unit of a text as one of it: a metre, every week."""
        words = self._unit_alone.finditer(small(text))
        return [Quantity((1.0,), self._units[plain(word.group())], *word.span()) for word in words]

    def times_in(self, text: str) -> list[When]:
        """The months, seasons and times of day of a text, whatever their capitals."""
        return [
            When(self._folded_times[plain(word.group())], *word.span()) for word in self._time.finditer(small(text))
        ]

    def times_written_in(self, text: str) -> list[When]:
        """Those that are written as the language's file has them and don't begin the text: `may` and `May I` are no month."""
        begins = next((start for start, _ in words_in(text)), 0)
        return [
            when
            for when in self.times_in(text)
            if (word := text[when.start : when.end]).lower() in self._times
            or (word in self._times and when.start != begins)
        ]


def units_taken_over(text: str, quantities: list[Quantity]) -> list[Quantity]:
    """The quantities of a text, those without a unit at the end of a clause with the last unit before them."""
    found, unit = [], None
    for quantity in quantities:
        unit = quantity.unit or unit
        is_date = quantity.values[0] in YEARS or TIME.match(text, quantity.start)
        lacks_it = not is_date and CLAUSE_ENDS.match(text, quantity.end)
        found.append(replace(quantity, unit=unit) if lacks_it else quantity)
    return found


def small(text: str) -> str:
    """The text in small letters, as long as before."""
    return "".join(letter if len(letter.lower()) > 1 else letter.lower() for letter in text)


def plain(words: str) -> str:
    """Words as they are compared."""
    return " ".join(regex.split(r"[\s-]+", small(words)))


def any_of(words: Collection[str]) -> str:
    """A pattern for any of the words, the longest first; whole words in scripts with spaces, in Korean, which has
    its particles behind, their beginning. Of no words it finds nothing."""
    paired = [word for word in words if IS_PAIRED.match(word)]
    others = [word for word in words if not IS_PAIRED.match(word)]
    return f"(?:{whole(one_of(paired), True)}|{whole(one_of(others), False)})"


def whole(pattern: str, is_paired: bool) -> str:
    """The pattern where words begin and end."""
    return rf"(?<!\p{{Hangul}}){pattern}" if is_paired else rf"(?<![\p{{L}}\p{{M}}]){pattern}(?![\p{{L}}\p{{M}}])"


def one_of(words: Iterable[str]) -> str:
    """A pattern for one of the words wherever it stands, the longest first. Of no words it finds nothing."""
    longest_first = sorted(words, key=len, reverse=True)
    patterns = (regex.sub(r"\\?[ -]", r"[\\s-]+", regex.escape(word, literal_spaces=True)) for word in longest_first)
    return f"(?:{'|'.join(patterns) or '(?!)'})"


def values_of_digits(digits: str) -> tuple[float, ...]:
    """What digits may mean: `1,500` a thousand and a half or one and a half, `1/2` a half, `1½`, `7:30` in hours."""
    western = "".join(str(unicodedata.digit(sign)) if sign.isdecimal() else sign for sign in digits)
    western = regex.sub(r"[\u066c'’\u00a0\u2009\u202f]", " ", western).replace("\u066b", ".")
    if time := TIME.fullmatch(western):
        return (float(time[1]) + float(time[2]) / 60,)
    if "/" in western:
        *before, part = western.split()
        above, below = map(float, part.split("/"))
        return (float(before[0] if before else 0) + above / below,) if below else ()
    fraction = unicodedata.numeric(western[-1]) if not western[-1].isdigit() else 0.0
    number = western.rstrip("¼½¾⅓⅔ ")
    readings = [number.replace(",", ".") or "0"]
    if grouped := THOUSANDS.fullmatch(number):
        readings.append(regex.sub(r"[., ]", "", grouped[1]) + (grouped[3] or "").replace(",", "."))
    return tuple(float(reading) + fraction for reading in readings if is_decimal(reading))


def is_decimal(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()


def seasons_too(times: Iterable[str]) -> set[str]:
    """Times as `When.what`, and for each month its season, as north of the equator."""
    months = (int(what.split()[1]) for what in times if what.startswith("months"))
    return {*times, *(f"seasons {(month - 2) % 12 // 3}" for month in months)}


@cache
def details_of(language: str | None) -> Details:
    """Those of a language by its code."""
    path = FILES / f"{language_code(language or '')}.yaml"
    return Details(yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {})
