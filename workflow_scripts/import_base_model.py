"""Bring the base model into models/base/: from a GGUF file, a local folder, or the Hugging Face hub.

The source may be a path that ends in .gguf, `package:NAME/FILE.gguf` for a file inside an installed Python package, a
folder in Hugging Face or MLX layout, or a hub id such as `meta-llama/Llama-3.2-3B-Instruct`."""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lib.errors import ConfigurationError, InputFileError, UnderstudyError
from lib.files import read_json, write_json
from lib.gguf_import import import_gguf
from lib.gguf_source import PACKAGE, gguf_source
from lib.job_log import log, start_job_log
from lib.mlx_models import load_weights, model_without_weights
from lib.model_folder import link_or_copy
from lib.safetensors_folder import stored_tensors

MODEL_FILES = ("*.json", "*.safetensors", "*.jinja", "tokenizer.model")
SOURCE_RECORD = "understudy_source.json"


class HubError(UnderstudyError):
    """The Hugging Face hub doesn't give the model."""


def import_base_model(source: str, revision: str | None, folder: Path) -> None:
    """Fill `folder` with the model that `source` names: whole, or not at all; config.json is moved in last.

    `revision` is a branch, tag or commit of the hub. Raises ConfigurationError, InputFileError or HubError."""
    incoming = folder / ".incoming"
    shutil.rmtree(incoming, ignore_errors=True)
    incoming.mkdir(parents=True)
    try:
        record = _importer_of(source)(source, revision, incoming)
        _check(incoming, source)
        write_json(incoming / SOURCE_RECORD, {"source": source, **record})
        _move_in(incoming, folder)
    finally:
        shutil.rmtree(incoming, ignore_errors=True)
    log.info("%s: %d tensors from %s", folder, len(stored_tensors(folder)), source)


def _importer_of(source: str) -> Callable[[str, str | None, Path], dict[str, Any]]:
    if source.endswith(".gguf"):
        return _from_gguf
    if os.path.isdir(source):
        return _from_folder
    if source.startswith((PACKAGE, ".", "/", "~")) or source.count("/") != 1:
        raise ConfigurationError(
            f"base_model: {source} is neither a folder, nor a .gguf file, nor a hub id of the form owner/name."
        )
    return _from_hub


def _from_gguf(source: str, revision: str | None, folder: Path) -> dict[str, Any]:
    path = gguf_source(source, "base_model")
    import_gguf(path, folder)
    with path.open("rb") as file:
        return {"kind": "gguf", "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def _from_folder(source: str, revision: str | None, folder: Path) -> dict[str, Any]:
    _link_model_files(Path(source), folder)
    return {"kind": "folder"}


def _from_hub(source: str, revision: str | None, folder: Path) -> dict[str, Any]:
    from huggingface_hub import errors, snapshot_download

    try:
        download = snapshot_download(source, revision=revision, allow_patterns=MODEL_FILES, ignore_patterns="*/*")
        snapshot = Path(download)
    except errors.GatedRepoError:
        raise HubError(
            f"base_model: {source} is gated. Accept its terms on the model's page, then `hf auth login`, or set HF_TOKEN."
        ) from None
    except errors.RevisionNotFoundError:
        raise HubError(f"base_model: {source} has no revision {revision} on the hub.") from None
    except errors.RepositoryNotFoundError:
        raise HubError(
            f"base_model: the hub knows no {source}, neither as a folder here nor there. Check the name; a private model "
            "needs `hf auth login`."
        ) from None
    except OSError as error:
        raise HubError(
            f"base_model: {source} can't be fetched from the hub and is not in its cache ({error}). Run it again when "
            "online: it goes on from where it stopped."
        ) from None
    _link_model_files(snapshot, folder)
    return {"kind": "hub", "revision": snapshot.name}


def _link_model_files(source: Path, folder: Path) -> None:
    for path in sorted({path for pattern in MODEL_FILES for path in source.glob(pattern)}):
        # Weights are linked for their size; a JSON file that someone edits in place must not change here.
        take = link_or_copy if path.suffix == ".safetensors" else shutil.copyfile
        take(path.resolve(), folder / path.name)


def _check(folder: Path, source: str) -> None:
    try:
        model_without_weights(read_json(folder / "config.json"))
        stored_tensors(folder)
        load_weights(folder, lazy=True)
    except InputFileError as error:
        raise InputFileError(f"base_model: {source}: {str(error).replace(f'{folder}/', '')}") from None
    if not any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer.model")):
        raise InputFileError(f"base_model: {source} has no tokenizer.json.")


def _move_in(incoming: Path, folder: Path) -> None:
    for stale in folder.iterdir():
        if stale.is_file():
            stale.unlink()
    for path in sorted(incoming.iterdir(), key=lambda path: path.name == "config.json"):
        path.replace(folder / path.name)


if __name__ == "__main__":
    start_job_log(snakemake.log[0])
    import_base_model(
        snakemake.params.source,
        snakemake.params.revision,
        Path(snakemake.output.config).parent,
    )
