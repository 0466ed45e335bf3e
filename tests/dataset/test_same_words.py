"""A second upload of a talk, and a Short that was cut from it, are one talk for the split."""

from random import Random

import pytest

from dataset_records import built, good_records
from understudy.dataset import dataset
from understudy.dataset.same_words import lost_to_held_out, split_of_talks, talks_of_the_same_words
from understudy.dataset.split import split_of_videos

FRACTIONS = {"valid": 0.3, "test": 0.0}


def talk(seed: int, words: int = 600) -> list[str]:
    random = Random(seed)
    return ["".join(random.choices("abcdefghij", k=random.randint(2, 7))) for _ in range(words)]


def records(**talks: list[str]) -> list[dict]:
    return [{"video_id": video, "text": " ".join(words)} for video, words in talks.items()]


def heard_again(words: list[str]) -> list[str]:
    """As speech recognition hears the same talk another time: every twentieth word is another one."""
    random = Random(0)
    return [word if random.random() > 0.05 else "uh" for word in words]


def test_copies_and_parts_are_found_and_greetings_are_not():
    one, other = talk(1), talk(2)
    greeting, sponsor = talk(3, 40), talk(4, 80)
    found = talks_of_the_same_words(
        records(
            a=greeting + one,
            again=[*heard_again(greeting + one)],
            short=one[300:380],
            b=greeting + other + sponsor,
            best_of=talk(5, 900) + other[100:250] + talk(6, 900),
            c=greeting + talk(7) + sponsor,
            silence=["thank", "you"],
            nothing=[],
        )
    )
    assert found == [["a", "again", "short"], ["b", "best_of"]]
    assert talks_of_the_same_words([]) == talks_of_the_same_words(records(a=one)) == []


def test_a_group_is_on_one_side_and_without_groups_the_split_is_as_it_was():
    rows = {f"video{number}": 5 + number % 3 for number in range(12)}
    groups = [["video1", "video4", "video7"], ["video2", "video3"]]
    for seed in range(30):
        assert split_of_talks(rows, seed, FRACTIONS, {}, []) == split_of_videos(rows, seed, FRACTIONS, {})
        sides = split_of_talks(rows, seed, FRACTIONS, {}, groups)
        assert sides.keys() == rows.keys()
        assert all(len({sides[video] for video in group}) == 1 for group in groups)
        assert lost_to_held_out(groups, sides, rows) == {}


@pytest.mark.parametrize("side", ["train", "valid"])
def test_a_late_copy_joins_the_side_of_its_talk(side):
    rows = {"a": 5, "b": 5, "c": 5, "late": 5}
    remembered = {"a": side, "b": "train", "c": "valid"}
    sides = split_of_talks(rows, 42, FRACTIONS, remembered, [["a", "late"]])
    assert sides == {**remembered, "late": side}


def test_where_both_sides_have_it_training_loses_it():
    rows = {"a": 5, "copy": 5, "b": 5, "c": 5, "late": 5}
    remembered = {"a": "train", "copy": "valid", "b": "train", "c": "valid"}
    groups = [["a", "copy", "late"]]
    sides = split_of_talks(rows, 42, FRACTIONS, remembered, groups)
    assert sides == {**remembered, "late": "valid"}
    assert lost_to_held_out(groups, sides, rows) == {"a": "copy"}
    assert lost_to_held_out(groups, sides, {**rows, "copy": 0, "late": 0}) == {}


def test_the_data_set_keeps_them_together_and_reports_them(tmp_path, tiny_base, monkeypatch):
    pairs = good_records()
    videos = sorted({pair["video_id"] for pair in pairs})
    monkeypatch.setattr(dataset, "talks_of_the_same_words", lambda transcripts: [videos[:2]])
    kept, _, report = built(tmp_path, tiny_base, pairs, {"valid_fraction": 0.5})
    assert report["same_words"] == [videos[:2]]
    assert len({pair["split"] for pair in kept if pair["video_id"] in videos[:2]}) == 1


def test_training_loses_a_talk_that_is_held_out_under_another_id(tmp_path, tiny_base, monkeypatch):
    pairs = good_records()
    videos = sorted({pair["video_id"] for pair in pairs})
    sides = dict(zip(videos, ("train", "valid", "train"), strict=True))
    monkeypatch.setattr(dataset, "talks_of_the_same_words", lambda transcripts: [videos[:2]])
    monkeypatch.setattr(dataset, "remembered_sides", lambda *_: sides)
    kept, rejected, _ = built(tmp_path, tiny_base, pairs)
    assert {pair["video_id"] for pair in rejected if pair["verdict"] == "leak"} == {videos[0]}
    assert {pair["video_id"]: pair["split"] for pair in kept} == {
        video: side for video, side in sides.items() if video != videos[0]
    }
