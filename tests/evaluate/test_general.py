"""The general questions: every one takes its right answer however it is said, and no list of everything."""

import json
from collections import Counter
from pathlib import Path

import pytest

from understudy.evaluate.general.numbers import numbers_in
from understudy.evaluate.general.questions import general_questions, general_texts, is_right
from understudy.text.words import words_of

QUESTIONS = {question.id: question for question in general_questions()}
LABELLED = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "labelled" / "general_answers.jsonl")
    .read_text(encoding="utf-8")
    .splitlines()
]
# As a plain model, a wordy one, and one that writes markdown would say it.
WAYS = [
    "{}",
    "**{}**.",
    "The answer is {}.",
    "# Answer\n\nIt is **{}**, as most people learn at school.\n\n- That is all there is to say about it.",
    "Well, that is a nice thing to ask, and I am glad to help with it. I would say: {}!",
]
NAMED = [question for question in QUESTIONS.values() if question.rule in ("mention", "number")]


def ids(questions) -> list[str]:
    return [question.id for question in questions]


def test_there_are_enough_questions_of_enough_kinds_and_none_twice():
    assert len(QUESTIONS) >= 100
    assert min(Counter(question.category for question in QUESTIONS.values()).values()) >= 10
    assert len({question.question for question in QUESTIONS.values()}) == len(QUESTIONS)


@pytest.mark.parametrize("question", NAMED, ids=ids(NAMED))
def test_a_right_answer_is_taken_however_it_is_said(question):
    for accepted in question.accepted:
        for way in WAYS:
            assert is_right(question, way.format(accepted)), way.format(accepted)


@pytest.mark.parametrize("question", NAMED, ids=ids(NAMED))
def test_a_wrong_answer_is_not(question):
    others = question.rivals or [question.accepted[0] + 1, question.accepted[0] * 10 + 7]
    for other in others:
        for way in WAYS:
            assert not is_right(question, way.format(other)), way.format(other)
    for nothing in ("", "**", question.question, "I don't know.", "I can't help with that."):
        assert not is_right(question, nothing), nothing


@pytest.mark.parametrize("question", NAMED, ids=ids(NAMED))
def test_who_names_everything_is_wrong(question):
    names = [*question.accepted, *question.rivals[:6]] if question.rivals else range(501)
    named = [str(name) for name in names]
    for everything in (named, named[::-1]):
        assert not is_right(question, ", ".join(everything))
        assert not is_right(question, "\n".join(f"- {name}" for name in everything))
    if question.rule == "mention":
        assert not is_right(question, f"{'word ' * 60}{question.accepted[0]}")
        assert is_right(question, f"{'word ' * 59}{question.accepted[0]}")


@pytest.mark.parametrize("labelled", LABELLED, ids=[labelled["id"] for labelled in LABELLED])
def test_answers_that_a_person_has_judged(labelled):
    question = QUESTIONS[labelled["id"]]
    for answer in labelled["right"]:
        assert is_right(question, answer), answer
    for answer in labelled["wrong"]:
        assert not is_right(question, answer), answer


def test_every_rule_that_no_template_covers_has_been_judged():
    judged = {labelled["id"] for labelled in LABELLED}
    assert {question.id for question in QUESTIONS.values() if question not in NAMED} <= judged


def test_one_answer_to_all_questions_is_seldom_right():
    for answer in ("Yes", "No", "Paris", "7", "I don't know.", " ".join(map(str, range(100)))):
        assert sum(is_right(question, answer) for question in QUESTIONS.values()) <= 3, answer


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1,000 and 3.5", [1000, 3.5]),
        ("twenty-six", [26]),
        ("three hundred and sixty-five days", [365]),
        ("two thousand five hundred", [2500]),
        ("seven, eight or nine", [7, 8, 9]),
        ("seven and eight", [7, 8]),
        ("one hundred", [100]),
        ("twenty, thirty", [20, 30]),
        ("a hundred things and someone", []),
        ("7 days, 24 hours", [7, 24]),
        ("", []),
    ],
)
def test_numbers_are_read_in_digits_and_in_words(text, numbers):
    assert numbers_in(text) == numbers


def test_there_is_general_text_of_several_kinds():
    texts = general_texts()
    assert set(texts) == {"encyclopedia", "instructions", "dialogue", "news"}
    assert sum(len(words_of(text)) for text in texts.values()) > 2000
    assert min(len(words_of(text)) for text in texts.values()) > 400
