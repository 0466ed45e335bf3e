"""Titles from outside as one short line of visible text."""

import re
import unicodedata

LONGEST = 300
UNSEEN = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
# These two join letters and emoji, and are no trick.
JOINERS = "\u200c\u200d"


def plain_title(title: str) -> str:
    """Return a title without line ends, control characters, or signs that turn the reading direction, and not endless."""
    seen = "".join(
        " " if character.isspace() else character
        for character in title[: 10 * LONGEST]
        if character.isspace() or character in JOINERS or unicodedata.category(character) not in UNSEEN
    )
    line = re.sub(" +", " ", seen).strip()
    return line if len(line) <= LONGEST else line[: LONGEST - 1].rstrip() + "…"
