"""Text from outside, such as titles, as Markdown that shows it and does nothing else."""

import re

from lib.plain_title import plain_title

ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# What Markdown, its tables and the hub's formulas take for a mark anywhere in a line.
MARKS = re.compile(r"([\\`*_\[\]|~$])")
# And at its beginning: a heading, a list, a rule, a heading's underline.
MARKS_AT_THE_START = re.compile(r"^(\d*)([-+=#]|[.)](?=\s|$))")


class Markdown(str):
    """Text that is Markdown on purpose."""


def as_markdown(value: object) -> str:
    """Return one line of Markdown that shows `value`; what is Markdown already stays as it is."""
    if isinstance(value, Markdown):
        return value
    line = MARKS.sub(r"\\\1", plain_title(str(value)))
    line = MARKS_AT_THE_START.sub(r"\1\\\2", line)
    return "".join(ENTITIES.get(character, character) for character in line)
