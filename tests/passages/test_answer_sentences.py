"""The sentences of answers that come in pieces."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.passages.answers.sentences import LONGEST, SentenceStream, sentences_of, without_signs

ANSWER = """# Sowing

Sow at 2.5 cm, e.g. in May. Water it (by hand!) Then wait.
- **Depth:** 5 cm
- Keep it *moist.* Never wet
1. First, dig. Then rake it over.

| crop | weeks |
| --- | --- |
***
Dr. J. Smith says so... Is it true? Yes. It is "so." The end"""
SENTENCES = [
    "# Sowing",
    "Sow at 2.5 cm, e.g. in May.",
    "Water it (by hand!)",
    "Then wait.",
    "- **Depth:** 5 cm",
    "- Keep it *moist.*",
    "Never wet",
    "1. First, dig.",
    "Then rake it over.",
    "| crop | weeks |",
    "Dr. J. Smith says so...",
    "Is it true?",
    'Yes. It is "so."',
    "The end",
]


def streamed(pieces: list[str]) -> list[str]:
    stream = SentenceStream()
    return [sentence for piece in pieces for sentence in stream.feed(piece)] + stream.end()


def test_sentences_list_items_and_headings_are_found():
    assert sentences_of(ANSWER) == SENTENCES


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
def test_pieces_of_any_size_give_the_same_sentences(size):
    assert streamed([ANSWER[at : at + size] for at in range(0, len(ANSWER), size)]) == SENTENCES


@given(st.text(alphabet="aB .!?\n*-_#1|。漢`(", max_size=80), st.lists(st.integers(0, 80), max_size=6))
@settings(deadline=None)
def test_how_a_text_is_cut_into_pieces_changes_nothing(text, cuts):
    at = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    assert streamed([text[start:end] for start, end in pairwise(at)]) == sentences_of(text)


def test_a_sentence_comes_as_soon_as_the_next_one_begins():
    stream = SentenceStream()
    assert stream.feed("Water it well. ") == []
    assert stream.feed("N") == ["Water it well."]
    assert stream.feed("ever at noon.\n") == ["Never at noon."]
    assert stream.end() == []


def test_scripts_without_spaces_are_cut():
    assert sentences_of("土は湿らせます。水は朝にやります。") == ["土は湿らせます。", "水は朝にやります。"]


def test_what_never_ends_is_cut():
    assert all(len(sentence) <= LONGEST for sentence in streamed(["water " * 1_000, "x" * 5_000]))


@pytest.mark.parametrize(
    ("shown", "read"),
    [
        ("**Bean poles:** take ones", "Bean poles: take ones"),
        ("- [Slugs](https://youtu.be/x?t=4) eat _it_", "Slugs eat it"),
        ("> ## `snake_case` stays", "snake_case stays"),
        ("12) 5 cm deep", "5 cm deep"),
        ("-5 degrees", "-5 degrees"),
        ("| a | b |", "a b"),
    ],
)
def test_signs_of_markdown_are_spaces(shown, read):
    blank = without_signs(shown)
    assert len(blank) == len(shown) and " ".join(blank.split()) == read.replace("  ", " ")


@pytest.mark.parametrize(
    "sentence",
    [
        "Sow it at approx. 5 cm.",
        "Säe den Salat ca. 5 cm tief.",
        "Take the stone no. 5 for it.",
        "That is what Dr. Smith says.",
        "Salad, e.g. Lollo, is sown now.",
    ],
)
def test_an_abbreviation_ends_no_sentence(sentence):
    assert sentences_of(f"{sentence} Then wait for it.") == [sentence, "Then wait for it."]


@pytest.mark.parametrize(
    "sentence",
    [
        "### 3. Sow now.",
        "**3. Sow now.**",
        "**3.** Sow now.",
        "3: Sow now.",
        "3 - Sow now.",
        "| 3 | Sow now. |",
        "Sow now [3].",
        "Sow now (passage 3).",
        "Sow now: https://example.com/?t=3",
    ],
)
def test_numbers_of_lists_passages_and_addresses_are_not_read(sentence):
    read = without_signs(sentence)
    assert "3" not in read and "Sow now" in read and len(read) == len(sentence)
