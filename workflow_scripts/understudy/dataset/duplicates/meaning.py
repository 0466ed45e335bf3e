"""What a question is about and what it asks for, in a form that does not change with its wording.

English, German and Spanish have their words here and in phrases/, Chinese its characters; in another language every word counts
as meaning something."""

import re
import unicodedata
from functools import cache
from typing import NamedTuple

from understudy.text.wording import function_words_of_all_languages

OPENING_WORDS = 3
STEM_LETTERS, FEWEST_LETTERS = 6, 3
CONTRACTED = re.compile(r"(?:'s|'re|'ll|'d|'ve|n't)$")
# Endings of number, case and person, taken off one after the other as long as FEWEST_LETTERS are left.
ENDING = re.compile(r"(?:ing|ed|es|en|er|em|et|est|st|te|as|os|an|ar|ir|s|e|o|a|t)$")
# All without accents: Spanish is often typed without them.
ASKING = """
why when where who whom whose many much often long far old
warum wieso weshalb wann wo wer wen wem viel viele oft lange
porque cuando donde quien quienes cuanto cuanta cuantos cuantas
pourquoi quand ou qui combien
"""
TURNING = {
    "not": "not never no without nor cannot nicht nie niemals kein keine keinen keinem keiner ohne nunca sin ni ne pas sans",
    "before": "before vor bevor vorher antes",
    "after": "after nachdem nachher despues",
    "more": "more mehr mas",
    "less": "less fewer weniger menos",
}
POLITE = "please bitte favor so dann denn le"
ASKS_FOR = frozenset(ASKING.split())
TURNS = {word: turn for turn, words in TURNING.items() for word in words.split()}
CHINESE_ASKS = re.compile("为什么|为何|什么时候|何时|多少|多久|几|谁|哪里|哪儿")
CHINESE_TURNS = re.compile("[不没别无前后]|更多|更少")
CHINESE_FUNCTION = frozenset("的了吗呢吧啊着过我你您们很这么应该会要是在怎样如何请可以能一个次下")


class Meaning(NamedTuple):
    """Two questions are near if they have nearly the same `stems` and entirely the same of everything else."""

    stems: frozenset[str]
    asks_for: frozenset[str]
    numbers: frozenset[str]
    turns: frozenset[str]


def meaning_of(words: tuple[str, ...]) -> Meaning:
    """Return the meaning of a question, given as its words in lower case (understudy.text.words.words_of)."""
    plain = [CONTRACTED.sub("", without_accents(word)) for word in words]
    if plain[:2] == ["por", "que"]:
        plain[:2] = ["porque"]
    text = "".join(plain)
    turns = {TURNS[word] for word in plain if word in TURNS} | set(CHINESE_TURNS.findall(text))
    if any(word.endswith("n't") for word in words):
        turns.add("not")
    return Meaning(
        stems=frozenset(stem_without_ending(word) for word in plain if carries_meaning(word)) or frozenset(plain),
        asks_for=frozenset(plain[:OPENING_WORDS]) & ASKS_FOR | set(CHINESE_ASKS.findall(text)),
        numbers=frozenset(word for word in plain if re.search(r"\d", word)),
        turns=frozenset(turns),
    )


def carries_meaning(word: str) -> bool:
    return not (word in TURNS or word in ASKS_FOR or word in CHINESE_FUNCTION or word in words_without_meaning())


@cache
def words_without_meaning() -> set[str]:
    return {*POLITE.split()} | {without_accents(word) for word in function_words_of_all_languages()}


@cache
def without_accents(word: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFKD", word) if not unicodedata.combining(letter))


@cache
def stem_without_ending(word: str) -> str:
    """The first letters of a word without its endings: `pruning`, `prune` and `prunes` are `prun`."""
    shorter = ENDING.sub("", word)
    while shorter != word and len(shorter) >= FEWEST_LETTERS:
        word, shorter = shorter, ENDING.sub("", shorter)
    return word[:STEM_LETTERS]
