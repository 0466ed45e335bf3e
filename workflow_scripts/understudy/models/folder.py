"""Folders in Hugging Face layout, written so that a config.json is there only when all the rest is."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from understudy.shared.errors import UnderstudyError
from understudy.shared.files import WRITTEN, file_sha256, read_json, write_json

# What mlx_lm loads of a model, and its card for the licence: no pickled weights, no other formats, nothing in sub-folders.
WEIGHTS = "model*.safetensors"
MODEL_FILES = ("*.json", WEIGHTS, "*.jinja", "tokenizer.model", "*.tiktoken", "*.txt", "LICENSE*", "README.md")
# The files beside the weights that mlx_lm and transformers load: tokenizer, chat template, generation settings, licence.
COMPANIONS = ("*.json", "*.jinja", "tokenizer.model", "*.tiktoken", "*.txt", "LICENSE*")
# understudy_source.json says where the base came from, on this machine: nothing to publish.
NOT_COMPANIONS = ("config.json", "*.index.json", "understudy_*.json", "hf_quant_config.json")
MLX_KEYS = ("quantization", "quantization_config")
# Beside fused/, by the bits that a weight takes in them.
MLX_FOLDERS = {f"mlx-{bits}bit": bits for bits in (4, 5, 6, 8)}


class LinkedFolderError(UnderstudyError):
    """A folder to write into is a link to another one."""


@contextmanager
def folder_written_aside(folder: str | Path) -> Iterator[Path]:
    """Yield an empty folder; on success its files replace those that were written into `folder` before, config.json last.

    On an error `folder` is as it was. A job that is killed while the files move leaves no config.json. Raises LinkedFolderError
    if it is a link."""
    folder = Path(folder)
    refuse_link(folder)
    aside = folder / ".part"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        yield aside
        take_over(aside, folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def take_over(aside: Path, folder: Path) -> None:
    """Move the files of `aside` into `folder`, config.json last, in the place of those that were written there before. What else
    lies there is somebody's own, and stays.

    Raises LinkedFolderError for a link to another folder: what lies there is not this project's."""
    refuse_link(folder)
    for name in sorted(names_written(folder), key=lambda name: name != "config.json"):
        (folder / name).unlink(missing_ok=True)
    new = sorted(aside.iterdir(), key=lambda path: path.name == "config.json")
    write_json(folder / WRITTEN, {path.name: file_sha256(path) for path in new})
    for path in new:
        path.replace(folder / path.name)


def names_written(folder: Path) -> list[str]:
    """The files that a step wrote into a model folder before; without its list, those that a loader takes for the model's."""
    try:
        listed = [name for name in read_json(folder / WRITTEN) if name == Path(name).name]
    except (OSError, UnderstudyError, TypeError):
        listed = [path.name for pattern in MODEL_FILES for path in folder.glob(pattern)]
    return [name for name in dict.fromkeys(listed) if (folder / name).is_file()]


def refuse_link(folder: Path) -> None:
    """Raise LinkedFolderError if `folder` is a link."""
    if folder.is_symlink():
        raise LinkedFolderError(
            f"{folder} is a link to {folder.resolve()}, whose files would be replaced. Remove the link; to have models on "
            "another disk, link the whole of models/."
        )


def config_of_fused(config: dict[str, Any]) -> dict[str, Any]:
    """Return config.json without the base's quantization, and without the image part, whose weights mlx_lm doesn't load."""
    plain = {key: value for key, value in config.items() if key not in (*MLX_KEYS, "vision_config")}
    if isinstance(plain.get("text_config"), dict):
        plain["text_config"] = {key: value for key, value in plain["text_config"].items() if key not in MLX_KEYS}
    return plain


def size_of_weights(folder: str | Path) -> int:
    """Return the bytes of a model folder's weights."""
    return sum(path.stat().st_size for path in Path(folder).glob(WEIGHTS))


def companion_files(folder: str | Path) -> list[Path]:
    """Return the files of a model folder that are neither weights nor config.json."""
    found = {path for pattern in COMPANIONS for path in Path(folder).glob(pattern) if path.is_file()}
    excluded = {path for pattern in NOT_COMPANIONS for path in Path(folder).glob(pattern)}
    return sorted(path for path in found - excluded if not path.name.startswith("."))


def copy_companions(source: str | Path, target: Path) -> None:
    """Copy tokenizer and settings byte by byte: a tokenizer saved anew names a class that other loaders reject."""
    for path in companion_files(source):
        shutil.copyfile(path, target / path.name)


def link_or_copy(source: Path, target: Path) -> None:
    """Make `target` another name of the same bytes, or a copy where the file system has no hard links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def shaping_files(folder: Path) -> list[Path]:
    """Return the files of a model folder that a loader reads: weights, configuration, tokenizer, chat template."""
    return [folder / "config.json", *sorted(folder.glob("*.safetensors")), *companion_files(folder)]
