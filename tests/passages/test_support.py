"""Whether a passage holds an answer: its numbers, and enough of the stems of its words."""

import pytest

from understudy.passages.support import ENOUGH, PlacesOfAnswers, support_of

PASSAGE = (
    "So I give my tomatoes ten litres, 10 litres, every week from June on, and 1.5 in May. Mulch keeps the soil moist."
)


def test_an_answer_in_the_passages_words_stands_in_it():
    support = support_of("Give **tomatoes** 10 litres a week.\n\n- **Mulch:** it keeps soils moist.", PASSAGE, "en")
    assert (support.numbers_missing, support.is_enough) == ((), True)
    assert support.share == 1.0


def test_another_number_is_missed_whatever_the_words_are():
    support = support_of("Give tomatoes 12 litres a week, 1,5 in May, 30 in June, and 12 again.", PASSAGE, "en")
    assert support.numbers_missing == ("12", "30")
    assert support.share > ENOUGH and not support.is_enough


def test_other_words_are_not_held():
    support = support_of("Prune the apple tree hard in winter and burn diseased branches.", PASSAGE, "en")
    assert support.share < 0.2 and not support.is_enough


def test_marks_of_a_list_are_no_numbers_and_digits_in_a_name_are_none():
    assert support_of("1. Tomatoes\n2. Mulch\n3. Soil with B12", PASSAGE, "en").numbers_missing == ()


@pytest.mark.parametrize("answer", ["", "**", "It is so.", "---"])
def test_an_answer_that_says_nothing_stands_nowhere(answer):
    assert not support_of(answer, PASSAGE, "en").is_enough
    assert not support_of(answer, "", "en").is_enough


@pytest.mark.parametrize(
    ("answer", "passage", "language"),
    [
        ("Gieße die Tomaten 2 Mal.", "Und die Tomate, die wird 2 mal gegossen, ich gieße sie selbst.", "de"),
        ("トマトに水を10リットルやります。", "毎週トマトに10リットルの水をやります。", "ja"),
        ("Polej pomidory 3 razy.", "Pomidory polej 3 razy w tygodniu.", None),
    ],
)
def test_other_languages_are_read_too(answer, passage, language):
    assert support_of(answer, passage, language).is_enough


SEGMENTS = [
    [0.0, 5.0, "Welcome back to the garden, friends."],
    [5.0, 5.0, "Tomatoes want ten litres, 10 litres, of water a week."],
    [10.0, 5.0, "Mulch keeps the soil moist around the tomatoes."],
    [15.0, 5.0, "Slugs hide under boards in the daytime."],
]


def test_an_answers_place_is_the_run_of_sentences_that_holds_most_of_it():
    place = PlacesOfAnswers(SEGMENTS, "en", 40).of("Give **tomatoes** 10 litres of water, and mulch the soil.")
    assert place.text == f"{SEGMENTS[1][2]} {SEGMENTS[2][2]}"
    assert (place.start_s, place.end_s) == (5.0, 15.0)
    assert place.support.is_enough


def test_a_place_is_no_longer_than_may_be_and_may_not_be_enough():
    place = PlacesOfAnswers(SEGMENTS, "en", 11).of(
        "Tomatoes want 10 litres of water a week. Mulch helps in August, when weeds grow."
    )
    assert place.text == SEGMENTS[1][2]
    assert place.support.numbers_missing == () and not place.support.is_enough
    assert PlacesOfAnswers(SEGMENTS, "en", 3).of("Tomatoes want 10 litres of water.") is None


def test_a_talk_without_times_or_without_the_words_has_no_place():
    untimed = [[None, None, text] for *_, text in SEGMENTS]
    assert PlacesOfAnswers(untimed, "en", 40).of("Tomatoes want 10 litres.") is None
    assert PlacesOfAnswers(SEGMENTS, "en", 40).of("Bicycles.") is None
    assert PlacesOfAnswers([], "en", 40).of("Tomatoes want 10 litres.") is None
