"""What answers look like beside their references: form, closeness, repetition, and what they have by heart."""

import json
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from understudy.evaluate.intervals import difference_of, interval_of
from understudy.evaluate.measures.closeness import chrf, longest_common_subsequence, nearness_to_own_reference, rouge_l
from understudy.evaluate.measures.form import AnswerForm, form_distances, form_of, wasserstein_distance
from understudy.evaluate.measures.memorising import TrainedRuns
from understudy.text.repetition import answer_flaws, compression_ratio
from understudy.text.words import words_of

RECORDED = json.loads((Path(__file__).parents[1] / "oracles" / "closeness.json").read_text(encoding="utf-8"))
ANSWER = """## Water

Water **deeply**, and **rarely**. Never the leaves!

- **When:** on a Monday morning
- How much: ten litres

1. Dig a ring.
2. Fill it.

Leave it alone then."""
few_words = st.lists(st.sampled_from("abcd"), max_size=12)
few_values = st.lists(st.integers(-5, 5).map(float), min_size=2, max_size=9)


def words_in(text: str) -> int:
    return len(text.split())


def test_the_form_comes_from_the_syntax_tree():
    form = form_of(ANSWER, words_in)
    assert form[:4] == (1, 3, 4, 2)
    assert form.tokens == words_in(ANSWER)
    assert form.words == 26
    # Water. Water deeply, and rarely. Never the leaves! When: ... How much ... Dig a ring. Fill it. Leave it alone then.
    assert form.words_per_sentence == pytest.approx(26 / 8)
    assert form_of("2 * 3 ** 4 is # not a heading", words_in)[:3] == (0, 0, 0)
    assert form_of("", words_in) == (0, 0, 0, 0, 0, 0, 0.0)


@given(few_values, few_values, st.data())
def test_the_distance_is_scipys(values, references, data):
    size = min(len(values), len(references))
    values, references = np.array(values[:size]), np.array(references[:size])
    drawn = np.array(data.draw(st.lists(st.integers(0, 3), min_size=size, max_size=size).filter(any)), float)
    found = wasserstein_distance(values, references, unit=2.0)(np.array([np.ones(size), drawn]))
    assert found[0] == pytest.approx(stats.wasserstein_distance(values, references) / 2)
    assert found[1] == pytest.approx(stats.wasserstein_distance(values, references, drawn, drawn) / 2)


def forms(*rows: str) -> list[AnswerForm]:
    return [form_of(row, words_in) for row in rows]


def test_the_distance_of_the_form_is_in_deviations_of_the_references():
    one = np.ones((1, 4))
    references = forms("a b", "a b", "a b c d e f g h i j", "a b c d e f g h i j")
    longer = forms(*["a b c d e f g h i j"] * 4)
    distances = form_distances(longer, references)
    assert distances["words"](one)[0] == pytest.approx((8 / 2) / 4)
    assert all(distances[name](one)[0] == 0 for name in ("headings", "bold", "list_items", "paragraphs"))
    assert distances["overall"](one)[0] == pytest.approx(2 * 1 / 6)
    # The references have no heading: two headings are two.
    headed = forms(*["# A\n\n# B\n\na b"] * 4)
    assert form_distances(headed, references)["headings"](one)[0] == 2
    assert form_distances(references, references)["overall"](one)[0] == 0


def test_a_model_that_has_learned_the_form_is_nearer_to_it():
    plain = forms(*[f"one {'and then ' * n}the end. It goes on." for n in range(1, 13)])
    formed = forms(*[f"Take **one**.\n\n- {'and then ' * n}the end.\n- It goes on." for n in range(1, 13)])
    references = forms(*[f"Take **this**.\n\n- {'so and so ' * n}an end.\n- It goes on." for n in range(1, 13)])
    video_ids = [f"video {row % 4}" for row in range(12)]
    distances = [form_distances(side, references)["overall"] for side in (formed, plain)]
    found = interval_of(difference_of(*distances), video_ids)
    assert found.high < 0


@pytest.mark.parametrize("pair", RECORDED["pairs"], ids=lambda pair: pair["answer"][:20])
def test_closeness_is_what_the_libraries_say(pair):
    assert chrf(pair["answer"], pair["reference"]) == pytest.approx(pair["chrf"])
    if pair["rouge_l"] is not None:
        assert rouge_l(pair["answer"], pair["reference"]) == pytest.approx(pair["rouge_l"])


@given(few_words, few_words)
def test_the_longest_common_subsequence_is_the_one_by_the_book(ours, theirs):
    lengths = np.zeros((len(ours) + 1, len(theirs) + 1), int)
    for i, one in enumerate(ours):
        for j, other in enumerate(theirs):
            lengths[i + 1, j + 1] = lengths[i, j] + 1 if one == other else max(lengths[i, j + 1], lengths[i + 1, j])
    assert longest_common_subsequence(ours, theirs) == lengths[-1, -1]


def test_answers_to_other_questions_are_not_near_their_references():
    """A model that was trained on shuffled answers writes well, and not about what was asked."""
    subjects = [
        "slugs and snails eat",
        "compost heaps need",
        "tomato plants want",
        "seeds of beans keep",
        "rain fills barrels",
    ]
    references = [f"{subject} {word} in a garden" for subject in subjects for word in ("much", "little")]
    answers = [f"In a garden {subject} as I say" for subject in subjects for _ in range(2)]
    video_ids = [subject for subject in subjects for _ in range(2)]
    assert nearness_to_own_reference(answers, references, video_ids).mean() == 1
    shuffled = [*answers[4:], *answers[:4]]
    assert nearness_to_own_reference(shuffled, references, video_ids).mean() < 0.5
    assert nearness_to_own_reference(["la la"] * 10, references, video_ids).tolist() == [0.5] * 10
    assert nearness_to_own_reference(answers, references, ["one video"] * 10).tolist() == [0.5] * 10


def test_flaws_are_told_apart():
    assert answer_flaws(ANSWER, "stop", 0.2) == {"empty": False, "endless": False, "repetitive": False}
    assert answer_flaws("**  **\n\n- \n", "stop", 0.2)["empty"]
    assert answer_flaws(ANSWER, "length", 0.2)["endless"]
    loop = "Water the roots and not the leaves. " * 12
    assert answer_flaws(loop, "length", 0.2) == {"empty": False, "endless": True, "repetitive": True}
    assert answer_flaws("Well ... " + "-" * 300, "length", 0.2)["repetitive"]


def test_ordinary_answers_do_not_compress_like_loops():
    rows = (Path(__file__).parents[2] / "demo" / "extra_pairs.jsonl").read_text(encoding="utf-8").splitlines()
    answers = [json.loads(row)["answer"] for row in rows]
    general = (Path(__file__).parents[2] / "workflow_scripts/understudy/evaluate/general/encyclopedia.txt").read_text(
        encoding="utf-8"
    )
    assert max(map(compression_ratio, [*answers, *general.split("\n\n")])) < 2.1


def sentence(random: Random, words: int) -> str:
    return " ".join(f"word{random.randrange(2000)}" for _ in range(words))


def test_what_is_known_by_heart_is_found_at_its_length():
    random = Random(1)
    trained = [sentence(random, 120) for _ in range(500)]
    runs = TrainedRuns(trained, 20)
    words = trained[321].split()
    for length in (20, 33, 120):
        taken = " ".join(words[:length])
        assert runs.longest_repeat(f"Well, {sentence(random, 30)} **{taken}** and {sentence(random, 30)}") == length
    assert runs.longest_repeat(" ".join(words[:19])) == 0
    assert runs.longest_repeat(sentence(random, 150)) == 0
    # Words that the training never had, one of them in the middle.
    assert runs.longest_repeat(" ".join([*words[:15], "unheard", *words[16:31]])) == 0
    assert runs.longest_repeat("") == 0 == TrainedRuns([], 20).longest_repeat(trained[0])


def test_markdown_and_case_do_not_hide_a_repeat():
    taught = (
        "Dig the bed over once in October, and then leave it alone until the first warm week of April has come around."
    )
    runs = TrainedRuns([f"## So\n\n{taught}"], 10)
    assert runs.longest_repeat(taught.upper().replace("OCTOBER", "**October**")) == len(words_of(taught))
