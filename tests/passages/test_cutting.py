"""Talks cut into sentences and units: nothing is lost, and every second is one of the talk."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.passages.cutting import LONGEST_SENTENCE, UNIT, plain_line, sentences_of, units_of
from understudy.passages.terms import length_in_words


def test_sentences_end_at_full_stops_across_captions():
    segments = [[0.0, 4.0, "The soil keeps the books. Dig"], [4.0, 4.0, "it once a year. Not more."]]
    sentences = sentences_of(segments, "en")
    assert [sentence.text for sentence in sentences] == [
        "The soil keeps the books.",
        "Dig it once a year.",
        "Not more.",
    ]
    assert sentences[0].start_s == 0.0 and 3.0 < sentences[0].end_s < 4.0
    assert sentences[1].start_s == sentences[0].end_s and sentences[-1].end_s == 8.0


def test_captions_without_full_stops_are_cut_at_pauses_and_at_a_length():
    spoken = [[2.0 * number, 2.0, "and then we go on with it"] for number in range(8)]
    pause = [[30.0, 2.0, "after the pause something new"]]
    sentences = sentences_of(spoken + pause, "en")
    assert all(sentence.words <= LONGEST_SENTENCE for sentence in sentences)
    assert sentences[-1].text == "after the pause something new" and sentences[-1].start_s == 30.0


@pytest.mark.parametrize(
    ("language", "text", "first"),
    [
        ("ja", "お茶の話です。お湯の温度は八十度にします。", "お茶の話です。"),
        ("hi", "मिट्टी तैयार कीजिए। फिर पानी दीजिए।", "मिट्टी तैयार कीजिए।"),
        ("ar", "هل الماء دافئ؟ ضعوا الخميرة فيه الآن.", "هل الماء دافئ؟"),
    ],
)
def test_other_scripts_end_their_sentences_in_their_own_way(language, text, first):
    assert sentences_of([[0.0, 8.0, text]], language)[0].text == first


@pytest.mark.parametrize("text", ["saffron-" * 320, "，".join(["黄瓜要多浇水"] * 200), "x" * 100_000])
def test_what_never_ends_is_cut_all_the_same(text):
    sentences = sentences_of([[0.0, 600.0, text]], None)
    assert max(sentence.words for sentence in sentences) < 60
    assert "".join(sentence.text for sentence in sentences).replace(" ", "") == text


def test_a_talk_without_times_has_none():
    sentences = sentences_of([[None, None, "One sentence here. And another one."]], "en")
    assert [(sentence.start_s, sentence.end_s) for sentence in sentences] == [(None, None), (None, None)]


def test_escapes_and_marks_that_turn_the_writing_are_no_text():
    assert plain_line("a\x1b[31m\n b\u202e c\u200b\x00\u2028d") == "a[31m b c d"
    assert plain_line("नमस्\u200dते") == "नमस्\u200dते"


TIMES = st.one_of(st.floats(), st.integers(-10, 10**9), st.none(), st.booleans(), st.text(max_size=3))
SEGMENTS = st.lists(st.tuples(st.one_of(st.floats(), st.integers(-5, 10**7)), TIMES, st.text(max_size=60)).map(list))


@settings(max_examples=200, deadline=None)
@given(SEGMENTS, st.one_of(st.none(), st.floats(1, 10**4)))
def test_whatever_comes_the_seconds_rise_and_lie_within_the_talk(segments, duration_s):
    sentences = sentences_of(segments, "en", duration_s)
    seconds = [second for sentence in sentences for second in (sentence.start_s, sentence.end_s)]
    assert all(0 <= second <= (duration_s or 360_000) for second in seconds)
    starts = [sentence.start_s for sentence in sentences]
    assert starts == sorted(starts)
    assert all(sentence.start_s <= sentence.end_s for sentence in sentences)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(max_size=80), max_size=30))
def test_units_cover_every_sentence_and_overlap(texts):
    sentences = sentences_of([[float(number), 1.0, text] for number, text in enumerate(texts)], None)
    units = units_of(sentences)
    assert {number for unit in units for number in range(unit.first, unit.end)} == set(range(len(sentences)))
    for unit in units:
        words = sum(sentence.words for sentence in sentences[unit.first : unit.end])
        assert words <= UNIT or unit.end - unit.first == 1


def test_words_of_scripts_without_spaces_count_two_characters():
    assert length_in_words("お茶の話です。") == 3
    assert length_in_words("Don't sow 2.5 cm deep") == 5
    assert length_in_words("मिट्टी तैयार") == 2
