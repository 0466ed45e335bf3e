"""What a text is searched by."""

import pytest

from understudy.passages.terms import arabic_stem, terms_of, weight_of


@pytest.mark.parametrize(
    ("language", "one", "another"),
    [
        ("en", "watering the tomato", "water tomatoes"),
        ("de", "Die Tomaten gießen", "eine Tomate gießt"),
        ("es", "las raíces profundas", "raíz profunda"),
        ("fr", "L’arrosage d’automne", "l'arrosage de l'automne"),
        ("it", "piantare i semi", "piantato il seme"),
        ("ru", "поливайте помидоры", "поливать помидор"),
        ("ar", "والعجين", "العجين"),
    ],
)
def test_forms_of_a_word_are_one_term(language, one, another):
    assert set(terms_of(one, language)) & set(terms_of(another, language)), (
        terms_of(one, language),
        terms_of(another, language),
    )


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "What is it that you would do with them?"),
        ("de", "Und was ist das für eine?"),
        ("fr", "Qu'est-ce que c'est pour vous"),
        ("nl", "Wat is dat voor een"),
        ("ru", "Что это для вас и как"),
    ],
)
def test_function_words_are_no_terms(language, text):
    assert terms_of(text, language) == []


def test_numbers_are_no_function_words():
    assert terms_of("2 metres, 2.5 or 1,000", "en")[:1] == ["2"]
    assert {"2·5", "1·000"} <= set(terms_of("2 metres, 2.5 or 1,000", "en"))


def test_what_unicode_writes_out_is_one_term():
    assert all(term.isalnum() for term in terms_of("ﷺ ⑴ ½ ㏂", None))


def test_chinese_japanese_and_korean_are_pairs_of_characters():
    assert terms_of("绿茶", "zh") == ["绿茶", "茶"]
    assert "水温" in terms_of("先看水温再泡", "zh")
    assert "温度" in terms_of("お湯の温度は", "ja")
    assert "페인" in terms_of("페인트를", "ko")


def test_vowel_signs_belong_to_their_word():
    assert len(terms_of("मिट्टी", "hi")) == 1


def test_a_language_without_lists_is_searched_by_its_words():
    assert terms_of("Saluton mondo", "eo") == ["saluton", "mondo"]
    assert terms_of("Saluton mondo", None) == ["saluton", "mondo"]


def test_terms_hold_nothing_that_a_search_engine_reads_as_a_command():
    text = "“NEAR(a b)” OR 'x' - * ^ : \" @#= {}[]()<>|; DROP TABLE"
    assert all(term.replace("·", "").isalnum() for term in terms_of(text, "en"))


def test_common_words_count_less_and_function_words_nothing():
    assert [weight_of(zipf) for zipf in (0.0, 4.0, 5.0, 5.9, 6.0, 7.5)] == [1.0, 1.0, 0.5, 0.2, 0.0, 0.0]


def test_an_arabic_word_keeps_two_letters():
    assert all(len(arabic_stem(word)) >= 2 for word in ("الي", "وال", "ها", "بالله", "لله"))
