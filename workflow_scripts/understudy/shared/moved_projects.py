"""A project that was moved or copied, or whose checkout was, has nothing to do.

Snakemake 9.27 records prompts and general questions by their path from the project, and takes another path for another
file. Where it has no record, and for large files, it goes by times: the prompts of a fresh checkout are newer than every
answer, and the times in a copy are often those of the copying.

Here an input that every checkout has is compared by name and content, wherever it lies and however an older record spells
it; without a record, questions and answers say themselves by which prompt they were written. In a copy that has not kept
its times, a time from before its first start tells nothing."""

import os
import time
from functools import lru_cache
from pathlib import Path

from snakemake.io import _IOFile
from snakemake.persistence import PersistenceBase

from understudy.shared.errors import InputFileError
from understudy.shared.files import read_json, write_json
from understudy.shared.run import STARTED_FILE, run_started

COPIED = Path("data/copied.json")
# A run gives the file with its start the time of its start.
TIMES_WERE_KEPT_WITHIN_S = 3.0
SAME = "understudy:same"


def moving_is_no_reason_to_run() -> None:
    """Have this process's Snakemake treat moved projects so."""
    if PersistenceBase.input is not _recorded_input:
        PersistenceBase._input = _input
        PersistenceBase.input = _recorded_input
        PersistenceBase.input_checksums = _input_checksums
        _IOFile.is_newer = _is_newer
        _IOFile.is_same_checksum = _is_same_checksum


def notice_a_copy() -> str | None:
    """Note, once, that the project in the working directory is a copy without its times, and return what to say of it."""
    started = run_started()
    if not started or abs(STARTED_FILE.stat().st_mtime - started) <= TIMES_WERE_KEPT_WITHIN_S:
        return None
    if _copied().get("started") == started:
        return None
    write_json(COPIED, {"started": started, "noticed": time.time()})
    _copied.cache_clear()
    return (
        "This project was copied without its files' times. Nothing is made again for that; what was edited between the copying "
        "and now may go unnoticed. Have it made again by `understudy run -R RULE`."
    )


@lru_cache
def _copied() -> dict:
    try:
        return read_json(COPIED)
    except (FileNotFoundError, InputFileError):
        return {}


def _is_of_the_copying(path: str) -> bool:
    return os.path.getmtime(path) <= _copied().get("noticed", 0.0)


def name_in_records(path: str) -> str:
    """What an input is called wherever the checkout lies: `prompts/NAME.md` for a prompt, the project's own or the checkout's."""
    if "prompts/" not in path and "workflow_scripts/" not in path:
        return path
    parts = Path(path).parts
    if len(parts) > 2 and "workflow_scripts" in parts:
        # The folders above the last have been others before.
        return f"understudy:{parts[-2]}/{parts[-1]}"
    is_elsewhere = parts[:1] in ((os.pardir,), (os.sep,))
    if parts[-2:-1] == ("prompts",) and parts[-1].endswith(".md") and (is_elsewhere or len(parts) == 2):
        return f"prompts/{parts[-1]}"
    return path


def _is_in_every_checkout(path: str) -> bool:
    return name_in_records(path).startswith(("understudy:", "prompts/"))


_input_of_snakemake, _recorded_input_of_snakemake = PersistenceBase._input, PersistenceBase.input
_is_newer_of_snakemake, _is_same_checksum_of_snakemake = _IOFile.is_newer, _IOFile.is_same_checksum


def _input(persistence: PersistenceBase, job) -> list[str]:
    return sorted(name_in_records(str(file)) for file in _input_of_snakemake(persistence, job))


def _recorded_input(persistence: PersistenceBase, path) -> list[str] | None:
    recorded = _recorded_input_of_snakemake(persistence, path)
    return recorded and sorted(map(name_in_records, recorded))


async def _is_newer(file: _IOFile, since: float) -> bool:
    """Whether an input may have changed: where Snakemake can, it then compares its sum with the recorded one."""
    if _is_in_every_checkout(str(file)):
        return True
    if not await _is_newer_of_snakemake(file, since):
        return False
    limit = file.rule.workflow.dag_settings.max_checksum_file_size
    return await file.is_checksum_eligible(limit) or not _is_of_the_copying(str(file))


def _input_checksums(persistence: PersistenceBase, job, path) -> set:
    """The sums of an input that the records of a job's outputs have; SAME without a record, if its time tells nothing."""
    recorded = {_checksum_in(persistence.metadata(output), path) for output in job.output}
    if recorded != {None}:
        return recorded
    is_own_prompt = _is_in_every_checkout(path) and name_in_records(path) == path
    if is_own_prompt and not _is_newer_than_any(path, job.output):
        return {SAME}
    tells_nothing = _is_of_the_copying(path) or (_is_in_every_checkout(path) and not is_own_prompt)
    return {SAME} if tells_nothing else recorded


def _checksum_in(record, path: str) -> str | None:
    sums = (record and record.input_checksums) or {}
    found = sums.get(path)
    if found is None and _is_in_every_checkout(path):
        name = name_in_records(path)
        found = next((checksum for each, checksum in sums.items() if name_in_records(each) == name), None)
    return found if found is None or ":" in found else f"sha256:{found}"


def _is_newer_than_any(path: str, outputs: list[str]) -> bool:
    edited = os.path.getmtime(path)
    return any(edited > os.path.getmtime(each) for each in outputs if os.path.exists(each))


async def _is_same_checksum(file: _IOFile, other: str | None, *arguments, **options) -> bool:
    return other == SAME or await _is_same_checksum_of_snakemake(file, other, *arguments, **options)
