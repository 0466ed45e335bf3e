"""The data set's talks in blocks: one job each looks at its talks' files, and the data set's job at the blocks.

Which block a talk is in depends on its id alone, as long as the number of blocks stays, so that a new talk changes one block."""

import hashlib
import zlib
from collections.abc import Iterable
from pathlib import Path

from understudy.shared.files import read_json

TALKS_IN_A_BLOCK = 100


def block_names(video_ids: list[str]) -> list[str]:
    """Return the names of the blocks that have talks, e.g. 3-of-4; as many blocks as a power of two."""
    count = 1
    while count * TALKS_IN_A_BLOCK < len(video_ids):
        count *= 2
    return [f"{number}-of-{count}" for number in sorted({number_of_block(video_id, count) for video_id in video_ids})]


def number_of_block(video_id: str, count: int) -> int:
    """Return a number from 1 to `count`."""
    return zlib.crc32(video_id.encode()) % count + 1


def ids_of_block(name: str, video_ids: Iterable[str]) -> list[str]:
    """Return those of `video_ids` that are in the block, in their order."""
    number, count = map(int, name.split("-of-"))
    return [video_id for video_id in video_ids if number_of_block(video_id, count) == number]


def talks_with_their_files(
    answers: Iterable[str], questions: list[str], transcripts: list[str], **others: Iterable[str]
) -> list[dict]:
    """Return a record for each talk: video_id, answers, questions, transcript (paths), one sha256 of all these files; and of the
    `others`, by kind, the path of the talks that have one."""
    answers_of: dict[str, list[str]] = {}
    for path in answers:
        answers_of.setdefault(Path(path).parent.name, []).append(path)
    others_of = {kind: {Path(path).stem: path for path in paths} for kind, paths in others.items()}
    talks = []
    for question, transcript in zip(questions, transcripts, strict=True):
        video_id = Path(transcript).stem
        beside = {kind: paths[video_id] for kind, paths in others_of.items() if video_id in paths}
        files = [*answers_of[video_id], question, transcript, *beside.values()]
        talk = {"video_id": video_id, "answers": answers_of[video_id], "questions": question, "transcript": transcript}
        talks.append({**talk, **beside, "sha256": sha256_of_files(files)})
    return talks


def sha256_of_files(paths: Iterable[str]) -> str:
    """Return a hash of the files' own hashes, in hexadecimal."""
    digests = [hashlib.sha256(Path(path).read_bytes()).digest() for path in paths]
    return hashlib.sha256(b"".join(digests)).hexdigest()


def files_of_blocks(blocks: Iterable[str], videos: list[dict]) -> dict[str, list[str]]:
    """Return answers, questions, transcripts, reworded, grounded and reader (paths) of all talks of the block files, in the order
    of the list of videos."""
    talks = {talk["video_id"]: talk for path in blocks for talk in read_json(path)}
    listed = [talks[video["video_id"]] for video in videos if video["video_id"] in talks]
    return {
        "answers": [path for talk in listed for path in talk["answers"]],
        "questions": [talk["questions"] for talk in listed],
        "transcripts": [talk["transcript"] for talk in listed],
        **{kind: [talk[kind] for talk in listed if kind in talk] for kind in ("reworded", "grounded", "reader")},
    }
