"""What an answer says that can be compared: numbers, names and content words; which of them the reference has, and which neither
the talks nor the question have.

It compares words. An answer with all of the reference's facts may still say the opposite, and one with none of them may be right
in other words."""

from dataclasses import dataclass, replace
from functools import lru_cache

import regex

from understudy.evaluate.measures.numbers import numbers_of
from understudy.passages.terms import (
    FUNCTION_WORD,
    common_words,
    forms_and_words,
    forms_of,
    is_number,
    length_in_words,
    longest_part,
    normal,
    weight_of,
    words_in,
)
from understudy.text.markdown import SENTENCE_END, AnswerMarkdown

# There every noun has a capital.
CAPITAL_NOUNS = {"de", "lb"}
# What begins after these has a capital though it is no name.
BEGINNING = regex.compile(r"[:;•|/]\s+|[\"“”„«»‹›(\[]|\s[–—-]\s|\n")
LETTERS_OF_A_TITLE = 4
NAME_WITH_DIGITS = regex.compile(r"\p{L}+[-]?\p{N}[\p{L}\p{N}]*|\p{Lu}{2,}s?")


@dataclass(frozen=True)
class Facts:
    """Numbers as values, names and content stems of `passages.terms`, each stem with how telling its word is, 0.2 to 1."""

    numbers: frozenset[float]
    names: frozenset[str]
    stems: dict[str, float]

    def without(self, other: "Facts") -> "Facts":
        """These facts but for those that `other` has, too."""
        return Facts(
            self.numbers - other.numbers,
            self.names - other.stems.keys(),
            {stem: weight for stem, weight in self.stems.items() if stem not in other.stems},
        )

    @property
    def weight(self) -> float:
        """A number counts 1, a stem what it tells; a name is a stem, too."""
        return len(self.numbers) + sum(self.stems.values())


@lru_cache(maxsize=4096)
def facts_of(answer: str, language: str | None) -> Facts:
    """The facts of an answer in markdown. `language` is a two-letter code; None has no stems and no number words."""
    markdown = AnswerMarkdown(answer)
    names = names_of(markdown.prose_of(), language)
    return replace(facts_of_speech(markdown.visible_text(), language), names=frozenset(names))


@lru_cache(maxsize=4096)
def facts_of_speech(text: str, language: str | None) -> Facts:
    """The facts of a transcript or a question, whose capitals tell nothing."""
    return Facts(frozenset(numbers_of(text, language)), frozenset(), stems_of(text, language))


def stems_of(text: str, language: str | None) -> dict[str, float]:
    """All content stems, the names' included, with what each tells."""
    common = common_words(language)
    weights = {
        form: weight_of(max(common.get(word, 0.0) for word in words))
        for form, words in forms_and_words(text, language)
        if not is_number(form)
    }
    return {form: weight for form, weight in weights.items() if weight}


def names_of(sentences: list[str], language: str | None) -> set[str]:
    """The stems of words with a capital where none is due: not at the beginning of a sentence, a list item or a quotation, not in
    a title. Where every noun has one, and in scripts without capitals, only abbreviations and letters with digits are names."""
    pieces = [piece for sentence in sentences for piece in BEGINNING.split(sentence) if piece]
    return {stem for piece in pieces for word in names_in(piece, language) for stem in stems_of_name(word, language)}


def names_in(piece: str, language: str | None) -> list[str]:
    words = [piece[start:end] for start, end in words_in(piece)]
    signs = [word for word in words if NAME_WITH_DIGITS.fullmatch(word)]
    if language in CAPITAL_NOUNS or is_title(piece, words):
        return signs
    return signs + [word for word in words[1:] if word[0].isupper()]


def is_title(piece: str, words: list[str]) -> bool:
    """Whether it is written as a title: most of its longer words with a capital, and no full stop."""
    longer = [word for word in words[1:] if len(word) >= LETTERS_OF_A_TITLE]
    capital = sum(word[0].isupper() for word in longer)
    return capital > len(longer) / 2 and not SENTENCE_END.search(piece)


def stems_of_name(word: str, language: str | None) -> tuple[str, ...]:
    """Its stem; none for a word that is common, such as `I`."""
    plain = normal(word)
    is_common = common_words(language).get(longest_part(plain), 0.0) >= FUNCTION_WORD
    return () if is_common or len(longest_part(plain)) < 2 else forms_of(plain, language)


@dataclass(frozen=True)
class Found:
    """How much of a reference an answer has: `share` of its facts by weight, 0 to 1, and counts of numbers and names."""

    share: float
    numbers: int
    numbers_of_reference: int
    names: int
    names_of_reference: int


def found_in(answer: str, reference: str, question: str, language: str | None) -> Found | None:
    """What an answer has of the facts of its reference that the question doesn't name; None for a reference without any."""
    asked = facts_of_speech(question, language)
    wanted, said = (facts_of(text, language).without(asked) for text in (reference, answer))
    if not wanted.weight:
        return None
    numbers = len(wanted.numbers & said.numbers)
    stems = sum(weight for stem, weight in wanted.stems.items() if stem in said.stems)
    return Found(
        (numbers + stems) / wanted.weight,
        numbers,
        len(wanted.numbers),
        len(wanted.names & said.stems.keys()),
        len(wanted.names),
    )


@dataclass(frozen=True)
class MadeUp:
    """Numbers and names (stems) of an answer that its evidence doesn't have, and its length in words."""

    numbers: tuple[float, ...]
    names: tuple[str, ...]
    words: int

    @property
    def count(self) -> int:
        return len(self.numbers) + len(self.names)


def made_up_in(answer: str, evidence: list[str], language: str | None) -> MadeUp:
    """What an answer says that none of the texts in `evidence` (passages and question) does: numbers and names."""
    known = facts_of_speech("\n".join(evidence), language)
    said = facts_of(answer, language).without(known)
    return MadeUp(tuple(sorted(said.numbers)), tuple(sorted(said.names)), length_in_words(visible(answer)))


def visible(text: str) -> str:
    return AnswerMarkdown(text).visible_text()


def length_ratio(answer: str, other: str) -> float:
    """The words of an answer for each of another text's, without markdown; 0 for one beside nothing."""
    words = length_in_words(visible(other))
    return length_in_words(visible(answer)) / words if words else 0.0
