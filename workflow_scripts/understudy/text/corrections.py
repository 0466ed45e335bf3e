"""corrections.csv of a project: terms that captions mishear, and what is meant. They are mended where a transcript is read."""

import csv
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import regex

from understudy.shared.errors import InputFileError
from understudy.text.spreadsheets import check_cells
from understudy.text.words import word_pattern

CORRECTIONS = Path("corrections.csv")
COLUMNS = ["heard", "meant"]


class CorrectionsError(InputFileError):
    """corrections.csv has a line that can't be applied."""


@dataclass(frozen=True)
class Corrections:
    """Pairs of what is heard and what is meant, in the order of the file."""

    pairs: tuple[tuple[str, str], ...] = ()

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a CSV file with the columns heard and meant. Raises CorrectionsError, naming file and line."""
        try:
            text = Path(path).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise CorrectionsError(f"{path} can't be read as UTF-8 text ({error}).") from None
        delimiter = max(",;\t", key=text.partition("\n")[0].count)
        rows = csv.reader(text.splitlines(), delimiter=delimiter)
        if [cell.strip().casefold() for cell in next(rows, [])] != COLUMNS:
            raise CorrectionsError(f"{path}, line 1: it takes the two columns `heard,meant`.")
        pairs: dict[str, tuple[str, str]] = {}
        for cells in rows:
            place = f"{path}, line {rows.line_num}"
            if not any(cell.strip() for cell in cells):
                continue
            heard, meant = (" ".join(cell.split()) for cell in cells) if len(cells) == len(COLUMNS) else ("", "")
            if not heard or not meant:
                raise CorrectionsError(
                    f"{place}: it takes two cells, what is heard and what is meant. {','.join(cells)!r:.80}"
                )
            check_cells(place, {"heard": heard, "meant": meant})
            if not re.search(r"\w", heard) or any(not character.isprintable() for character in heard + meant):
                raise CorrectionsError(f"{place}: what is heard and what is meant are words. {','.join(cells)!r:.80}")
            if pairs.setdefault(as_heard(heard), (heard, meant)) != (heard, meant):
                raise CorrectionsError(f"{place}: {heard!r} is there already, as {pairs[as_heard(heard)][1]!r}.")
        return cls(tuple(pairs.values()))

    @cached_property
    def _pattern(self) -> regex.Pattern | None:
        # A longer phrase wins over a word of it.
        heard = sorted((pair[0] for pair in self.pairs), key=len, reverse=True)
        return word_pattern(heard) if heard else None

    @cached_property
    def _meant(self) -> dict[str, str]:
        return {as_heard(heard): meant for heard, meant in self.pairs}

    def mended(self, text: str) -> str:
        """The text with what is meant, whole words alone; a capital at the beginning, or capitals, stay."""
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda found: in_case_of(found.group(), self._meant[as_heard(found.group())]), text)

    def occurring_in(self, transcript: dict) -> list[list[str]]:
        """The pairs of which a transcript has what is heard."""
        if self._pattern is None:
            return []
        found = {as_heard(match.group()) for match in self._pattern.finditer(text_of(transcript))}
        return [[heard, meant] for heard, meant in self.pairs if as_heard(heard) in found]

    def applied(self, transcript: dict) -> dict:
        """A transcript's record, mended, also where a phrase lies across two segments: there the first has what is meant."""
        if self._pattern is None or not self.occurring_in(transcript):
            return transcript
        segments = [list(segment) for segment in transcript["segments"]]
        whole, begins = whole_of(segments)
        taken: list[tuple[int, int, str]] = []
        for match in self._pattern.finditer(whole):
            taken.append((match.start(), match.end(), in_case_of(match.group(), self._meant[as_heard(match.group())])))
        for start, end, meant in reversed(taken):
            for number in reversed(range(len(segments))):
                at, until = begins[number], begins[number] + len(segments[number][2])
                if until <= start or at >= end:
                    continue
                text = segments[number][2]
                before, after = text[: max(start - at, 0)], text[max(end - at, 0) :] if end < until else ""
                segments[number][2] = before + (meant if at <= start else "") + after
        segments = [
            [*segment[:2], " ".join(segment[2].split()), *segment[3:]] for segment in segments if segment[2].strip()
        ]
        return {**transcript, "segments": segments, "text": self.mended(transcript["text"])}


def whole_of(segments: list[list]) -> tuple[str, list[int]]:
    """The text of all segments, and where each begins in it."""
    begins, length = [], 0
    for segment in segments:
        begins.append(length)
        length += len(segment[2]) + 1
    return " ".join(segment[2] for segment in segments), begins


def text_of(transcript: dict) -> str:
    """All that is searched for what is heard."""
    return f"{transcript['text']}\n{whole_of(transcript['segments'])[0]}"


def as_heard(text: str) -> str:
    """A phrase as it is compared; Turkish's two i are one, as for the pattern."""
    return " ".join(text.casefold().replace("i\u0307", "i").replace("\u0131", "i").split())


def in_case_of(heard: str, meant: str) -> str:
    """What is meant, with the capitals of what stands there."""
    letters = [character for character in heard if character.isalpha()]
    if len(letters) > 1 and all(letter.isupper() for letter in letters):
        return meant.upper()
    return meant[0].upper() + meant[1:] if letters and letters[0].isupper() and meant[0].islower() else meant
