"""A fixed set of general questions whose answers a program can check: what a model knew before it was tuned.

Each line of general/questions.jsonl is a question with one rule:
- `mention`: one of `accepted` is named before any rival. Rivals are `rivals` and what is accepted by the other questions of the
  same `kind`, as far as the question doesn't name them.
- `number`: one of `accepted` is the first or the last number that the question doesn't name.
- `exactly`: the answer is one of `accepted` and nothing else.
- `items`: the answer is `count` different ones of `accepted` and nothing else.
- `numbers_in_order`: the answer's numbers are `accepted`, in this order.
- `pattern`: the answer matches one of `accepted`, regular expressions with case, and has `most_words` words at most.

Who names everything is wrong: more than one rival within 25 words of the right name, more than ten numbers, or the right name
only after 60 words."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from understudy.evaluate.general.numbers import numbers_in
from understudy.text.markdown import AnswerMarkdown
from understudy.text.words import words_of

FOLDER = Path(__file__).parent
MOST_RIVALS = 1
MOST_NUMBERS = 10
WORDS_TO_COME_TO_THE_POINT = 60
# Later rivals are an explanation: light of other colours, other methods of a list.
WORDS_OF_A_LIST = 25
NEGATIONS = {"not", "isn't", "never", "aren't"}


@dataclass(frozen=True)
class GeneralQuestion:
    """A question of the set; see above for the rules."""

    id: str
    category: str
    question: str
    rule: str
    accepted: list
    kind: str = ""
    rivals: list[str] = field(default_factory=list)
    count: int = 0
    most_words: int = 0


@cache
def general_questions() -> tuple[GeneralQuestion, ...]:
    """The whole set, in its order, each with the rivals of its kind."""
    lines = (FOLDER / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [GeneralQuestion(**json.loads(line)) for line in lines]
    return tuple(with_rivals_of_its_kind(question, questions) for question in questions)


def with_rivals_of_its_kind(question: GeneralQuestion, questions: list[GeneralQuestion]) -> GeneralQuestion:
    if not question.kind:
        return question
    of_kind = [other for other in questions if other.kind == question.kind]
    named = dict.fromkeys(name for other in of_kind for name in [*other.accepted, *other.rivals])
    rivals = [name for name in named if not is_part_of(name, [*question.accepted, question.question])]
    return GeneralQuestion(**{**vars(question), "rivals": rivals})


def is_part_of(name: str, texts: list[str]) -> bool:
    """Whether a text has all words of a name in a row."""
    return any(places_of(words_of(name), words_of(text)) for text in texts)


def general_texts() -> dict[str, str]:
    """The general texts by register: encyclopedia, instructions, dialogue, news."""
    return {path.stem: path.read_text(encoding="utf-8").strip() for path in sorted(FOLDER.glob("*.txt"))}


def is_right(question: GeneralQuestion, answer: str) -> bool:
    """Whether an answer, in plain text or markdown, is right."""
    return RULES[question.rule](
        question, answer if question.rule == "pattern" else AnswerMarkdown(answer).visible_text()
    )


def mentions_first(question: GeneralQuestion, text: str) -> bool:
    words = words_of(text)
    accepted = [place for name in question.accepted for place in mentions(name, words)]
    if not accepted or min(accepted) >= WORDS_TO_COME_TO_THE_POINT:
        return False
    first = min(accepted)
    rivals = [min(places) for name in question.rivals if (places := mentions(name, words))]
    beside = [place for place in rivals if place <= first + WORDS_OF_A_LIST]
    return len(beside) <= MOST_RIVALS and all(place > first for place in beside)


def mentions(name: str, words: list[str]) -> list[int]:
    """Where a name is said, and not said not to be."""
    return [
        place for place in places_of(words_of(name), words) if NEGATIONS.isdisjoint(words[max(0, place - 2) : place])
    ]


def places_of(name: list[str], words: list[str]) -> list[int]:
    return [place for place in range(len(words) - len(name) + 1) if words[place : place + len(name)] == name]


def has_number(question: GeneralQuestion, text: str) -> bool:
    asked = set(numbers_in(question.question)) - set(question.accepted)
    numbers = [number for number in numbers_in(text) if number not in asked]
    if not numbers or len(set(numbers)) > MOST_NUMBERS:
        return False
    return numbers[0] in question.accepted or numbers[-1] in question.accepted


def is_exactly(question: GeneralQuestion, text: str) -> bool:
    return words_of(text) in [words_of(accepted) for accepted in question.accepted]


def has_items(question: GeneralQuestion, text: str) -> bool:
    parts = [" ".join(words_of(part)) for part in re.split(r"[,;\n]|\band\b", text)]
    named = [part for part in parts if part]
    return len(named) == len(set(named)) == question.count and set(named) <= set(question.accepted)


def has_numbers_in_order(question: GeneralQuestion, text: str) -> bool:
    return numbers_in(text) == question.accepted


def matches(question: GeneralQuestion, text: str) -> bool:
    return len(words_of(text)) <= question.most_words and any(re.search(each, text) for each in question.accepted)


RULES: dict[str, Callable[[GeneralQuestion, str], bool]] = {
    "mention": mentions_first,
    "number": has_number,
    "exactly": is_exactly,
    "items": has_items,
    "numbers_in_order": has_numbers_in_order,
    "pattern": matches,
}
