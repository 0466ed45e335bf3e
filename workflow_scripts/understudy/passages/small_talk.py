"""Greetings, thanks, and questions about who answers, recognised by short phrases of 13 languages: small_talk.yaml."""

from functools import cache
from pathlib import Path

import regex
import yaml

from understudy.passages.search import Search
from understudy.passages.terms import PAIRED

PHRASES = Path(__file__).with_suffix(".yaml")
# What may be left beside phrases, by what terms count: "give" and "water" 0.2, "weather" 0.6, a rare word 1. A question about who
# answers may have words that the talks lack, fewer than make another question.
LEFT_OVER, LEFT_BESIDE_QUESTION = 0.5, 1.5
# What stands in a phrase's place; and a question that isn't a phrase.
PHRASE = "|"
ASKS = regex.compile(r"[\p{L}\p{M}\p{N}]\s*[?？؟]")


@cache
def phrases_of_all_languages() -> dict[str, dict]:
    return yaml.safe_load(PHRASES.read_text(encoding="utf-8"))


@cache
def _any_of(kind: str) -> regex.Pattern:
    """Any phrase of a kind, the longest first: whole words, but where words have no spaces."""
    phrases = {phrase for entries in phrases_of_all_languages().values() for phrase in entries[kind]}
    longest_first = "|".join(
        regex.escape(phrase) for phrase in sorted(phrases, key=lambda phrase: (-len(phrase), phrase))
    )
    return regex.compile(
        rf"(?<![\p{{L}}\p{{M}}--[{PAIRED}]])(?:{longest_first})(?![\p{{L}}\p{{M}}--[{PAIRED}]])", regex.V1
    )


def is_small_talk(message: str, search: Search) -> bool:
    """Whether a message is a greeting or thanks with little else, or asks who answers; not if it has words that the talks have,
    but for a few of the commonest."""
    text = " ".join(message.casefold().replace("’", "'").split())
    rest, greetings = _any_of("alone").subn(f" {PHRASE} ", text)
    others, questions = _any_of("about").subn(f" {PHRASE} ", rest)
    if greetings and not questions and ASKS.search(rest):
        return False
    weights = search.weights(others)
    left = sum(weights.values())
    known = sum(weight for form, weight in weights.items() if _has(search, form))
    asks_who = questions > 0 and known < LEFT_OVER and left < LEFT_BESIDE_QUESTION
    return asks_who or (greetings > 0 and left < LEFT_OVER)


def _has(search: Search, form: str) -> bool:
    return any(term == form for term, _ in search.terms_like(form))


def says_not_covered(language: str | None) -> tuple[str, str]:
    """What is said where no talk answers, and what stands before the nearest talks: in a language that is here, or in English."""
    phrases = phrases_of_all_languages()
    sentence, nearest = phrases.get(language or "en", phrases["en"])["not_covered"]
    return sentence, nearest
