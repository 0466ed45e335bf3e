"""A failed job never counts as done.

Snakemake 9.27 deletes the outputs of a job before it starts, records it as finished also when it has failed, and takes a
missing file for no reason to run while what was made of it is there. Then an edit whose job has failed is forgotten: the
same command says "Nothing to be done" over old results.

Here the old outputs stay until the job's own code replaces them, which it does file by file and whole. A job that failed,
was killed or was interrupted is marked incomplete, as Snakemake marks one that runs, so the next run takes it up; its
record stays that of the last success. And a model folder, whose declared output is its config.json, counts with all that
was written into it: other weights under the same config.json are a reason to run.

tests/workflow/test_failed_jobs.py pins what Snakemake does by itself."""

import hashlib
import os
from pathlib import Path

from snakemake.dag import DAG
from snakemake.exceptions import WorkflowError
from snakemake.io import _IOFile
from snakemake.jobs import Job
from snakemake.persistence import PersistenceBase

from understudy.shared.files import WRITTEN, file_sha256


def never_count_as_done() -> None:
    """Have this process's Snakemake treat failed jobs so."""
    if Job.postprocess is not _postprocess:
        Job.remove_existing_output = _remove_existing_logs
        Job.postprocess = _postprocess
        PersistenceBase.incomplete = _incomplete
        _IOFile.checksum = _checksum
        DAG.postprocess_after_update = _postprocess_after_update


_postprocess_of_snakemake, _checksum_of_snakemake = Job.postprocess, _IOFile.checksum
_after_update_of_snakemake = DAG.postprocess_after_update


async def _remove_existing_logs(job: Job) -> None:
    """In the place of removing outputs too; note what there is, so that a job which leaves one as it was is found."""
    job.outputs_before = {str(file): state for file in job.output if (state := _state(file)) is not None}
    for file in job.log:
        await file.remove(remove_non_empty_dir=False)


def _state(path: str) -> tuple[int, int] | None:
    """What changes when a file is replaced or written: its inode and its time."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns


async def _postprocess(job: Job, *arguments, error: bool = False, **options) -> None:
    if error:
        _mark_as_failed(job)
        return
    left = [path for path, before in getattr(job, "outputs_before", {}).items() if _state(path) == before]
    if left:
        raise WorkflowError(f"Rule {job.rule.name} ended without writing {', '.join(left)}.")
    await _postprocess_of_snakemake(job, *arguments, **options)


def _mark_as_failed(job: Job) -> None:
    """Leave record and outputs as they are, and mark the job incomplete.

    A checkpoint is not marked if its outputs are there: a list that can't be looked up anew would stop all the rest."""
    persistence = job.dag.workflow.persistence
    if job.is_checkpoint and all(Path(path).exists() for path in job.output):
        for path in job.output:
            persistence._unmark_incomplete(persistence._get_key(path))
    else:
        persistence.started(job)


async def _incomplete(persistence: PersistenceBase, job: Job) -> list:
    """The outputs of a job that are marked incomplete, those that are missing too."""
    marked = persistence._filter_incomplete_keys([persistence._get_key(path) for path in job.output])
    return [path for path in job.output if persistence._get_key(path) in marked]


async def _postprocess_after_update(dag: DAG) -> None:
    """Snakemake looks for incomplete jobs before it knows those that a checkpoint brings."""
    await dag.check_incomplete()
    await _after_update_of_snakemake(dag)


async def _checksum(file: _IOFile, *arguments, **options) -> str | None:
    """Snakemake's checksum; of a model folder's config.json, one that changes with every file of the folder."""
    own = await _checksum_of_snakemake(file, *arguments, **options)
    listed = Path(file).with_name(WRITTEN)
    if own is None or Path(file).name != "config.json" or not listed.is_file():
        return own
    return "sha256:" + hashlib.sha256(f"{own} {file_sha256(listed)}".encode()).hexdigest()
