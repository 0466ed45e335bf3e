"""What is said where no talk answers: in the languages that are searched, varied, and nothing that is measured with."""

import pytest

from project import REPOSITORY
from understudy.dataset.grounding.banks import bank, combined, questions_of_other_fields, refusals, small_talk, spoken
from understudy.evaluate.general.questions import general_questions
from understudy.evaluate.measures.memorising import LONG_RUN
from understudy.shared.files import read_json_lines
from understudy.text.language import other_language
from understudy.text.words import words_of

LANGUAGES = ("ar", "de", "en", "es", "fr", "hi", "it", "ja", "ko", "nl", "pt", "ru", "zh")
# Where `words_of` takes characters, or what is between vowel signs, for words.
WORDS_ARE_SHORT = ("hi", "ja", "zh")


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_all_of_it_in_itself(language):
    refused = refusals(language, seed=1)
    said = [next(refused) for _ in range(15)]
    assert len(set(said)) == 15
    assert other_language(" ".join(said), language, 0.9) is None
    assert questions_of_other_fields(language, seed=1)
    for name in ("Nell Harrow", None):
        talk = small_talk(language, name, seed=1)
        assert len(set(talk)) == len(talk) >= 4
        assert not [text for pair in talk for text in pair if "{" in text]
        (greeted, _), (asked, who) = talk[:2]
        assert greeted != asked and (name is None or any(name in answer for _, answer in talk)), who


@pytest.mark.parametrize("language", ["sw", None])
def test_another_language_hears_english(language):
    assert spoken("refusals", language) == "en"
    assert next(refusals(language, seed=1)) == next(refusals("en", seed=1))


def test_no_sentence_is_long_enough_to_count_as_learned_by_heart():
    for language in set(LANGUAGES) - set(WORDS_ARE_SHORT):
        parts = bank("refusals")[language]
        for said, added in combined(parts["says"], parts["adds"]):
            assert len(words_of(f"{said} {added}")) < LONG_RUN


def test_nothing_is_said_that_is_measured_with():
    shipped = {question for part in bank("outside_field").values() for question in part}
    shipped |= {
        question for part in bank("small_talk").values() for kind in part.values() for question in kind["questions"]
    }
    asked = {question.question for question in general_questions()}
    for name in ("small_talk", "questions"):
        asked |= {row["question"] for _, row in read_json_lines(REPOSITORY / f"tests/labelled/shared/{name}.jsonl")}
    assert not {" ".join(words_of(each)) for each in shipped} & {" ".join(words_of(each)) for each in asked}


def test_another_seed_says_it_in_another_order():
    assert [next(refusals("en", seed)) for seed in range(6)] != [next(refusals("en", 0))] * 6
