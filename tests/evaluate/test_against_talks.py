"""Sentences of answers beside the talks, and the gate, as the evaluation counts them."""

from dataclasses import asdict

import pytest

from talks_to_search import transcript
from understudy.evaluate.against_talks import AgainstTalks, SentencePlaces
from understudy.evaluate.figures import estimate_of
from understudy.evaluate.measures.truth import MadeUp
from understudy.evaluate.truth_account import RowTruth, truth_statistics
from understudy.passages.filling import search_in_memory
from understudy.shared.files import write_json
from understudy.source.selection import video_record

SEGMENTS = [
    [0.0, 5.0, "Slugs hate copper tape around the pot."],
    [5.0, 10.0, "Water tomatoes with four litres at the foot."],
    [60.0, 65.0, "Sow radishes in September under fleece."],
]
QUESTION = "What do slugs hate?"


@pytest.fixture(scope="module")
def search():
    with (found := search_in_memory([(transcript("talk", SEGMENTS), video_record("talk", "Slugs"))])).store:
        yield found


@pytest.fixture
def talks(search, tmp_path):
    """A gate that lets through what shares a term with the talks."""
    rule = {"figures": ["meets", "covered", "asked"], "coefficients": [0, 1, 0], "intercept": 0, "threshold": 0.1}
    write_json(tmp_path / "gate.json", {"version": 1, "index": {}, "words": rule, "vectors": None})
    return AgainstTalks(search, tmp_path / "gate.json")


@pytest.fixture
def row(search):
    passage = asdict(search.passages(QUESTION, limit=1)[0]) | {"start_s": 0.0, "end_s": 5.0}
    return {"language": "en", "question": QUESTION, "true": [passage], "retrieved": [passage]}


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        ("Slugs hate **copper tape** around the pot.", SentencePlaces(1, 1, 1, 1)),
        ("Hello! Slugs hate copper tape around the pot.", SentencePlaces(1, 1, 1, 1)),
        ("Water tomatoes with 9 litres at the foot.", SentencePlaces(1, 1, 0, 1)),
        ("Sow radishes in September under fleece.", SentencePlaces(1, 1, 1, 0)),
        ("Purple elephants compose splendid quartets.", SentencePlaces(1, 0, 0, 0)),
        ("I have no talk about slugs, so I can't say.", SentencePlaces()),
    ],
)
def test_sentences_are_counted_by_their_places(talks, row, answer, wanted):
    assert talks.places_of(answer, row, "none") == wanted


def test_the_gate_declines_what_shares_nothing(talks):
    assert not talks.declines(QUESTION)
    assert talks.declines("Which xylophone suits a beginner?")


def test_shares_are_over_all_sentences_and_the_system_declines_by_gate_or_model():
    def one(refused, places, declines):
        return RowTruth(refused, None, MadeUp((), (), 10), 1.0, places, declines)

    truths = [
        one(False, SentencePlaces(3, 2, 1, 1), False),
        one(False, SentencePlaces(1, 0, 0, 0), True),
        one(True, SentencePlaces(), False),
    ]
    found = {name: estimate_of(statistic, 3) for name, statistic in truth_statistics(truths).items()}
    assert (found["placed"], found["unmarked"], found["near"]) == (0.5, 0.25, 0.5)
    assert found["refused"] == pytest.approx(1 / 3) and found["system_refused"] == pytest.approx(2 / 3)
    assert "placed" not in truth_statistics([RowTruth(False, None, MadeUp((), (), 10), 1.0)])
