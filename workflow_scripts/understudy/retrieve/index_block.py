"""A block of talks for the index: each transcript with a hash of what is in it."""

from pathlib import Path

from understudy.shared.files import file_sha256, write_json
from understudy.shared.log import log


def write_block(transcripts: list[str], path: str) -> None:
    """Write the block's record to `path`: video_id, transcript (a path) and sha256 of each."""
    talks = [
        {"video_id": Path(transcript).stem, "transcript": transcript, "sha256": file_sha256(transcript)}
        for transcript in transcripts
    ]
    write_json(path, talks)
    log.info("%s: %d talks.", path, len(talks))
