"""What an answer has of its reference, what it made up, and whether it declines: by principle, in several languages."""

import pytest
import yaml

from project import REPOSITORY
from understudy.evaluate.measures.numbers import numbers_of
from understudy.evaluate.measures.refusals import refuses
from understudy.evaluate.measures.truth import facts_of, found_in, length_ratio, made_up_in

LANGUAGES = REPOSITORY / "workflow_scripts/understudy/passages/answers/languages"


@pytest.mark.parametrize(
    ("language", "text", "numbers"),
    [
        ("en", "a range of 5-10 cm, 5–10 cm or 5 to 10 cm", {5, 10}),
        ("en", "20cm, 20 cm and 20 °C", {20}),
        ("en", "on 12 March 2024, on 2024-03-12", {12, 2024, 3}),
        ("de", "am 12.3.2024 um 10:30 Uhr", {12, 3, 2024, 10, 30}),
        ("en", "1,500 g or 1500 g", {1500}),
        ("de", "1.500 g oder 1500 g", {1500}),
        ("fr", "1 500 g, 1\u202f500 g", {1500}),
        ("en", "2,345,678 and 0.125", {2345678, 0.125}),
        ("de", "2,5 Liter", {2.5}),
        ("en", "2.5 litres; half is ½, or 1/2", {2.5, 0.5}),
        ("en", "3/4 and 24/7", {0.75, 24, 7}),
        ("en", "the 3rd, in the 1990s", {3, 1990}),
        ("en", "vitamin B12 and CO2", set()),
        ("en", "twenty-five seeds, three hundred and sixty-five days", {25, 365}),
        ("en", "one of them, 1 each", set()),
        ("de", "siebenundzwanzig Tage, zweihundert Samen, dreißig, eine Handvoll", {27, 200, 30}),
        ("es", "treinta y siete días, doscientos, veintidós, una mano", {37, 200, 22}),
        ("fr", "quatre-vingt-dix-sept jours, soixante et onze, deux cents, une main", {97, 71, 200}),
        ("ar", "٢٥ يوما", {25}),
        ("zh", "每25厘米", {25}),
        ("ja", "２５センチ", {25}),
        (None, "25 of them", {25}),
        ("en", "1,234.5 kg", {1234.5}),
        ("de", "1.234.567,89 kg", {1234567.89}),
    ],
)
def test_numbers_are_values(language, text, numbers):
    assert numbers_of(text, language) == numbers


@pytest.mark.parametrize("language", ["de", "en", "es", "fr"])
def test_every_number_in_words_is_read_as_itself(language):
    """The words are num2words's."""
    words = yaml.safe_load((LANGUAGES / f"{language}.yaml").read_text(encoding="utf-8"))["numbers"].split(", ")
    assert [numbers_of(f"x {word} x", language) for word in words[2:]] == [{value} for value in range(2, 100)]


@pytest.mark.parametrize(
    ("language", "text", "numbers"),
    [
        ("en", "two million seeds, one point five litres", {2e6, 1.5}),
        ("en", "wait a second, for the third time", set()),
        ("de", "zweitausenddreihundert Liter an dreihundertfünfundsechzig Tagen", {2300, 365}),
        ("de", "zwei Komma fünf Liter am dritten Tag", {2.5}),
        ("es", "dos mil quinientos litros, ciento veinte gramos", {2500, 120}),
        ("es", "trescientos sesenta y cinco días", {365}),
        ("fr", "deux mille cinq cents litres, trois cent soixante-cinq jours", {2500, 365}),
        ("fr", "deux virgule cinq, ou nonante; septante et un", {2.5, 90, 71}),
        ("it", "ventisette giorni", {27}),
        ("pt", "trinta e sete dias", {37}),
        ("nl", "zevenentwintig dagen", {27}),
        ("ru", "двадцать дней", set()),
    ],
)
def test_numbers_in_words_are_whole_ones(language, text, numbers):
    assert numbers_of(text, language) == numbers


@pytest.mark.parametrize(
    ("language", "answer", "names"),
    [
        ("en", "Water is heavy. Carry it in April, with Anna Grey.", {"april", "anna", "grey"}),
        ("en", "- **Choose The Right Soil**: use loam\n- Water: In pots", set()),
        ("en", "## Growing Tomatoes In Pots\n\nI say “Never hurry” and I'm right.", set()),
        ("en", "He said: Go on.\nThen they went.", set()),
        ("en", "CO2 and vitamin B12, says NASA", {"co2", "b12", "nasa"}),
        ("de", "Der Boden braucht Kalk und das Wasser Zeit.", set()),
        ("de", "Das CO2 sinkt laut WHO.", {"co2", "who"}),
        ("fr", "On sème en mars, dit Pierre à Lyon.", {"pierr", "lyon"}),
        ("es", "La huerta de María está en Sevilla.", {"mar", "sevill"}),
        ("ru", "Мы живём в Москве.", {"москв"}),
        ("zh", "他在北京种花。", set()),
    ],
)
def test_names_have_a_capital_that_no_beginning_or_title_gives(language, answer, names):
    assert facts_of(answer, language).names == names


def test_all_facts_of_a_reference_are_found_in_other_words_of_the_same_stems():
    found = found_in("Sowing twelve bulbs near Oslo.", "**Sow** 12 bulbs near Oslo", "When?", "en")
    assert (found.share, found.numbers, found.names) == (1.0, 1, 1)


def test_what_the_question_names_is_no_find():
    question, reference = "How deep do 12 tulips go?", "The tulips go 15 deep, all 12."
    parrot = found_in("How deep do 12 tulips go.", reference, question, "en")
    assert (parrot.share, parrot.numbers, parrot.numbers_of_reference) == (0, 0, 1)
    assert found_in("It is 15.", reference, question, "en").numbers == 1
    assert found_in("Anything.", "How deep do 12 tulips go?", question, "en") is None


def test_a_rare_word_counts_more_than_a_common_one():
    reference = "Good mycorrhiza garden"
    rare, common = (found_in(word, reference, "", "en").share for word in ("mycorrhiza", "garden"))
    assert rare > 1.5 * common > 0


def test_made_up_is_what_no_passage_and_not_the_question_has():
    evidence = ["you leave them for twenty days or so near the gate in april", "What of Oslo?"]
    answer = "Leave them 20 days, in April, as in Oslo. Then wait 45 more for Bergen."
    made_up = made_up_in(answer, evidence, "en")
    assert (made_up.numbers, made_up.names, made_up.words) == ((45,), ("bergen",), 15)
    assert made_up_in("Leave them 20 days.", evidence, "en").count == 0


def test_a_list_numbers_nothing():
    answer = "1. Dig\n2. Sow\n3. Wait"
    assert made_up_in(answer, ["dig, sow, wait"], "en").numbers == ()
    # What stands at the beginning of a passage is said there.
    assert made_up_in("It takes 44 days.", ["44. is the day"], "en").numbers == ()


@pytest.mark.parametrize(
    ("language", "answer"),
    [
        ("en", "That is a thing I have never talked about, so ask somebody who keeps goats."),
        ("en", "Goats are a world of their own. None of my talks goes into them."),
        ("en", "I'm sorry, but I can't help with that."),
        ("en", "**There is nothing about this in my talks.**"),
        ("de", "Über Ziegen habe ich nie gesprochen. Fragen Sie einen Bauern."),
        ("es", "De las cabras no he hablado nunca en mis charlas."),
        ("fr", "Je n'ai jamais parlé des chèvres."),
    ],
)
def test_who_declines_says_so_in_many_words(language, answer):
    assert refuses(answer, language)


@pytest.mark.parametrize(
    ("language", "answer"),
    [
        ("en", "Never water at noon, because the leaves burn."),
        ("en", "You can't hurry compost: give it ten weeks, and don't touch it."),
        ("en", "Nothing grows in a bag of old soil. I empty mine every spring."),
        ("en", "Feed them.\n\nGive them air.\n\nI don't know a better answer than patience."),
        ("de", "Nie mittags gießen, sonst verbrennen die Blätter."),
        ("es", "No riegues al mediodía."),
        ("fr", "N'arrosez jamais à midi."),
        ("xx", "I can't help with that."),
        ("en", ""),
    ],
)
def test_a_negation_alone_declines_nothing(language, answer):
    assert not refuses(answer, language)


def test_lengths_are_in_words_without_marks():
    assert length_ratio("## One\n\n- **two** three", "a b c d e f") == 0.5
    assert length_ratio("one", "") == 0
