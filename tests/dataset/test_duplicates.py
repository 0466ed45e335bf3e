"""What is nearly the same is found as by comparing each with each, what only looks like it is not, odd texts break nothing."""

import csv
import math
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.dataset.duplicates.meaning import meaning_of
from understudy.dataset.duplicates.pairs import (
    TooManySimilarError,
    choose_kept,
    clusters,
    folded_words,
    runs_of,
    similar_across,
    similar_pairs,
)
from understudy.dataset.duplicates.sets import COSINE, JACCARD, similar_sets

LABELLED = Path(__file__).parents[1] / "labelled"
BOILERPLATE = "Remember to drink enough water every day and to ask your doctor before you begin any new diet."
LONG = (
    "Water each plant on a Monday with ten litres, and then leave it alone until the next Monday comes around "
    "again, whatever the "
    "sky does. Roots that look for water grow deep, and deep roots carry a plant through a dry summer."
)
# Few words, so that much is near, and copies of the same meaning occur in other words.
few_words = st.lists(
    st.sampled_from(["why", "not", "my", "water", "prune", "roses", "beans", "peas", "leeks", "16"]), max_size=6
)
questions = st.lists(few_words.map(" ".join), min_size=2, max_size=14)
integer_sets = st.lists(st.sets(st.integers(0, 12), min_size=1, max_size=8), max_size=25)


def of_texts(questions: list[str], answers: list[str] | None = None) -> pd.DataFrame:
    return pd.DataFrame(
        {"question": questions, "answer": answers or [f"answer{n} alone" for n in range(len(questions))]}
    )


def labelled(name: str) -> list[dict]:
    with (LABELLED / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def is_near(one: str, other: str) -> bool:
    """The definition, without a search."""
    words = [folded_words(one), folded_words(other)]
    if not all(words):
        return False
    first, second = map(meaning_of, words)
    shared = len(first.stems & second.stems)
    return first[1:] == second[1:] and shared / math.sqrt(len(first.stems) * len(second.stems)) >= 0.85 - 1e-9


@pytest.mark.parametrize(
    ("name", "least_precision", "least_recall"),
    [("near_questions.csv", 0.97, 0.95), ("near_questions_held_out.csv", 1.0, 0.75)],
)
def test_labelled_questions_are_told_apart(name, least_precision, least_recall):
    """The second file was written after the words and the threshold were settled, and has not shaped them."""
    rows = labelled(name)
    found = [len(similar_pairs(of_texts([row["one"], row["other"]]), 0.85, 0.7)) == 1 for row in rows]
    right = sum(near and row["near"] == "yes" for near, row in zip(found, rows, strict=True))
    assert right / sum(found) >= least_precision
    assert right / sum(row["near"] == "yes" for row in rows) >= least_recall


def test_a_verdict_does_not_depend_on_the_other_questions():
    rows = labelled("near_questions.csv")
    texts = list(dict.fromkeys(text for row in rows for text in (row["one"], row["other"])))
    similar = similar_pairs(of_texts(texts), 0.85, 0.7)
    dropped = {texts[position] for position in choose_kept(len(texts), similar, range(len(texts)))}
    assert dropped == {
        texts[position]
        for position in range(len(texts))
        if any(is_near(texts[position], kept) for kept in texts[:position] if kept not in dropped)
    }


@given(integer_sets, st.sampled_from([JACCARD, COSINE]), st.floats(0.05, 1))
def test_the_join_finds_what_comparing_each_with_each_finds(sets, measure, threshold):
    arrays = [np.array(sorted(each)) for each in sets]
    found = similar_sets(arrays, measure, threshold, most=10_000)
    wanted = []
    for (left, one), (right, other) in combinations(enumerate(sets), 2):
        similarity = measure.similarity(*(np.float64(len(part)) for part in (one & other, one, other)))
        if similarity >= threshold - 1e-9 and one & other:
            wanted.append((left, right, pytest.approx(similarity)))
    assert list(zip(*(part.tolist() for part in found), strict=True)) == wanted


@settings(deadline=None)
@given(questions, st.randoms(use_true_random=False))
def test_one_of_all_that_is_alike_stays_and_none_that_is_alike_stays_beside_it(texts, random):
    """Also where the copy that stays is not the one that the frame names."""
    order = random.sample(range(len(texts)), len(texts))
    instead = choose_kept(len(texts), similar_pairs(of_texts(texts), 0.85, 0.7), order)
    stays = [position for position in order if position not in instead]
    assert not any(is_near(texts[one], texts[other]) for one, other in combinations(stays, 2))
    for position, (other, what) in instead.items():
        assert other in stays and order.index(other) < order.index(position)
        assert is_near(texts[position], texts[other])
        assert what == "question"


@settings(deadline=None)
@given(questions, st.data())
def test_what_leaks_is_found_through_copies_too(texts, data):
    trained = data.draw(st.sets(st.integers(0, len(texts) - 1)))
    held_out = set(range(len(texts))) - trained
    similar = similar_pairs(of_texts(texts), 0.85, 0.7)
    leaks = similar_across(len(texts), similar, trained, held_out)
    assert set(leaks) == {one for one in trained if any(is_near(texts[one], texts[other]) for other in held_out)}
    assert all(other in held_out and is_near(texts[one], texts[other]) for one, other in leaks.items())


def test_question_and_answer_count_alone_and_together():
    answers = ["One two three four five six.", "ONE TWO three four, five six", "Seven.", "One two three four five six!"]
    similar = similar_pairs(
        of_texts(["Why prune roses?", "Why prune the rose?", "Why do you prune roses?", "Who eats?"], answers),
        0.85,
        0.7,
    )
    assert similar[["left", "right", "what", "copy"]].to_numpy().tolist() == [
        [0, 1, "both", "both"],
        [0, 2, "question", "question"],
        [0, 3, "answer", "answer"],
    ]
    # 2 and 3 are alike in nothing.
    assert choose_kept(4, similar, [2, 3, 1, 0]) == {1: (2, "question"), 0: (2, "question")}
    assert choose_kept(4, similar, [3, 1, 2, 0]) == {1: (3, "answer"), 0: (3, "answer")}
    assert choose_kept(4, similar, [1, 0, 2, 3]) == {0: (1, "both"), 2: (1, "question"), 3: (1, "answer")}
    assert clusters(similar, 4) == [[0, 1, 2, 3]]


def found(questions: list[str], answers: list[str] | None = None) -> list[tuple[int, int, str]]:
    similar = similar_pairs(of_texts(questions, answers), 0.85, 0.7)
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
    similar = similar_pairs(of_texts(["Why?"] * copies, [LONG] * copies), 0.85, 0.7)
    assert len(similar) == copies - 1
    assert choose_kept(copies, similar, range(copies)) == dict.fromkeys(range(1, copies), (0, "both"))


def test_texts_without_words_are_compared_as_they_are():
    assert found(["🌱?", "🌱?", "Why?"], ["", "...", LONG]) == [(0, 1, "question")]
    assert similar_pairs(of_texts([]), 0.85, 0.7).empty


def test_both_ends_of_a_chain_stay():
    similar = pd.DataFrame({"left": [0, 1], "right": [1, 2], "what": "question", "copy": ""})
    assert choose_kept(3, similar, [0, 1, 2]) == {1: (0, "question")}
    assert choose_kept(3, similar, [1, 0, 2]) == {0: (1, "question"), 2: (1, "question")}


def test_clusters_are_what_similarity_connects():
    similar = pd.DataFrame({"left": [4, 1, 2], "right": [6, 2, 5]})
    assert clusters(similar, 8) == [[1, 2, 5], [4, 6]]
    assert clusters(similar[:0], 8) == []


def test_a_sentence_at_the_end_of_all_answers_makes_none_of_them_alike():
    random = np.random.default_rng(1)
    answers = [
        " ".join(f"w{number}" for number in random.integers(0, 10**6, 20)) + f" {BOILERPLATE}" for _ in range(2000)
    ]
    answers.append(" ".join(f"w{number}" for number in random.integers(0, 10**6, 15_000)))
    assert similar_pairs(of_texts([f"word{number}" for number in range(2001)], answers), 0.85, 0.7).empty


def test_too_much_alike_is_an_error_with_what_to_do(monkeypatch):
    monkeypatch.setattr("understudy.dataset.duplicates.pairs.MOST_SIMILAR", 1000)
    answers = [f"number{number} {BOILERPLATE} {BOILERPLATE}" for number in range(100)]
    with pytest.raises(TooManySimilarError, match=r"pairs of answers .* raise dataset.answer_similarity from 0.7"):
        similar_pairs(of_texts([f"word{number}" for number in range(100)], answers), 0.85, 0.7)


@settings(deadline=None)
@given(st.lists(st.text(max_size=30), max_size=8))
def test_any_text_is_compared(texts):
    similar = similar_pairs(pd.DataFrame({"question": texts, "answer": texts[::-1]}), 0.85, 0.7)
    assert (similar["left"] < similar["right"]).all()
    assert similar["similarity"].between(0, 1 + 1e-9).all()
    assert similar["what"].isin(["question", "answer", "both"]).all()


def test_runs_of_words_are_of_five_words():
    assert [len(runs) for runs in runs_of([tuple("abcdefg"), tuple("abc"), tuple("aaaaaaa")])] == [3, 1, 1]
