"""What is said in rows that the talks don't answer: refusals, greetings, questions of other fields.

The sentences are in YAML files beside this one, by language; a language without any has the English ones."""

import random
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import cycle
from pathlib import Path

import yaml

FOLDER = Path(__file__).parent
ENGLISH = "en"
NAME = "{name}"
# Japanese and Chinese sentences follow one another without a space.
WITHOUT_SPACES = ("ja", "zh")


@cache
def bank(name: str) -> dict:
    return yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))


def spoken(name: str, language: str | None) -> str:
    """The language in which a bank speaks to one who speaks `language`."""
    return language if language in bank(name) else ENGLISH


def refusals(language: str | None, seed: int) -> Iterator[str]:
    """Ever other words for: there is no talk that answers this."""
    speaks = spoken("refusals", language)
    parts = bank("refusals")[speaks]
    says, adds = (shuffled(parts[key], f"{seed} {key}") for key in ("says", "adds"))
    space = "" if speaks in WITHOUT_SPACES else " "
    return cycle(f"{one}{space if other else ''}{other}" for one, other in combined(says, [*adds, ""]))


def small_talk(language: str | None, name: str | None, seed: int) -> list[tuple[str, str]]:
    """Questions with answers that need no talk, each pair once, the kinds in turn; without a name those that have none."""
    parts = bank("small_talk")[spoken("small_talk", language)]
    kinds = [
        combined(*(shuffled(usable(part[key], name), f"{seed} {kind} {key}") for key in ("questions", "answers")))
        for kind, part in parts.items()
    ]
    return [kind[at] for at in range(max(map(len, kinds))) for kind in kinds if at < len(kind)]


def usable(sentences: list[str], name: str | None) -> list[str]:
    if name is None:
        return [sentence for sentence in sentences if NAME not in sentence]
    return [sentence.replace(NAME, name) for sentence in sentences]


def combined(firsts: Sequence[str], seconds: Sequence[str]) -> list[tuple[str, str]]:
    """Each of the first with each of the second; all of the first come once before one comes again."""
    return [
        (first, seconds[(at + turn) % len(seconds)]) for turn in range(len(seconds)) for at, first in enumerate(firsts)
    ]


def questions_of_other_fields(language: str | None, seed: int) -> list[str]:
    return shuffled(bank("outside_field")[spoken("outside_field", language)], f"{seed} outside")


def shuffled(items: Sequence[str], seed: str) -> list[str]:
    return random.Random(seed).sample(items, len(items))
