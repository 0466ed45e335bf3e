"""Check every question file that there is, and name the file and the slot of each mistake."""

from pathlib import Path

from understudy.shared.errors import InputFileError
from understudy.shared.files import read_json
from understudy.shared.log import log
from understudy.teach.question_list import mistakes_in


def check_questions(data: Path, slots: list[str]) -> None:
    """Raise InputFileError with all mistakes of all question files of the listed videos, a line each."""
    paths = [data / "questions" / f"{video['video_id']}.json" for video in read_json(data / "videos.json")]
    there = [path for path in paths if path.exists()]
    mistakes = [mistake for path in there for mistake in mistakes_in(path, slots)]
    if mistakes:
        raise InputFileError("\n".join([f"{len(mistakes)} mistakes in question files:", *mistakes]))
    log.info("%d question files are right, %d videos have none yet.", len(there), len(paths) - len(there))
