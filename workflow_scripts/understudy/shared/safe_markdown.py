"""Text from outside, such as titles: as one short line of visible text, and as Markdown that shows it and does nothing else."""

import re
import unicodedata

LONGEST = 300
# What the project's own configuration says, such as a notice, stays whole.
LONGEST_OWN = 10_000
UNSEEN = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
# These two join letters and emoji, and are no trick.
JOINERS = "\u200c\u200d"


def plain_title(title: str, longest: int = LONGEST) -> str:
    """Return a title without line ends, control characters, or signs that turn the reading direction, and not endless."""
    seen = "".join(
        " " if character.isspace() else character
        for character in title[: 10 * longest]
        if character.isspace() or character in JOINERS or unicodedata.category(character) not in UNSEEN
    )
    line = re.sub(" +", " ", seen).strip()
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# What Markdown, its tables and the hub's formulas take for a mark anywhere in a line.
MARKS = re.compile(r"([\\`*_\[\]|~$])")
# And at its beginning: a heading, a list, a rule, a heading's underline.
MARKS_AT_THE_START = re.compile(r"^(\d*)([-+=#]|[.)](?=\s|$))")


class Markdown(str):
    """Text that is Markdown on purpose."""


def as_markdown(value: object, longest: int = LONGEST) -> str:
    """Return one line of Markdown that shows `value`; what is Markdown already stays as it is."""
    if isinstance(value, Markdown):
        return value
    return escaped(plain_title(str(value), longest))


def as_own_markdown(value: object) -> Markdown:
    """The same of a text of the project's own, which is not cut."""
    return Markdown(as_markdown(value, LONGEST_OWN))


def escaped(line: str) -> str:
    """Return Markdown that shows a line as it is."""
    line = MARKS.sub(r"\\\1", line)
    line = MARKS_AT_THE_START.sub(r"\1\\\2", line)
    return "".join(ENTITIES.get(character, character) for character in line)
