"""Sentences of answers and their nearest places in the demo's talks: the goals on labels by people who saw no code, and answers
that are made to break it."""

import random
from collections import defaultdict

import pytest

from labelled_search import LABELS
from project import REPOSITORY
from talks_to_search import index_talks, search_in, transcript, write_talks
from understudy.passages.answers.details import details_of
from understudy.passages.answers.places import Places
from understudy.passages.answers.sentences import sentences_of
from understudy.shared.files import read_json, read_json_lines

# The share of sentences of each kind that have a place, and that have a mark: at least, and at most. docs/answering.md has them.
PLACES = {"true": (0.95, 1), "elsewhere": (0, 0.10), "manner": (0, 0)}
MARKS = {"true": (0, 0.07), "number": (0.81, 1), "time": (0.61, 1), "thing": (0.60, 1), "manner": (0, 0)}
MARKS_WITH_VECTORS = MARKS | {"number": (0.72, 1), "time": (0.53, 1)}
# With a missing place as a mark, too.
EITHER = {"true": (0, 0.10), "number": (0.90, 1), "time": (0.84, 1), "thing": (0.80, 1), "manner": (0, 0.25)}
LANGUAGES = sorted((REPOSITORY / "tests/labelled/languages").glob("*.json"))


@pytest.fixture(scope="module")
def places(by_words):
    return Places(by_words)


def measured(places: Places) -> list[dict[str, float]]:
    """For each kind of labelled sentences the share with a place, with a mark, and with a mark or no place."""
    found = defaultdict(list)
    for _, row in read_json_lines(LABELS / "sentences.jsonl"):
        checked = places.of(row["text"])
        assert all(row["text"][mark.start : mark.end] == mark.text for mark in checked.marks)
        has_place, has_mark = checked.place is not None, bool(checked.marks)
        found[row["kind"]].append((has_place, has_mark, has_mark or (checked.claims and not has_place)))
    return [{kind: sum(row[column] for row in rows) / len(rows) for kind, rows in found.items()} for column in range(3)]


def out_of_bounds(shares: dict[str, float], bounds: dict[str, tuple[float, float]]) -> dict[str, float]:
    return {kind: shares[kind] for kind, (least, most) in bounds.items() if not least <= shares[kind] <= most}


def test_true_sentences_have_a_place_and_wrong_details_a_mark_by_words(places):
    placed, marked, either = measured(places)
    assert out_of_bounds(placed, PLACES) == {}
    assert out_of_bounds(marked, MARKS) == {}
    assert out_of_bounds(either, EITHER) == {}


def test_true_sentences_have_a_place_and_wrong_details_a_mark_with_vectors(by_meaning):
    placed, marked, either = measured(Places(by_meaning))
    assert out_of_bounds(placed, PLACES | {"elsewhere": (0, 0.07)}) == {}
    assert out_of_bounds(marked, MARKS_WITH_VECTORS) == {}
    assert out_of_bounds(either, EITHER) == {}


def test_a_place_lies_within_15_seconds_of_the_fact(demo, places):
    """Of the sentences whose fact one of the labelled questions has with its seconds."""
    facts = {row["id"]: row for _, row in read_json_lines(LABELS / "questions.jsonl")}
    rows = [row for _, row in read_json_lines(LABELS / "sentences.jsonl") if row["kind"] == "true"]
    rows = [row for row in rows if row["id"].rstrip("+") in facts]
    near = 0
    for row in rows:
        place, fact = places.of(row["text"]).place, facts[row["id"].rstrip("+")]
        near += place is not None and any(
            place.source_file.endswith(source["file"])
            and source["start_s"] - 15 <= place.start_s <= source["end_s"] + 15
            for source in [*fact["sources"], *fact.get("also", [])]
        )
    assert near >= 0.8 * len(rows) > 16


def test_talks_of_shuffled_words_have_few_places(demo, places, tmp_path):
    """The same words in another order: most of a place comes from what stands together. More than half of the sentences would
    have one by the field's words alone: a place is no proof."""
    transcripts = [read_json(path) for path in sorted((demo / "data/transcripts").glob("*.json"))]
    words = [word for record in transcripts for _, _, text in record["segments"] for word in text.split()]
    random.Random(1).shuffle(words)
    left = iter(words)
    for record in transcripts:
        for segment in record["segments"]:
            segment[2] = " ".join(next(left) for _ in segment[2].split())
    write_talks(tmp_path, transcripts)
    index_talks(tmp_path)
    placed, _, _ = measured(Places(search_in(tmp_path)))
    assert placed["true"] < 0.65


# One talk of two places, for what is checked in a place.
SEGMENTS = [
    [10.0, 5.0, "Plant the garlic cloves in October, five centimetres deep and fifteen apart."],
    [15.0, 6.0, "Cover the bed with two fingers of straw in the evening."],
    [100.0, 5.0, "Rhubarb wants a barrow of manure and twenty-four litres of water, every two weeks."],
    [105.0, 6.0, "Pull the rhubarb stalks from April to June, never cut the rhubarb."],
]


@pytest.fixture(scope="module")
def garlic(tmp_path_factory):
    folder = tmp_path_factory.mktemp("garlic")
    write_talks(folder, [transcript("garlic-----", SEGMENTS, "Two beds")])
    index_talks(folder)
    return search_in(folder)


def marks_of(search, sentence: str) -> list[tuple[str, str]]:
    checked = Places(search).of(sentence)
    assert checked.place is not None
    return [(mark.kind, mark.text) for mark in checked.marks]


@pytest.mark.parametrize(
    ("sentence", "marks"),
    [
        ("Plant garlic cloves 5 cm deep in October.", []),
        ("Plant garlic cloves 50 mm deep in October.", []),
        ("Plant garlic cloves 5-7 cm deep in October.", [("number", "7 cm")]),
        ("Plant garlic cloves 5 inches deep in October.", [("number", "5 inches")]),
        ("Plant garlic cloves ½ cm deep, 15 apart.", [("number", "½ cm")]),
        ("Plant garlic cloves 5 cm deep and 1,5 m apart.", [("number", "1,5 m")]),
        ("Plant the garlic cloves **six centimetres** deep.", [("number", "six centimetres")]),
        ("Plant your garlic cloves in November, 5 cm deep.", [("time", "November")]),
        ("Plant your garlic cloves in autumn, 5 cm deep.", []),
        ("You may plant garlic cloves 5 cm deep.", []),
        ("- *Cover* the garlic bed with straw in the morning.", [("time", "morning")]),
        ("Cover the garlic bed with straw at dusk.", []),
        ("Pull the rhubarb stalks in the evening.", []),
        ("Pull the rhubarb stalks in winter, never cut the rhubarb.", [("time", "winter")]),
        ("Cover the garlic cloves with a bed of rhubarb, 5 cm deep.", [("thing", "rhubarb")]),
        ("Plant garlic cloves 5 cm deep, as Monty Don does.", [("name", "Monty"), ("name", "Don")]),
        ("Rhubarb wants a barrow of manure and 24 l of water every fortnight.", []),
        ("Rhubarb wants a barrow of manure every 14 days.", []),
    ],
)
def test_what_the_place_lacks_is_marked(garlic, sentence, marks):
    assert marks_of(garlic, sentence) == marks


@pytest.mark.parametrize(
    "sentence",
    [
        "",
        "   ",
        "**",
        "Good morning to you!",
        "I hope that helps.",
        "How deep do you plant your garlic cloves?",
        "Wie geht es Ihnen？",
        "Let me answer your two questions in turn.",
    ],
)
def test_what_claims_nothing_has_neither_place_nor_mark(garlic, sentence):
    checked = Places(garlic).of(sentence)
    assert (checked.text, checked.claims, checked.place, checked.marks) == (sentence, False, None, ())


def test_what_no_talk_has_has_no_place_and_no_marks(garlic):
    checked = Places(garlic).of("Bake the sourdough loaf at 230 degrees in December, says Alice.")
    assert (checked.claims, checked.place, checked.marks) == (True, None, ())


def test_a_place_has_its_own_second(garlic):
    place = Places(garlic).of("Pull the rhubarb stalks from April to June.").place
    assert (
        place.start_s == 105.0 and place.text == SEGMENTS[3][2] and place.link == "https://youtu.be/garlic-----?t=105"
    )


def test_the_given_passages_come_before_the_index(tmp_path):
    """Two talks say nearly the same; the worse one was given."""
    better = transcript(
        "better-----", [[5.0, 9.0, "Plant the garlic cloves in October, five centimetres deep."]], "Better"
    )
    given = transcript(
        "given------", [[5.0, 9.0, "The garlic cloves go in deep, six centimetres is my depth."]], "Given"
    )
    write_talks(tmp_path, [better, given])
    index_talks(tmp_path)
    search = search_in(tmp_path)
    passages = [passage for passage in search.passages("garlic depth") if passage.title == "Given"]
    sentence = "Plant garlic cloves 5 centimetres deep in October."
    assert Places(search).of(sentence).place.title == "Better"
    checked = Places(search).of(sentence, passages)
    assert checked.place.title == "Given" and [mark.text for mark in checked.marks] == ["5 centimetres", "October"]
    elsewhere = Places(search).of("Plant the five cloves in October.", passages)
    assert elsewhere.place is None or elsewhere.place.title == "Better"


def test_talks_without_times_have_places(tmp_path):
    texts = ["Plant the garlic cloves in October, five centimetres deep.", "Rhubarb wants a barrow of manure."]
    write_talks(tmp_path, [transcript("no-times---", [[None, None, text] for text in texts], "Plain")])
    index_talks(tmp_path)
    search = search_in(tmp_path)
    for passages in ([], search.passages("garlic")):
        checked = Places(search).of("Garlic cloves are planted 6 cm deep in October.", passages)
        assert checked.place.start_s is None and checked.place.text == texts[0]
        assert [mark.text for mark in checked.marks] == ["6 cm"]


@pytest.mark.hostile
@pytest.mark.parametrize(
    "sentence",
    [
        '"garlic" OR NEAR(rhubarb) * AND "',
        "garlic\x00rhubarb\x1b[31m cloves straw \ud800 bed",
        "garlic cloves " * 5_000,
        "9" * 5_000 + " garlic cloves in the bed",
        "5 M\u0130NUTE of GARL\u0130C cloves, \u017fix \u212aG, 5 K\u0131lo in the bed",
        "1/0 garlic cloves, 7:99:1 in the bed, 1.2.3.4, 1,2,3 ½½ ²³ ① 〇一二 \u066b\u066b",
        "hundred " * 500 + "garlic cloves",
        "_" * 20_000 + "garlic" + "[" * 20_000,
        "\U0001d7d3 cm garlic cloves, \uff15 \uff43\uff4d",
    ],
)
def test_an_answer_made_to_break_it_is_checked_all_the_same(garlic, sentence):
    checked = Places(garlic).of(sentence)
    assert checked.text == sentence
    assert all(sentence[mark.start : mark.end] == mark.text for mark in checked.marks)


@pytest.mark.hostile
def test_a_passage_that_is_not_in_the_index_is_no_place(garlic):
    passage = garlic.passages("garlic")[0]
    forged = passage.__class__(**{**passage.__dict__, "video_id": "' OR 1=1 --", "text": "Aphids love jam."})
    checked = Places(garlic).of("Aphids love strawberry jam with mustard.", [forged])
    assert checked.place is None


def test_an_index_without_talks_has_no_places(tmp_path):
    write_talks(tmp_path, [])
    index_talks(tmp_path)
    assert Places(search_in(tmp_path)).of("Plant the garlic cloves 5 cm deep.").place is None


@pytest.mark.parametrize("path", LANGUAGES, ids=lambda path: path.stem)
def test_what_a_talk_says_has_its_place_in_each_language(tmp_path, path):
    """Said word for word it has no mark; with another number, one for it."""
    labels = read_json(path)
    talks = [
        transcript(f"talk-{number:06}", [[0.0, 30.0, text]], "", labels["language"])
        for number, text in enumerate(labels["passages"])
    ]
    write_talks(tmp_path, talks)
    index_talks(tmp_path)
    places = Places(search_in(tmp_path))
    details = details_of(labels["language"])
    numbers = 0
    for talk in talks:
        claiming = [checked for sentence in sentences_of(talk["text"]) if (checked := places.of(sentence)).claims]
        assert claiming
        for checked in claiming:
            assert checked.place is not None and checked.place.video_id == talk["video_id"]
            assert checked.marks == ()
        for sentence in sentences_of(talk["text"]):
            # Many times what a word for a number says isn't said anywhere.
            for quantity in [one for one in details.quantities_in(sentence) if one.is_telling][:1]:
                changed = f"{sentence[: quantity.start]}7777 {sentence[quantity.end :]}"
                marked = places.of(changed)
                assert (
                    marked.place is None or [mark.text.strip() for mark in marked.marks if mark.kind == "number"] != []
                )
                numbers += 1
    assert numbers


@pytest.mark.parametrize(
    ("language", "text", "quantities", "times"),
    [
        ("en", "two hundred and fifty grams, twice a week", [(250.0, "g"), (2.0, None)], []),
        (
            "en",
            "one or two litres, 15 to 18 degrees, 1½ cups",
            [(1, "l"), (2, "l"), (15, "degree"), (18, "degree"), (1.5, "cup")],
            [],
        ),
        (
            "en",
            "beans three years, lettuce 7; two of us, 8 is best",
            [(3, "year"), (7, "year"), (2, None), (8, None)],
            [],
        ),
        ("de", "Bohnen halten drei Jahre, Salat sieben.", [(3, "year"), (7, "year")], []),
        ("en", "2 lbs of manure, 3oz, 6 ft, ½ tsp", [(2, "pound"), (3, "ounce"), (6, "foot"), (0.5, "teaspoon")], []),
        ("de", "2 EL Mehl und 1 TL Salz", [(2, "tablespoon"), (1, "teaspoon")], []),
        ("fr", "les pois trois ans, la laitue 7", [(3, "year"), (7, "year")], []),
        ("en", "I dug in 5 kilos in 2019.", [(5, "kg"), (2019, None)], []),
        ("zh", "豆子三年，生菜7。", [(3, "year"), (7, "year")], []),
        ("en", "half a litre, two and a half hours, 3D", [(0.5, "l"), (2.5, "hour")], []),
        ("en", "5 CM, 5 Min, 30 °C, 10 m² of MAY", [(5, "cm"), (5, "minute"), (30, "degree"), (10, "m")], ["MAY"]),
        ("de", "Dreißig Zentimeter und 10 Fuß", [(30.0, "cm"), (10.0, "foot")], []),
        ("de", "zweieinhalb Liter im Mai, vierundzwanzig Stunden", [(2.5, "l"), (24.0, "hour")], ["Mai"]),
        ("fr", "deux heures et demie, l’après-midi en août", [(2.5, "hour")], ["après-midi", "août"]),
        ("es", "veinticinco grados por la mañana", [(25.0, "degree")], ["mañana"]),
        ("ru", "двадцать пять градусов, две недели, в мае", [(25.0, "degree"), (2.0, "week")], ["мае"]),
        ("ja", "2週間、三センチの深さ、五月の朝、一番大事", [(2.0, "week"), (3.0, "cm")], ["五月", "朝"]),
        ("zh", "两周，三厘米深", [(2.0, "week"), (3.0, "cm")], []),
        ("ko", "두 시간, 3월 아침에", [(2.0, "hour")], ["3월", "아침"]),
        ("ar", "٢.٣ لتر في الصباح", [(2.3, "l")], ["الصباح"]),
        ("hi", "१५ सेंटीमीटर, दो दिन, सुबह", [(15.0, "cm"), (2.0, "day")], ["सुबह"]),
        # Numbers above a hundred, written together or apart, and parts.
        ("en", "a hundred and twenty days, two hundred tenants", [(120, "day"), (200, None)], []),
        ("en", "two thousand five hundred litres in ten days", [(2500, "l"), (10, "day")], []),
        ("en", "one half inch, two-and-a-half hours, 1 1/2 cups", [(0.5, "inch"), (2.5, "hour"), (1.5, "cup")], []),
        ("de", "zweihundert Gramm, hundertzwanzig Tage", [(200, "g"), (120, "day")], []),
        ("de", "einen halben Meter, eine Stunde", [(0.5, "m"), (1, "hour")], []),
        ("fr", "cent vingt jours, à 7h30 ou 8 h 15", [(120, "day"), (7.5, None), (8.25, None)], []),
        ("es", "doscientos cincuenta gramos, cien días", [(250, "g"), (100, "day")], []),
        ("pt", "mil e quinhentos litros", [(1500, "l")], []),
        ("it", "duecentocinquanta grammi", [(250, "g")], []),
        ("nl", "tweehonderd gram, honderdtwintig dagen", [(200, "g"), (120, "day")], []),
        ("ru", "двести пятьдесят граммов, 2,5 см", [(250, "g"), (2.5, "cm")], []),
        ("ko", "백이십 일, 이백 그램", [(120, "day"), (200, "g")], []),
        ("ja", "二百五十グラム、二時間半", [(250, "g"), (2.5, "hour")], []),
        ("zh", "一百二十天，两个半小时，三个星期", [(120, "day"), (2.5, "hour"), (3, "week")], []),
        ("ar", "خمسة وعشرون يومًا، ثلاث سنوات، ٢ سم", [(25, "day"), (3, "year"), (2, "cm")], []),
        # Digits in all their forms: dates, lists, thousands, times, decades.
        ("en", "3,5,7 days; 03.05.2019", [(3, None), (5, None), (7, "day"), (3, None), (5, None), (2019, None)], []),
        ("en", "10 000 seeds, 1000 g, 1,234.5 kg, .5 l", [(10000, None), (1000, "g"), (1234.5, "kg"), (0.5, "l")], []),
        (
            "en",
            "at 7:30, 4pm, in the 1990s, 2 h 30 min",
            [(7.5, None), (4, None), (1990, None), (2, "hour"), (30, "minute")],
            [],
        ),
        ("xx", "5 cm, due, in May", [(5.0, "cm")], []),
    ],
)
def test_numbers_and_times_are_read_in_many_languages(language, text, quantities, times):
    details = details_of(language)
    assert [(one.values[0], one.unit) for one in details.quantities_in(text)] == quantities
    assert [text[when.start : when.end] for when in details.times_in(text)] == times
