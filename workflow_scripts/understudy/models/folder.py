"""Folders in Hugging Face layout, written so that a config.json is there only when all the rest is."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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


@contextmanager
def folder_written_aside(folder: str | Path) -> Iterator[Path]:
    """Yield an empty folder; on success its files become the only ones of `folder`, config.json last of them.

    On an error, or when the job is killed, `folder` has no config.json."""
    folder = Path(folder)
    aside = folder / ".part"
    (folder / "config.json").unlink(missing_ok=True)
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        yield aside
        for old in folder.iterdir():
            if old.is_file():
                old.unlink()
        for new in sorted(aside.iterdir(), key=lambda path: path.name == "config.json"):
            new.replace(folder / new.name)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


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
