"""The files of a block of talks, each talk with a hash of what is in them."""

from understudy.shared.blocks import talks_with_their_files
from understudy.shared.files import write_json
from understudy.shared.log import log


def write_block(files: dict[str, list[str]], path: str) -> None:
    """Write the block's record to `path`, from the paths of all files of its talks by kind."""
    talks = talks_with_their_files(**files)
    write_json(path, talks)
    log.info("%s: %d talks.", path, len(talks))
