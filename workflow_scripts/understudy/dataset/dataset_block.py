"""The files of a block of talks, each talk with a hash of what is in them."""

from understudy.shared.blocks import talks_with_their_files
from understudy.shared.files import write_json
from understudy.shared.log import log


def write_block(answers: list[str], questions: list[str], transcripts: list[str], path: str) -> None:
    """Write the block's record to `path`, from the paths of all files of its talks."""
    talks = talks_with_their_files(answers, questions, transcripts)
    write_json(path, talks)
    log.info("%s: %d talks.", path, len(talks))
