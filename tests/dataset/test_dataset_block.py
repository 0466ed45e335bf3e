"""The data set's talks in blocks, so that Snakemake's jobs have few inputs."""

from pathlib import Path

import pytest

from project import Project
from understudy.shared.blocks import (
    TALKS_IN_A_BLOCK,
    block_names,
    files_of_blocks,
    ids_of_block,
    talks_with_their_files,
)
from understudy.shared.files import read_json, write_json

IDS = [f"{number:07x}-_Az" for number in range(5000)]


@pytest.mark.parametrize("count", [1, TALKS_IN_A_BLOCK, TALKS_IN_A_BLOCK + 1, 5000])
def test_every_talk_is_in_one_block_of_bearable_size(count):
    blocks = [ids_of_block(name, IDS[:count]) for name in block_names(IDS[:count])]
    assert sorted(video_id for ids in blocks for video_id in ids) == sorted(IDS[:count])
    assert all(0 < len(ids) < 1.6 * TALKS_IN_A_BLOCK for ids in blocks)


def test_no_talks_have_no_block():
    assert block_names([]) == []


def test_one_more_talk_changes_one_block():
    before, after = IDS[:4000], ["a-new-vide0", *IDS[:4000]]
    assert block_names(before) == block_names(after)
    changed = [name for name in block_names(after) if ids_of_block(name, before) != ids_of_block(name, after)]
    assert len(changed) == 1


def write_files_of_talks(folder: Path, ids: list[str]) -> dict[str, list[str]]:
    """One question file, one transcript, one file with reworded questions and two answers of each talk; their paths."""
    paths = {"answers": [], "questions": [], "transcripts": [], "reworded": [], "grounded": [], "reader": []}
    for video_id in ids:
        for kind, name in (
            ("answers", f"answers/{video_id}/q01.json"),
            ("answers", f"answers/{video_id}/q02.json"),
            ("questions", f"questions/{video_id}.json"),
            ("transcripts", f"transcripts/{video_id}.json"),
            ("reworded", f"reworded/{video_id}.json"),
        ):
            write_json(folder / name, name)
            paths[kind].append(str(folder / name))
    return paths


def test_the_files_come_back_in_the_order_of_the_list(tmp_path):
    ids = IDS[:300]
    blocks = []
    for name in block_names(ids):
        paths = write_files_of_talks(tmp_path, ids_of_block(name, ids))
        blocks.append(tmp_path / f"{name}.json")
        write_json(blocks[-1], talks_with_their_files(**paths))
    assert len(blocks) == 4
    listed = [{"video_id": video_id} for video_id in [*ids, "not-yet-her"]]
    assert files_of_blocks(blocks, listed) == write_files_of_talks(tmp_path, ids)


def test_a_block_changes_with_any_of_its_files(tmp_path):
    paths = write_files_of_talks(tmp_path, IDS[:2])
    before = talks_with_their_files(**paths)
    assert before == talks_with_their_files(**paths)
    for path in (path for kind in paths.values() for path in kind):
        text = Path(path).read_text()
        Path(path).write_text(text + " ")
        changed = [new != old for new, old in zip(talks_with_their_files(**paths), before, strict=True)]
        assert changed == [video_id in path for video_id in IDS[:2]]
        Path(path).write_text(text)


def test_what_no_talk_has_is_not_in_the_record(tmp_path):
    """So that the data set of a project without it is not made anew."""
    paths = write_files_of_talks(tmp_path, IDS[:2]) | {"reworded": []}
    (one, _) = talks_with_their_files(**paths)
    assert list(one) == ["video_id", "answers", "questions", "transcript", "sha256"]


def test_an_answer_that_a_person_changed_reaches_the_data_set(project: Project):
    path = project / f"data/answers/{project.video_ids()['beans']}/q01.json"
    record = read_json(path)
    write_json(path, {**record, "answer": f"{record['answer']} Give each a stake before June."})
    planned = project.planned("data/dataset/train.jsonl")
    assert planned["dataset_block"] == 1 and "answers" not in planned
    project.snakemake("data/dataset/train.jsonl")
    assert "a stake before June" in (project / "data/dataset/pairs.jsonl").read_text()
    assert project.planned("data/dataset/train.jsonl") == {}
