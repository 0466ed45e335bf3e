"""By words alone the right passage comes first, in 13 languages: tests/labelled/languages, by writers who saw no code. A question
shares at most one content word with its passage."""

import pytest

from project import REPOSITORY
from talks_to_search import index_talks, search_in, transcript, write_talks
from understudy.shared.files import read_json

LABELS = sorted((REPOSITORY / "tests/labelled/languages").glob("*.json"))


def first_right(folder, labels: dict) -> int:
    """How many questions' first passage is of their talk; each passage is a talk of its own."""
    ids = [f"talk-{number:06}" for number in range(len(labels["passages"]))]
    talks = zip(ids, labels["passages"], strict=True)
    write_talks(folder, [transcript(name, [[0.0, 30.0, text]], "", labels["language"]) for name, text in talks])
    index_talks(folder)
    search = search_in(folder)
    found = [search.passages(row["question"]) for row in labels["questions"]]
    return sum(
        bool(passages) and passages[0].video_id == ids[row["passage"]]
        for row, passages in zip(labels["questions"], found, strict=True)
    )


# Of ten; seven are the goal. docs/answering.md has them, too.
FIRST = {
    "en": 8,
    "de": 7,
    "es": 6,
    "fr": 9,
    "it": 7,
    "pt": 6,
    "nl": 6,
    "ja": 7,
    "zh": 7,
    "ko": 4,
    "ar": 6,
    "hi": 6,
    "ru": 7,
}


@pytest.mark.parametrize("path", LABELS, ids=lambda path: path.stem)
def test_the_right_passage_is_first_as_often_as_the_page_says(tmp_path, path):
    assert first_right(tmp_path, read_json(path)) == FIRST[path.stem]


def test_all_languages_are_there():
    assert {path.stem for path in LABELS} == {
        *["ar", "de", "en", "es", "fr", "hi", "it", "ja", "ko", "nl", "pt", "ru", "zh"]
    }
