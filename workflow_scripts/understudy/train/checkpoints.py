"""A training run's own folder, models/{name}/runs/{identity}/: what is trained there is never trained twice.

0000504_adapters.safetensors    a checkpoint, as mlx_lm names it: every save_every iterations, and the last one
best_0000499.safetensors        the adapters of the lowest validation loss
0000504_state.*                 from where a training goes on (training_state)
metrics.csv, adapter_config.json, and finished.json, the last of all; lock, which a training holds"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from understudy.models.folder import shaping_files
from understudy.shared.errors import ConfigurationError, InputFileError, UnderstudyError
from understudy.shared.files import file_sha256, read_json, write_json, written_aside
from understudy.shared.log import log

ADAPTERS, ADAPTER_CONFIG, METRICS = "adapters.safetensors", "adapter_config.json", "metrics.csv"
FINISHED, KEPT = "finished.json", "kept.json"


class SaveFailed(UnderstudyError):
    """The disk does not take what a training writes."""


class RunInUse(UnderstudyError):
    """Another process trains in the folder."""


@contextmanager
def saving(path: str | os.PathLike) -> Iterator[None]:
    """Raise SaveFailed if the operating system refuses what is written to `path` within the block."""
    try:
        yield
    except OSError as error:
        raise SaveFailed(
            f"{path} can't be saved: {error.strerror}. What was saved before is whole; make room, and run the same command again."
        ) from None


def run_in_use(folder: Path) -> RunInUse:
    return RunInUse(
        f"Another process trains in {folder}. Wait for it, or end it (it then saves first), and run the same command again."
    )


def run_identity(config: dict, row_files: Iterable[str | Path], base_folder: str | Path) -> str:
    """Return 16 hex digits that name all that shapes a run: mlx_lm's configuration, the rows, the base model's files."""
    parts = [json.dumps(config, sort_keys=True)]
    parts += [file_sha256(path) for path in row_files]
    parts += [f"{path.name} {file_sha256(path)}" for path in shaping_files(Path(base_folder))]
    return hashlib.sha256("\n".join(parts).encode("utf-8")).hexdigest()[:16]


def checkpoint_name(iteration: int | str) -> str:
    """mlx_lm's name for the adapters after an iteration; of `*` a pattern for all of them."""
    return f"{iteration:07d}_{ADAPTERS}" if isinstance(iteration, int) else f"[0-9]*_{ADAPTERS}"


def best_name(iteration: int | str) -> str:
    """The adapters with the lowest validation loss until now; of `*` a pattern for all of them."""
    return f"best_{iteration:07d}.safetensors" if isinstance(iteration, int) else "best_*.safetensors"


def iteration_of(checkpoint: Path) -> int:
    return int(checkpoint.name.split("_")[0])


def checkpoints(folder: Path) -> dict[int, Path]:
    """The numbered checkpoints of a folder, by iteration."""
    return {iteration_of(path): path for path in sorted(folder.glob(checkpoint_name("*")))}


def remove_later(folder: Path, iteration: int) -> None:
    """Remove what a training left behind that goes on after `iteration` (0: from its start): it makes all of that again, and
    what it does not make is not its own. The adapters of the lowest loss are written after a state, all else before it."""
    later = [path for at, path in checkpoints(folder).items() if at > iteration]
    later += [path for path in folder.glob("[0-9]*_state.*") if iteration_of(path) > iteration]
    later += [path for path in folder.glob(best_name("*")) if int(path.stem.split("_")[1]) >= iteration]
    for path in (*later, folder / FINISHED, *folder.glob(".*.part")):
        path.unlink(missing_ok=True)


def remove_best_but(folder: Path, iterations: set[int]) -> None:
    """Remove the adapters that had the lowest validation loss once, but for those of some iterations."""
    kept = {best_name(iteration) for iteration in iterations}
    for path in folder.glob(best_name("*")):
        if path.name not in kept:
            path.unlink()


def mark_finished(folder: Path, record: dict) -> None:
    """Write finished.json, last of all: until it is there, the run goes on from its last save.

    `record` has best and last: each iteration and valid_loss."""
    files = [best_name(record["best"]["iteration"]), *(path.name for path in checkpoints(folder).values())]
    sums = {name: file_sha256(folder / name) for name in files}
    with saving(folder / FINISHED):
        write_json(folder / FINISHED, {**record, "sha256": sums})


def finished_run(folder: Path) -> dict | None:
    """Return the record of a finished run whose files are still what they were, otherwise None."""
    path = folder / FINISHED
    if not path.exists():
        return None
    try:
        record = read_json(path)
        sums = {**record["sha256"], ADAPTER_CONFIG: None, METRICS: None}
        changed = [name for name, sha256 in sums.items() if not is_still(folder / name, sha256)]
    except (InputFileError, KeyError, TypeError, AttributeError):
        changed = [FINISHED]
    if changed:
        log.warning("Warning: %s is not what a finished training left there; it is trained again", folder / changed[0])
    return None if changed else record


def is_still(path: Path, sha256: str | None) -> bool:
    """Whether a file is there and, if a sum is given, has it."""
    return path.is_file() and sha256 in (None, file_sha256(path))


def chosen_adapters(folder: Path, record: dict, keep: str | int) -> tuple[Path, int]:
    """Return the file of a finished run that `training.keep` names (best, last or an iteration), and its iteration.

    Raises ConfigurationError if there is no checkpoint of that iteration."""
    if keep == "best":
        return folder / best_name(record["best"]["iteration"]), record["best"]["iteration"]
    iteration = record["last"]["iteration"] if keep == "last" else int(keep)
    saved = checkpoints(folder)
    if iteration not in saved:
        raise ConfigurationError(
            f"training.keep is {iteration}, but there is no checkpoint of that iteration. There are best (iteration "
            f"{record['best']['iteration']}), last, {', '.join(map(str, saved))}."
        )
    return saved[iteration], iteration


def publish(folder: Path, record: dict, keep: str | int, outputs: dict[str, str]) -> dict:
    """Copy what `keep` names of a finished run to where the workflow expects it, the checkpoints beside it, and return what
    kept.json says of it: which iterations they are, and their validation losses.

    `outputs` maps adapters.safetensors, adapter_config.json and metrics.csv to paths."""
    chosen, iteration = chosen_adapters(folder, record, keep)
    beside = Path(outputs[ADAPTERS]).parent
    for old in checkpoints(beside).values():
        old.unlink()
    for checkpoint in checkpoints(folder).values():
        # Not linked: mlx_lm's command line, run by hand, writes over these in place.
        copy_whole(checkpoint, beside / checkpoint.name)
    losses = {look["iteration"]: look["valid_loss"] for look in (record["best"], record["last"])}
    kept = {
        "run": folder.name,
        "kept": {"file": ADAPTERS, "keep": keep, "iteration": iteration, "valid_loss": losses.get(iteration)},
        "best": record["best"],
        "last": {"file": checkpoint_name(record["last"]["iteration"]), **record["last"]},
        "first_valid_loss": record["first_valid_loss"],
    }
    with saving(beside / KEPT):
        write_json(beside / KEPT, kept)
    for name, source in ((ADAPTER_CONFIG, folder / ADAPTER_CONFIG), (METRICS, folder / METRICS), (ADAPTERS, chosen)):
        copy_whole(source, outputs[name])
    return kept


def copy_whole(source: Path, output: str | os.PathLike) -> None:
    with saving(output), written_aside(output) as aside:
        shutil.copyfile(source, aside)
