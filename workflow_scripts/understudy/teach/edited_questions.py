"""Question files are written by the teacher model, but a person may change them: such a change is never lost."""

import hashlib
import json
import shutil
import time
from pathlib import Path

from understudy.shared.errors import InputFileError
from understudy.shared.files import read_json
from understudy.shared.log import log


def questions_sha256(questions: list[dict]) -> str:
    """The sha256 of the questions of a file, whatever its layout."""
    return hashlib.sha256(json.dumps(questions, sort_keys=True).encode()).hexdigest()


def was_edited(path: str | Path) -> bool:
    """Whether the questions of a file are not those that were written to it. A file that can't be read counts as edited."""
    try:
        record = read_json(path)
        return record.get("written_sha256") != questions_sha256(record["questions"])
    except (InputFileError, KeyError, TypeError, AttributeError):
        return True


def keep_edited_questions(data: Path) -> list[Path]:
    """Copy each question file that a person changed to questions_edited/, and return the new copies.

    For the start of a run: Snakemake deletes a file before the job that writes it anew."""
    kept = []
    for path in sorted((data / "questions").glob("*.json")):
        copy = kept_copy(path)
        if was_edited(path) and not (copy.exists() and copy.read_bytes() == path.read_bytes()):
            copy.parent.mkdir(parents=True, exist_ok=True)
            if copy.exists():
                copy.replace(copy.with_suffix(time.strftime(".%Y%m%d-%H%M%S.json")))
            shutil.copyfile(path, copy)
            kept.append(copy)
    return kept


def kept_copy(path: str | Path) -> Path:
    """Where the version of a question file that a person changed is kept."""
    return Path(path).parent.with_name("questions_edited") / Path(path).name


def warn_of_kept_copy(path: str | Path) -> None:
    """Say where the version of a person is, when a question file is written anew."""
    copy = kept_copy(path)
    if copy.exists():
        log.warning(
            "%s was changed by hand, and is written anew because its prompt, its transcript or a setting has changed. "
            "Your version is kept in %s; copy it back to use it.",
            path,
            copy,
        )
