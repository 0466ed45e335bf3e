"""Whether a passage holds what an answer says, as far as words can tell: its numbers and the stems of its words."""

from dataclasses import dataclass

import regex

from understudy.passages.terms import is_number, terms_of
from understudy.text.markdown import AnswerMarkdown

# Of an answer's stems so many stand in a passage that holds it.
ENOUGH = 0.6
# Digits after a letter belong to a name: B12.
NUMBER = regex.compile(r"(?<![\p{L}\p{M}\p{Nd}])\p{Nd}+(?:[.,]\p{Nd}+)*")


@dataclass(frozen=True)
class Support:
    """`numbers_missing` are the answer's numbers that the passage doesn't have, in its order; `share` the part of its different
    stems that the passage has, 0 to 1."""

    numbers_missing: tuple[str, ...]
    share: float

    @property
    def is_enough(self) -> bool:
        """Whether an answer may be taught as one from this passage."""
        return not self.numbers_missing and self.share >= ENOUGH


def support_of(answer: str, passage: str, language: str | None) -> Support:
    """How much of an answer, Markdown, a passage holds; `language` is a two-letter code. An answer without content words has a
    share of 0.0."""
    said = AnswerMarkdown(answer).visible_text()
    wanted = stems_in(said, language)
    spoken = set(numbers_in(passage))
    missing = tuple(number for number in numbers_in(said) if number not in spoken)
    return Support(missing, len(wanted & stems_in(passage, language)) / len(wanted) if wanted else 0.0)


def numbers_in(text: str) -> list[str]:
    """The different numbers in digits of a text, in its order; a decimal comma is a point."""
    return list(dict.fromkeys(found.replace(",", ".") for found in NUMBER.findall(text)))


def stems_in(text: str, language: str | None) -> set[str]:
    return {term for term in terms_of(text, language) if not is_number(term)}
