"""The gate on the demo's talks: the goals on labels by people who saw no code, by words and with all-MiniLM-L6-v2."""

import itertools

import numpy as np
import pytest

from labelled_gate import make_gate, shares_decided, write_demo_pairs
from talks_to_search import MINILM, index_talks, search_in, transcript, write_talks
from understudy.passages.evidence import share_that_reaches
from understudy.passages.gate import Gate, GateFault, sentences_for_not_covered
from understudy.passages.search import Search
from understudy.passages.small_talk import is_small_talk, phrases_of_all_languages
from understudy.shared.files import write_json

# The least share that is refused of what no talk answers, of the near misses among it, and the most of what a talk answers.
# docs/answering.md has what was reached.
BY_WORDS = {"not_answerable": 0.70, "near_miss": 0.60, "answerable": 0.11}
WITH_VECTORS = {"not_answerable": 0.80, "near_miss": 0.60, "answerable": 0.08}


@pytest.fixture(scope="module")
def gate(demo):
    write_demo_pairs(demo)
    return make_gate(demo, MINILM)


@pytest.mark.parametrize(("searched", "bounds"), [("by_words", BY_WORDS), ("by_meaning", WITH_VECTORS)])
def test_what_no_talk_answers_is_refused_and_what_one_does_is_not(gate, searched, bounds, request):
    search = request.getfixturevalue(searched)
    gate.check(search)
    shares = shares_decided(gate, search)
    refused = {kind: shares[kind].get("not_covered", 0) for kind in bounds}
    assert refused["answerable"] <= bounds["answerable"], refused
    assert all(refused[kind] >= bounds[kind] for kind in ("not_answerable", "near_miss")), refused
    assert "small_talk" not in shares["answerable"] | shares["not_answerable"]
    assert all(shares[kind] == {"small_talk": 1} for kind in ("greeting", "identity", "thanks")), shares


def test_a_follow_up_is_judged_with_the_question_before(gate, by_words):
    follow = "And how much?"
    assert gate.decide(follow, None, by_words).kind == "not_covered"
    assert gate.decide(follow, "How often do I water tomatoes in a hot summer?", by_words).kind == "talks"


def test_what_is_not_covered_comes_with_the_two_nearest_talks(gate, by_meaning):
    decision = gate.decide("My laptop won't print the tax form on the plot any more", None, by_meaning)
    assert decision.kind == "not_covered" and decision.score < 0
    assert len({passage.video_id for passage in decision.nearest}) == len(decision.nearest) == 2
    assert gate.decide("Which slugs eat seedlings at night?", None, by_meaning).nearest == []


def test_a_question_without_a_word_of_the_talks_has_no_nearest_ones(gate, by_words):
    decision = gate.decide("cryptocurrency xylophone?", None, by_words)
    assert (decision.kind, decision.nearest) == ("not_covered", [])


@pytest.mark.parametrize("language", phrases_of_all_languages())
def test_greetings_and_who_are_you_are_small_talk_in_each_language(by_words, language):
    phrases = phrases_of_all_languages()[language]
    greeting, question = phrases["alone"][0], phrases["about"][0]
    for message in (greeting.capitalize(), f"{greeting}!", f"{question}?", f"{greeting}, {question}?"):
        assert is_small_talk(message, by_words), message


@pytest.mark.parametrize(
    "message",
    [
        "Hello, how deep do I sow lettuce?",
        "thanks, and the slugs?",
        "ok, and why?",
        "Hi, what is the capital of Mongolia?",
        "Are you sure that beans need no feeding?",
        "Who are you to say that tomatoes want salt?",
        "hit the soil",
        "",
    ],
)
def test_a_greeting_before_a_question_makes_no_small_talk_of_it(by_words, message):
    assert not is_small_talk(message, by_words)


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ("Wie bekomme ich von meinem Vermieter die Kaution für die Wohnung zurück?", "Dazu gibt es keinen Vortrag."),
        (
            "Comment puis-je récupérer la caution de mon appartement auprès du propriétaire ?",
            "Aucun entretien n'en parle.",
        ),
        ("and then?", "There is no talk about this."),
    ],
)
def test_it_is_said_in_the_language_of_the_question(by_words, question, says):
    assert sentences_for_not_covered(question, by_words)[0] == says


def test_a_gate_of_another_index_is_refused(gate, by_words, tmp_path):
    other = make_other_index(tmp_path)
    with pytest.raises(GateFault, match=r"another index or embedder\. Make it anew: understudy run -f data/gate\.json"):
        gate.check(other)
    gate.check(by_words)


def make_other_index(folder) -> Search:
    write_talks(folder, [transcript("slugs-slugs", [[0.0, 9.0, "Slugs hate beer traps."]], "Slugs")])
    index_talks(folder)
    return search_in(folder)


HUGE = {"figures": ["meets", "covered", "asked"], "coefficients": [1e308, -1e308, 1], "intercept": 0, "threshold": 0}


@pytest.mark.parametrize(
    "record", [[], {}, {"version": 1}, "x", {"version": 1, "index": {}, "words": HUGE, "vectors": None}]
)
def test_what_is_no_gate_is_named(tmp_path, record):
    write_json(tmp_path / "gate.json", record)
    with pytest.raises(GateFault, match=r"gate\.json is no gate .* Make it anew: understudy run -f data/gate\.json"):
        Gate.read(tmp_path / "gate.json")


def test_the_chance_that_terms_meet_is_that_of_all_cases():
    told, shares = np.array([3, 5, 4]), np.array([0.1, 0.5, 0.25])
    cases = [np.array(case) for case in itertools.product((0, 1), repeat=3)]
    chances = [np.prod(np.where(case, shares, 1 - shares)) for case in cases]
    for reached in range(13):
        wanted = sum(chance for case, chance in zip(cases, chances, strict=True) if case @ told >= reached)
        assert share_that_reaches(told, shares, reached) == pytest.approx(wanted)
