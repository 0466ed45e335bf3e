"""A training run's own folder, models/{name}/runs/{identity}/: what is trained there is never trained twice."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from lib.files import read_json, write_json, written_aside
from lib.model_folder import companion_files

ADAPTERS, ADAPTER_CONFIG, METRICS = "adapters.safetensors", "adapter_config.json", "metrics.csv"
FINISHED = "finished.json"


def run_identity(config: dict, row_files: Iterable[str | Path], base_folder: str | Path) -> str:
    """Return 16 hex digits that name all that shapes a run: mlx_lm's configuration, the rows, the base model's files."""
    parts = [json.dumps(config, sort_keys=True)]
    parts += [file_sha256(path) for path in row_files]
    parts += [f"{path.name} {file_sha256(path)}" for path in shaping_files(Path(base_folder))]
    return hashlib.sha256("\n".join(parts).encode("utf-8")).hexdigest()[:16]


def shaping_files(folder: Path) -> list[Path]:
    """Return the files of a model folder that a loader reads: weights, configuration, tokenizer, chat template."""
    return [folder / "config.json", *sorted(folder.glob("*.safetensors")), *companion_files(folder)]


def file_sha256(path: str | Path) -> str:
    with open(path, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def fresh_run_folder(folder: Path) -> Path:
    """Empty the folder: a run that was killed starts anew."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def mark_finished(folder: Path, record: dict) -> None:
    """Write finished.json, last of all: until it is there, the run counts as killed."""
    write_json(folder / FINISHED, {**record, "adapters_sha256": file_sha256(folder / ADAPTERS)})


def finished_run(folder: Path) -> dict | None:
    """Return the record of a finished run whose adapters are still what they were, otherwise None."""
    if not (folder / FINISHED).exists():
        return None
    record = read_json(folder / FINISHED)
    whole = all((folder / name).exists() for name in (ADAPTERS, ADAPTER_CONFIG, METRICS))
    return record if whole and file_sha256(folder / ADAPTERS) == record["adapters_sha256"] else None


def publish(run_file: Path, output: str | os.PathLike) -> None:
    """Copy a file of the run to where the workflow expects it, whole or not at all."""
    with written_aside(output) as aside:
        shutil.copyfile(run_file, aside)
