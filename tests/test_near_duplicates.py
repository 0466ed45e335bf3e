"""What is nearly the same is found, what only looks like it is not, and odd texts break nothing."""

import pandas as pd
import pytest

from lib.near_duplicates import choose_kept, similar_pairs

LONG = (
    "Water each plant on a Monday with ten litres, and then leave it alone until the next Monday comes around "
    "again, whatever the "
    "sky does. Roots that look for water grow deep, and deep roots carry a plant through a dry summer."
)


def found(questions: list[str], answers: list[str] | None = None) -> list[tuple[int, int, str]]:
    answers = answers or [f"Answer {letter * 9}." for letter in "abcdefghijklmnop"[: len(questions)]]
    similar = similar_pairs(pd.DataFrame({"question": questions, "answer": answers}), 0.85, 0.7)
    return list(similar[["left", "right", "what"]].itertuples(index=False, name=None))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How often should I water tomatoes?", "how often do I need to water my tomatoes"),
        ("What is the best way for pruning roses?", "What's the best way of pruning a rose?"),
        ("Can I freeze fresh herbs?", "Can you freeze a fresh herb?"),
        ("How does fasting lower insulin levels in the blood?", "How does fasting lower the blood's insulin levels?"),
        ("Wie oft soll ich Tomaten gießen?", "Wie oft muss man seine Tomaten gießen?"),
        ("¿Con qué frecuencia debo regar los tomates?", "¿Con qué frecuencia tengo que regar mis tomates?"),
        ("番茄需要多少水？", "番茄需要多少水"),
        ("WHY DOES IT RAIN?!", "Why does it rain?"),
    ],
)
def test_the_same_question_in_other_words_is_near(one, other):
    assert found([one, other, "What do worms eat in winter?"]) == [(0, 1, "question")]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How often should I water tomatoes?", "How often should I water peppers?"),
        ("What happens in a 24 hour fast?", "What happens in a 36 hour fast?"),
        ("Why should I fast in the morning?", "Why shouldn't I fast in the morning?"),
        ("Why do roses need pruning?", "When do roses need pruning?"),
        ("How many roses fit a bed?", "How much does a bed of roses cost?"),
        ("Wie oft soll ich Tomaten gießen?", "Wie oft soll ich Gurken gießen?"),
        ("¿Cuándo riego los tomates?", "¿Por qué riego los tomates?"),
        ("番茄需要多少水？", "黄瓜什么时候种？"),
        ("🌱?", "🍅?"),
        ("", "Why?"),
    ],
)
def test_another_question_that_looks_like_it_is_not(one, other):
    assert found([one, other]) == []


def test_an_answer_with_few_other_words_is_near():
    changed = LONG.replace("ten litres", "twelve litres")
    assert found(["Why dig?", "When plant?", "Who eats?"], [LONG, changed, "Something else entirely."]) == [
        (0, 1, "answer")
    ]
    assert found(["Why dig?", "When plant?"], [LONG, " ".join(reversed(LONG.split()))]) == []
    assert found(["Why dig?", "Why dig?"], [LONG, LONG.upper()]) == [(0, 1, "both")]


def test_many_copies_cost_as_much_as_one():
    copies = 20_000
    similar = similar_pairs(pd.DataFrame({"question": ["Why?"] * copies, "answer": [LONG] * copies}), 0.85, 0.7)
    assert len(similar) == copies - 1
    kept = choose_kept(copies, similar, range(copies))
    assert kept.count(-1) == 1


def test_texts_without_words_are_compared_as_they_are():
    assert found(["🌱?", "🌱?", "Why?"], ["", "...", LONG]) == [(0, 1, "question")]
    assert similar_pairs(pd.DataFrame({"question": [], "answer": []}), 0.85, 0.7).empty


def test_both_ends_of_a_chain_stay():
    similar = pd.DataFrame({"left": [0, 1], "right": [1, 2]})
    assert choose_kept(3, similar, [0, 1, 2]) == [-1, 0, -1]
    assert choose_kept(3, similar, [1, 0, 2]) == [1, -1, 1]
