"""Bring the base model into models/base/: from a GGUF file, a local folder, or the Hugging Face hub.

The source may be a path that ends in .gguf, `package:NAME/FILE.gguf` for a file inside an installed Python package, a
folder in Hugging Face or MLX layout, or a hub id such as `meta-llama/Llama-3.2-3B-Instruct`."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from understudy.base.chat_template import settle_chat_template
from understudy.base.ending import settle_ending
from understudy.base.readers import compare_readers
from understudy.gguf.reading import checked_gguf, import_gguf
from understudy.gguf.what_can_be_made import account_of_base, what_can_be_made
from understudy.models.folder import MODEL_FILES, WEIGHTS, link_or_copy, refuse_link, take_over
from understudy.models.fp8 import check_fp8
from understudy.models.hub import fetch_model
from understudy.models.hub_layout import is_known_to_hf
from understudy.models.layout import architecture_of
from understudy.models.licence import SOURCE_RECORD
from understudy.models.mlx.load import load_weights, model_without_weights
from understudy.models.paths import PACKAGE, gguf_source
from understudy.models.rope_spelling import with_both_spellings
from understudy.models.safetensors import stored_tensors
from understudy.shared.errors import ConfigurationError, InputFileError
from understudy.shared.files import file_sha256, read_json, write_json
from understudy.shared.log import log

PARTS = ".downloads"
# What mlx_lm can build, and is not taken all the same: by model_type, why.
GEMMA_3N = (
    "Gemma 3n's layers share keys and values and have a second embedding each, for which neither training nor export is proven "
    "here. Gemma 3 is: google/gemma-3-1b-it."
)
REFUSED = {"gemma3n": GEMMA_3N, "gemma3n_text": GEMMA_3N}
TRIED_FAMILIES = "llama, mistral, qwen2, qwen3, gemma3_text, granite, granitemoehybrid, smollm3 and phi3"


def import_base_model(source: str, revision: str | None, folder: Path, compares_readers: bool = False) -> None:
    """Fill `folder` with the model that `source` names: whole, or not at all; config.json is moved in last.

    With `compares_readers`, MLX and llama.cpp must compute the same of its first layers. `revision` is a branch, tag or commit of
    the hub. Raises ConfigurationError, InputFileError or HubError."""
    # Broken-off downloads wait in a folder of their own, which an error leaves.
    refuse_link(folder)
    incoming = folder / ".incoming"
    shutil.rmtree(incoming, ignore_errors=True)
    incoming.mkdir(parents=True)
    try:
        record = _importer_of(source)(source, revision, incoming)
        _settle_rope_spelling(incoming, source)
        _check(incoming, source)
        if settle_chat_template(incoming):
            log.info(
                "The chat template answers without thinking, and with one date in place of today's: docs/training.md"
            )
        with _errors_of(incoming, source):
            settle_ending(incoming)
        if compares_readers:
            compare_readers(incoming, source)
        log.info("What can be made of %s:\n%s", source, account_of_base(what_can_be_made(incoming)))
        write_json(incoming / SOURCE_RECORD, {"source": source, **record})
        take_over(incoming, folder)
        shutil.rmtree(folder / PARTS, ignore_errors=True)
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


def config_of_base(path: Path) -> dict[str, Any]:
    """The config.json of a model that the import accepts: a GGUF file, or a folder in Hugging Face or MLX layout. Nothing is
    imported, and no weight is read.

    Raises InputFileError for one that it doesn't accept."""
    if path.is_file():
        return checked_gguf(path)
    _check_files(path, str(path))
    return read_json(path / "config.json")


def _from_gguf(source: str, revision: str | None, folder: Path) -> dict[str, Any]:
    path = gguf_source(source, "base_model")
    licence = import_gguf(path, folder)
    return {"kind": "gguf", "sha256": file_sha256(path), "license": licence}


def _from_folder(source: str, revision: str | None, folder: Path) -> dict[str, Any]:
    for path in sorted({path for pattern in MODEL_FILES for path in Path(source).glob(pattern) if path.is_file()}):
        # Weights are linked for their size; a JSON file that someone edits in place must not change here.
        take = link_or_copy if path.suffix == ".safetensors" else shutil.copyfile
        take(path.resolve(), folder / path.name)
    pickled = sorted(Path(source).glob("*.bin")) + sorted(Path(source).glob("*.pth"))
    if pickled and not list(folder.glob(WEIGHTS)):
        raise InputFileError(
            f"base_model: {source} has only pickled weights ({pickled[0].name}), which can run code when they are loaded. "
            "Save the model as safetensors, or choose another."
        )
    return {"kind": "folder"}


def _from_hub(source: str, revision: str | None, folder: Path) -> dict[str, Any]:
    commit = fetch_model(
        source, revision, folder, folder.parent / PARTS, lambda incoming: _check_config(incoming, source)
    )
    return {"kind": "hub", "revision": commit}


def _settle_rope_spelling(folder: Path, source: str) -> None:
    """Write the rotary settings in the spelling that mlx_lm reads beside the one that the model came with, and say so."""
    path = folder / "config.json"
    with _errors_of(folder, source):
        config = read_json(path)
        completed = with_both_spellings(config) if isinstance(config, dict) else config
    if completed != config:
        write_json(path, completed)
        log.info(
            "%s has its rotary settings as transformers 5 writes them; mlx_lm's spelling is written beside it", source
        )


def _check(folder: Path, source: str) -> None:
    _check_config(folder, source)
    _check_files(folder, source)


def _check_files(folder: Path, source: str) -> None:
    """Raise InputFileError unless config.json, tokenizer and weights are there, whole, and of one model."""
    config = _buildable_config(folder, source)
    if not any(folder.glob("tokenizer.json")) and not any(folder.glob("tokenizer.model")):
        raise InputFileError(f"base_model: {source} has no tokenizer.json.")
    with _errors_of(folder, source):
        _check_shards(folder)
        check_fp8(config, stored_tensors(folder))
        load_weights(folder, lazy=True)


def _buildable_config(folder: Path, source: str) -> dict[str, Any]:
    """Return config.json. Raises InputFileError unless it is of a model that mlx_lm can build."""
    with _errors_of(folder, source):
        config = read_json(folder / "config.json")
        kind = config.get("model_type") if isinstance(config, dict) else None
        if not isinstance(kind, str):
            raise InputFileError(
                f"{folder}/config.json names no model_type, so it is not the folder of a language model."
            )
        if kind in REFUSED:
            raise InputFileError(f"its config.json is of model_type {kind}. {REFUSED[kind]}")
        if "model_file" in config:
            raise InputFileError(
                f"{folder}/config.json brings code of its own ({config['model_file']}), which is not run."
            )
        try:
            model_without_weights(with_both_spellings(config))
        except InputFileError as error:
            raise InputFileError(
                f"its config.json is of model_type {kind}: {error} Choose another base_model: {TRIED_FAMILIES} are tested."
            ) from None
        return config


def _check_config(folder: Path, source: str) -> None:
    """The same; and say what can't be made of the model."""
    config = _buildable_config(folder, source)
    with _errors_of(folder, source):
        if not is_known_to_hf(config):
            log.warning(
                "Warning: %s is %s, which was not tried here: it may be that neither hf/ nor a GGUF file can be made of it "
                "(docs/training.md).", source, architecture_of(config),
            )  # fmt: skip
        if "vision_config" in config:
            log.info("%s sees images too; only its language model is trained", source)


def _check_shards(folder: Path) -> None:
    """Raise InputFileError if files are numbered `-of-N` and not all N are there; without an index nothing else tells."""
    for path in folder.glob("model-*-of-*.safetensors"):
        total = path.stem.rsplit("-", 1)[1]
        for number in range(1, int(total) + 1 if total.isdecimal() else 0):
            name = f"model-{number:0{len(total)}}-of-{total}.safetensors"
            if not (folder / name).is_file():
                raise InputFileError(f"{folder}/{name} does not exist.")


@contextmanager
def _errors_of(folder: Path, source: str) -> Iterator[None]:
    """Put the source in front of what is wrong, in place of the folder that the user doesn't know."""
    try:
        yield
    except InputFileError as error:
        said = str(error).replace(f"{folder}/", "").replace(str(folder), "it")
        raise InputFileError(f"base_model: {source}: {said}") from None
