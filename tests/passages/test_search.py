"""Search on the demo's talks: the goals on labels by people who saw no code, by words and with all-MiniLM-L6-v2 in llama.cpp."""

import random

import pytest

from labelled_search import Found, Labels
from talks_to_search import index_talks, search_in, transcript, write_talks
from understudy.passages.growing import BUDGET
from understudy.passages.search import Search
from understudy.passages.store import INDEX, RECORD
from understudy.shared.files import read_json

# The share of each kind that is found within 300 words: facts, the demo's pairs, questions about two talks, follow-ups.
BY_WORDS = {"fact": 0.78, "pairs": 0.68, "dialogues": 0.62}
WITH_VECTORS = {"fact": 0.90, "pairs": 0.78, "two_talks": 0.60, "dialogues": 0.78}


@pytest.fixture(scope="module")
def labels(demo):
    return Labels(demo)


def measured(labels: Labels, search: Search) -> dict[str, float]:
    return labels.measured(
        lambda question, before: [
            Found(passage.video_id, passage.start_s, passage.end_s, passage.text)
            for passage in search.passages(question, before)
        ]
    )


def test_the_places_are_found_by_words(demo, labels):
    found = measured(labels, search_in(demo))
    assert {kind: share for kind, share in found.items() if share < BY_WORDS.get(kind, 0)} == {}


def test_the_places_are_found_with_vectors(labels, by_meaning):
    found = measured(labels, by_meaning)
    assert {kind: share for kind, share in found.items() if share < WITH_VECTORS[kind]} == {}


def test_a_shuffled_index_finds_by_chance_alone(demo, labels, tmp_path):
    """What is said stands at another place of the talks: 300 of 6,900 words are found then."""
    transcripts = [read_json(path) for path in sorted((demo / "data/transcripts").glob("*.json"))]
    segments = [segment for record in transcripts for segment in record["segments"]]
    texts = [text for _, _, text in segments]
    random.Random(1).shuffle(texts)
    for segment, text in zip(segments, texts, strict=True):
        segment[2] = text
    write_talks(tmp_path, transcripts)
    index_talks(tmp_path)
    found = measured(labels, search_in(tmp_path))
    assert max(found.values()) < 0.2, found


def test_passages_read_together_have_at_most_their_words(demo):
    passages = search_in(demo).passages("When do I water the tomatoes in a hot summer?")
    words = [len(passage.text.split()) for passage in passages]
    read = next(
        number for number in range(1, len(words) + 1) if number == len(words) or sum(words[: number + 1]) > BUDGET
    )
    assert sum(words[:read]) <= BUDGET < sum(words)
    assert len({(passage.video_id, passage.start_s) for passage in passages}) == len(passages)


def test_no_sentence_is_in_two_passages(demo):
    passages = search_in(demo).passages(
        "slugs, compost, water, seeds, soil, beans and tomatoes in the garden", limit=1000
    )
    words = sum(len(passage.text.split()) for passage in passages)
    assert len(passages) > 40 and 2000 < words <= read_json(demo / INDEX / RECORD)["words"]


def test_a_limit_is_kept_and_the_best_come_first(demo):
    search = search_in(demo)
    three, many = (search.passages("seeds in spring", limit=limit) for limit in (3, 50))
    assert len(three) == 3 and many[:3] == three


def test_a_question_without_any_word_of_the_talks_finds_nothing(demo):
    assert search_in(demo).passages("cryptocurrency xylophone?") == []


def test_other_words_are_found_by_meaning(by_meaning):
    passages = by_meaning.passages("molluscs devouring my hostas overnight")
    assert passages[0].title == "Slugs and your fair share"


def test_talks_in_several_languages_are_searched_in_each(tmp_path):
    write_talks(
        tmp_path,
        [
            transcript("de_________", [[0.0, 5.0, "Die Tomaten gießt man morgens, nie am Abend."]], "Gießen", "de"),
            transcript("en_________", [[0.0, 5.0, "Water the tomatoes in the morning."]], "Water", "en"),
            transcript("fr_________", [[0.0, 5.0, "On arrose les tomates le matin."]], "Arroser", None),
        ],
    )
    index_talks(tmp_path)
    search = search_in(tmp_path)
    assert search.passages("Wann gieße ich?")[0].title == "Gießen"
    assert search.passages("when to water")[0].title == "Water"
