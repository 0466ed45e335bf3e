"""From answers to rows: nothing is dropped silently, and no talk is on both sides of the split."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from build_dataset import EmptySplitError, hand_written_pairs, held_out_videos, pairs_of_answers, without_repeats
from lib.errors import InputFileError
from lib.files import read_json, read_json_lines, write_json
from project import REPOSITORY
from write_review import review_page

VIDEOS = [
    {"video_id": "aaaaaaaaaaa", "title": "A", "source_file": "captions/A.srt"},
    {"video_id": "bbbbbbbbbbb", "title": "B", "source_file": None},
]
ANSWER = {
    "video_id": "aaaaaaaaaaa",
    "question": "Why?",
    "answer": "So.",
    "tags": [],
    "model": "m",
    "prompt_sha256": "0",
}


def answers(tmp_path, *statuses: str) -> list[str]:
    paths = [tmp_path / f"q{number:02d}.json" for number in range(1, len(statuses) + 1)]
    for path, status in zip(paths, statuses, strict=True):
        write_json(path, {**ANSWER, "slot": path.stem, "status": status})
    return paths


def lines(tmp_path, *rows) -> str:
    path = tmp_path / "extra.jsonl"
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))
    return str(path)


def test_each_used_slot_is_kept_or_rejected_with_its_reason(tmp_path):
    paths = answers(tmp_path, "ok", "unused", "refused", "truncated", "invalid")
    kept, rejected = pairs_of_answers(paths, {"aaaaaaaaaaa": "A"})
    assert [pair["slot"] for pair in kept] == ["q01"]
    assert [(pair["slot"], pair["reason"]) for pair in rejected] == [
        ("q03", "refused"),
        ("q04", "truncated"),
        ("q05", "invalid"),
    ]


def test_a_question_asked_twice_is_kept_once(tmp_path):
    first = {**ANSWER, "slot": "q01"}
    kept, rejected = without_repeats([first, {**first, "slot": "q02", "question": "why? "}])
    assert [pair["slot"] for pair in kept] == ["q01"]
    assert rejected[0]["reason"] == "same question as aaaaaaaaaaa q01"


def test_hand_written_pairs_go_to_their_talk(tmp_path):
    row = {"question": "Q?", "answer": "A."}
    path = lines(
        tmp_path,
        {**row, "source_file": "A.srt"},
        {**row, "video_id": "bbbbbbbbbbb"},
        row,
        {**row, "source_file": "gone.srt"},
    )
    kept, rejected = hand_written_pairs(path, VIDEOS)
    assert [pair["video_id"] for pair in kept] == ["aaaaaaaaaaa", "bbbbbbbbbbb", None]
    assert rejected[0]["reason"] == "its talk (gone.srt) is not in data/videos.json"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('{"question": ', "line 2: not JSON"),
        ({"question": "Q?"}, "line 2: `answer` is missing or empty"),
        ({"question": " ", "answer": "A."}, "line 2: `question` is missing or empty"),
        ({"question": "Q?", "answer": "A.", "tags": "x"}, "line 2: `tags` takes a list"),
        ([1], "line 2: it takes an object"),
    ],
)
def test_a_hand_written_pair_that_is_none_is_an_error_with_its_line(tmp_path, row, message):
    with pytest.raises(InputFileError, match=message):
        hand_written_pairs(lines(tmp_path, {"question": "Q?", "answer": "A."}, row), VIDEOS)


video_ids = st.sets(st.text("abcdefghijkABC-_", min_size=11, max_size=11), min_size=2, max_size=40)


@given(video_ids, st.floats(0.01, 0.5), st.integers(0, 1000))
def test_some_videos_are_held_out_and_some_are_not(ids, fraction, seed):
    held_out = held_out_videos(ids, fraction, seed)
    assert set() < held_out < ids
    newcomer = "zzzzzzzzzzz"
    moved = held_out ^ (held_out_videos(ids | {newcomer}, fraction, seed) - {newcomer})
    assert not moved or len(held_out) == 1 or len(ids - held_out) == 1


def test_one_video_is_no_split():
    with pytest.raises(EmptySplitError, match="1 video"):
        held_out_videos({"aaaaaaaaaaa"}, 0.2, 1)


def test_no_talk_is_on_both_sides(finished):
    pairs = [pair for _, pair in read_json_lines(finished / "data/dataset/pairs.jsonl")]
    sides = {}
    for pair in pairs:
        sides.setdefault(pair["video_id"], set()).add(pair["split"])
    assert all(len(side) == 1 for side in sides.values())
    rows = [row for _, row in read_json_lines(finished / "data/dataset/train.jsonl")]
    assert all(list(row) == ["messages"] for row in rows)
    assert [message["role"] for message in rows[0]["messages"]] == ["user", "assistant"]
    assert len(rows) == read_json(finished / "data/dataset/report.json")["rows"]["train"]


def test_the_demos_hand_written_pairs_all_name_a_talk_and_have_the_form():
    files = {path.name for path in (REPOSITORY / "demo/captions").iterdir()}
    videos = [{"video_id": name, "title": name, "source_file": name} for name in files]
    kept, rejected = hand_written_pairs(str(REPOSITORY / "demo/extra_pairs.jsonl"), videos)
    assert len(kept) >= 60
    assert not rejected
    assert {pair["video_id"] for pair in kept} == files
    assert all("**" in pair["answer"] and "\n- **" in pair["answer"] for pair in kept)


def test_the_review_page_shows_every_pair_and_nothing_breaks_out_of_it():
    pair = {**ANSWER, "slot": "q01", "title": "A\n# not a heading", "origin": "teacher", "split": "train"}
    page = review_page([pair, {**pair, "question": "<script>?", "answer": "# Loud\n\nText", "title": None}])
    assert page.count("\n### ") == 2
    assert "\n# not" not in page
    assert "\n# Loud" not in page
    assert "&lt;script>" in page
