"""What is said in a row without an answer of the talks: refusals, greetings, questions of other fields. The sentences are in YAML
files beside this one, by language; a language without any has the English ones."""

import random
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import groupby
from pathlib import Path

import yaml

from understudy.dataset.grounding.support import claims_of
from understudy.passages.sources import Passage
from understudy.passages.terms import common_words, forms_of, longest_part, normal, weight_of, words_in

FOLDER = Path(__file__).parent
ENGLISH = "en"
SUBJECT, NAME = "{subject}", "{name}"
# A word that counts less says no subject: make, long, take.
LEAST_OF_A_SUBJECT = 0.25
MOST_WORDS_OF_A_SUBJECT = 4


@cache
def bank(name: str) -> dict:
    return yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))


def in_language(name: str, language: str | None):
    """What a bank has in a language, or in English."""
    return bank(name).get(language, bank(name)[ENGLISH])


class Refusals:
    """Says in ever other words that no talk answers; `mark` stands around the subject, as `**`."""

    def __init__(self, seed: int, mark: str):
        self._seed = seed
        self._mark = mark
        self._said: dict[str | None, int] = {}

    def next(self, question: str, passages: Sequence[Passage], language: str | None) -> str:
        templates = shuffled(in_language("refusals", language), f"{self._seed} refusals")
        subject = subject_of(question, passages, language)
        if subject is None:
            templates = [template for template in templates if SUBJECT not in template]
        number = self._said[language] = self._said.get(language, -1) + 1
        return templates[number % len(templates)].replace(SUBJECT, f"{self._mark}{subject}{self._mark}")


def subject_of(question: str, passages: Sequence[Passage], language: str | None) -> str | None:
    """The words of a question that say most of what the passages lack, or most at all; None if no word tells anything."""
    there = claims_of(" ".join(passage.text for passage in passages), language).stems
    runs = [[question[start:end] for start, end in run] for run in telling_runs(question, language)]

    def lacking(run: list[str]) -> float:
        return sum(weight_in(word, language) for word in run if there.isdisjoint(forms_of(normal(word), language)))

    best = max(runs, key=lambda run: (lacking(run), sum(weight_in(word, language) for word in run)), default=None)
    return None if best is None else " ".join(best[-MOST_WORDS_OF_A_SUBJECT:])


def telling_runs(text: str, language: str | None) -> Iterator[list[tuple[int, int]]]:
    """Start and end of words that tell something, those together that stand side by side."""
    spans = words_in(text)
    number = 0
    numbered = []
    for at, (start, end) in enumerate(spans):
        beside = at > 0 and text[spans[at - 1][1] : start] == " "
        telling = weight_in(text[start:end], language) > LEAST_OF_A_SUBJECT
        number += not (beside and telling)
        numbered.append((number, telling, (start, end)))
    for _, run in groupby(numbered, key=lambda item: item[0]):
        telling_spans = [span for _, telling, span in run if telling]
        if telling_spans:
            yield telling_spans


def weight_in(word: str, language: str | None) -> float:
    """What a word counts: 1.0 a rare one, 0.0 a function word."""
    common = common_words(language)
    word = normal(word)
    return weight_of(max(common.get(word, 0.0), common.get(longest_part(word), 0.0)))


def small_talk(language: str | None, name: str | None, seed: int) -> list[tuple[str, str]]:
    """Questions with answers that need no talk, each pair once, the kinds in turn; without a name those that have none."""
    kinds = [
        combined(
            *(shuffled(usable(part[key], name), f"{seed} {kind} {key}") for key in ("questions", "answers")),
        )
        for kind, part in in_language("small_talk", language).items()
    ]
    longest = max(map(len, kinds))
    return [kind[at] for at in range(longest) for kind in kinds if at < len(kind)]


def usable(sentences: list[str], name: str | None) -> list[str]:
    if name is None:
        return [sentence for sentence in sentences if NAME not in sentence]
    return [sentence.replace(NAME, name) for sentence in sentences]


def combined(questions: list[str], answers: list[str]) -> list[tuple[str, str]]:
    """Each question with each answer; every question comes once before one comes again."""
    return [
        (question, answers[(at + turn) % len(answers)])
        for turn in range(len(answers))
        for at, question in enumerate(questions)
    ]


def questions_of_other_fields(language: str | None, seed: int) -> list[str]:
    return shuffled(in_language("outside_field", language), f"{seed} outside")


def shuffled(items: Sequence[str], seed: str) -> list[str]:
    return random.Random(seed).sample(list(items), len(items))
