"""Whether an answer declines to answer: says that the talks don't have it, that it doesn't know, or that it won't say.

Teachers and models say so in many words, so no sentences are looked for but what they share: near the beginning a sentence about
the speaker or the talks, in which a negation stands close to a word of telling or knowing. Lists are in refusals.yaml, a language
each; in others no answer is taken for a refusal."""

import re
from functools import cache
from pathlib import Path

import yaml

from understudy.text.markdown import AnswerMarkdown
from understudy.text.wording import wording_of
from understudy.text.words import words_of

LISTS = Path(__file__).with_name("refusals.yaml")
SENTENCES = 2
# Words between negation and telling.
NEAR = 5


def refuses(answer: str, language: str | None) -> bool:
    """Whether an answer in markdown declines; `language` is a two-letter code."""
    wording = wording_of(language)
    if wording is not None and wording.refuses(answer):
        return True
    found = words_that_refuse().get(language)
    sentences = [words_of(sentence) for sentence in AnswerMarkdown(answer).prose_of()]
    return found is not None and any(declines(sentence, found) for sentence in sentences[:SENTENCES])


def declines(words: list[str], lists: dict[str, re.Pattern]) -> bool:
    negations, tellings, owns = (places(words, lists[kind]) for kind in ("negation", "telling", "own"))
    return bool(owns) and any(0 < abs(one - other) <= NEAR for one in negations for other in tellings)


def places(words: list[str], wanted: re.Pattern) -> list[int]:
    return [place for place, word in enumerate(words) if wanted.fullmatch(word)]


@cache
def words_that_refuse() -> dict[str, dict[str, re.Pattern]]:
    """The lists by language: negation, telling, own."""
    lists = yaml.safe_load(LISTS.read_text(encoding="utf-8"))
    return {language: {kind: any_of(words) for kind, words in kinds.items()} for language, kinds in lists.items()}


def any_of(words: str) -> re.Pattern:
    return re.compile("|".join(re.escape(word).replace(r"\*", r"\w*") for word in words.split()))
