"""Interviews in the index: passages and places are the teacher's, and name who speaks."""

import pytest

from understudy.passages.answers.places import Places
from understudy.passages.answers.strict import strict_answer
from understudy.passages.evidence import evidence
from understudy.passages.filling import search_in_memory
from understudy.passages.frame import framed
from understudy.source.selection import video_record
from understudy.text.transcripts import Reading

TURNS = (
    ("Anna", "Welcome to the garden hour on the radio."),
    ("Anna", "How many litres of water do tomatoes want in the summer heat?"),
    ("Ben", "Ten of them a week, early, and never over the leaves."),
    ("Anna", "My uncle gives his tomatoes ninety litres of lemonade with a copper nail in the stem."),
    ("Ben", "Let us talk about compost instead, which needs air and a fork once a month."),
    ("Ben", "Turn the heap with the fork, and keep citrus peel out of it."),
)


def transcript(turns=TURNS, video_id: str = "aaaaaaaaaaa") -> dict:
    segments = [[4.0 * n, 4.0, text, *([name] if name else [])] for n, (name, text) in enumerate(turns)]
    text = " ".join(text for _, text in turns)
    return {
        "video_id": video_id,
        "title": "Radio",
        "status": "ok",
        "language": "en",
        "segments": segments,
        "text": text,
    }


@pytest.fixture
def search():
    talk = Reading(speaker="ben").applied(transcript())
    opened = search_in_memory([(talk, video_record("aaaaaaaaaaa", "Radio"))])
    yield opened
    opened.store.connection.close()


def test_passages_are_the_teacher_s_and_a_question_of_the_host_leads_to_the_reply(search):
    passages = search.passages("How much water do tomatoes want in summer?")
    assert passages and all(passage.speaker == "Ben" for passage in passages)
    assert passages[0].text.startswith("Ten of them a week") and passages[0].heading() == "Radio, 0:08, Ben"


def test_what_another_says_is_found_for_people_alone_and_as_another_s(search):
    question = "ninety litres lemonade copper nail"
    assert not any("lemonade" in passage.text for passage in search.passages(question))
    (first, *_) = search.passages(question, with_others=True)
    assert "lemonade" in first.text and first.heading() == "Radio, 0:12, Anna (not the teacher)"
    assert first.as_record()["is_others"] is True


def test_a_strict_answer_has_no_word_of_another(search):
    for question in (
        "lemonade copper nail stem",
        "How much water do tomatoes want?",
        "compost fork",
        "uncle lemonade tomatoes",
    ):
        said = strict_answer(search, question, search.passages(question))
        assert not any(word in text for text, _ in said for word in ("lemonade", "Welcome", "How many"))
        assert all(place.speaker == "Ben" for _, place in said)


def test_a_claim_of_another_has_no_place(search):
    places = Places(search)
    claimed = places.of("Give tomatoes ninety litres of lemonade with a copper nail in the stem.")
    assert claimed.place is None or claimed.place.speaker == "Ben"
    assert claimed.place is None or "ninety litres" in {mark.text for mark in claimed.marks}
    said = places.of("Turn the compost heap with a fork once a month, and keep citrus peel out of it.")
    assert said.place.speaker == "Ben" and "citrus peel" in said.place.text


def test_a_label_is_no_part_of_a_prompt(search):
    passages = search.passages("How much water do tomatoes want in summer?")
    assert "Ben" not in framed("How much?", passages)


def test_an_index_without_labels_is_as_it_always_was():
    plain = transcript([(None, text) for _, text in TURNS])
    opened = search_in_memory([(Reading(speaker="ben").applied(plain), video_record("aaaaaaaaaaa", "Radio"))])
    tables = {name for (name,) in opened.store.rows("SELECT name FROM sqlite_master")}
    passages = opened.passages("lemonade copper nail")
    opened.store.connection.close()
    assert "turns" not in tables
    assert passages[0].speaker is None and passages[0].heading() == f"Radio, {passages[0].heading().split(', ')[1]}"
    assert "speaker" not in passages[0].as_record()


def test_what_another_claims_is_no_evidence_for_the_gate(search):
    claimed, said, asked = evidence(
        search,
        ["lemonade with a copper nail in the stem", "compost needs air and a fork", "water for tomatoes in summer"],
    )
    assert claimed.covered < 0.25 and claimed.meets < 1
    assert said.covered == 1 and said.meets > 1.5
    assert asked.covered > 0.6, "what the host asks leads to the reply"


def test_a_unit_that_is_another_s_is_not_the_nearest(search):
    turns = (*[("Anna", "My uncle gives his tomatoes ninety litres of lemonade every single day.")] * 20, *TURNS[4:])
    talk = Reading(speaker="ben").applied(transcript(turns))
    opened = search_in_memory([(talk, video_record("aaaaaaaaaaa", "Radio"))])
    units = [unit for (unit,) in opened.store.rows("SELECT id FROM units ORDER BY id")]
    others = opened._units_of_others().tolist()
    opened.store.connection.close()
    assert units[0] in others and len(others) < len(units)
    assert search._units_of_others().tolist() == []
