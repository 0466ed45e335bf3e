"""What of a model goes to the hub, file by file: without what is this machine's own, and never more than is named here."""

import json
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

from understudy.models.folder import COMPANIONS, MLX_FOLDERS, WEIGHTS
from understudy.shared.credentials import keys_and_tokens
from understudy.shared.errors import InputFileError, UnderstudyError
from understudy.shared.files import read_json

UNDERSTUDY_RECORD = "understudy.json"
PARTS = {
    "adapters": ("adapters.safetensors", "adapter_config.json"),
    **dict.fromkeys(("fused", *MLX_FOLDERS), (WEIGHTS, *COMPANIONS)),
}
# understudy_source.json says where the base came from, on this machine.
NOT_PUBLISHED = "understudy_*.json"
PICTURES = ("loss.svg", "export.svg")
# Of data/index/: the talks' text, and what it was made of. The vectors that a model has computed lie in the first.
INDEX_FILES = ("passages.sqlite", "index.json")
# mlx_lm's arguments that are paths of this machine, or say where it reported to.
PRIVATE_KEYS = ("adapter_path", "config", "data", "model", "project_name", "report_to", "resume_adapter_file")
# Under which transformers keeps the path that a model was loaded from.
PATH_KEYS = ("_name_or_path", "name_or_path")
# A shorter key, such as `none` for a server that wants any, may be a word of a tokenizer.
SHORTEST_KEY = 16
TEXTS = (".json", ".jinja", ".txt", ".md", ".svg", ".tiktoken", "")


class PublishedFile(NamedTuple):
    """A file as it goes up: its path in the repository, the file here, and its content where that differs."""

    path_in_repo: str
    source: Path
    content: bytes | None = None

    @property
    def size(self) -> int:
        """Bytes."""
        return self.source.stat().st_size if self.content is None else len(self.content)


class SecretInFileError(UnderstudyError):
    """A file that would go up has a key or token in it."""


def files_to_publish(
    models: Path, name: str, named: list[str], base_hub_id: str | None, index: Path | None = None
) -> list[PublishedFile]:
    """Return all that goes up of the model `name` in the folder `models`: the card, its pictures, hf/, what `named` has of
    adapters, fused, MLX folders and quantizations, and the talks' `index`, if it is given.

    Raises SecretInFileError if one of them has a key or token in it, InputFileError if one is missing."""
    folder = models / name
    card = folder / "README.md"
    shown = card.read_text(encoding="utf-8")
    files = [PublishedFile("README.md", card)]
    files += [PublishedFile(picture, folder / picture) for picture in PICTURES if f"]({picture})" in shown]
    files += files_of_folder(folder / "hf", PARTS["fused"], "", base_hub_id)
    for part in (part for part in PARTS if part in named):
        files += files_of_folder(folder / part, PARTS[part], f"{part}/", base_hub_id)
    ggufs = [f"{name}-{quant}.gguf" for quant in named if quant not in PARTS]
    files += [PublishedFile(gguf, models / gguf) for gguf in ggufs]
    files += [] if index is None else [PublishedFile(f"data/index/{file}", index / file) for file in INDEX_FILES]
    for file in files:
        check_file(file)
    return files


def files_of_folder(
    folder: Path, patterns: tuple[str, ...], prefix: str, base_hub_id: str | None
) -> Iterator[PublishedFile]:
    """Yield the files of a folder whose names have a place in a model: nothing hidden, nothing in sub-folders."""
    for path in sorted(folder.iterdir()):
        is_known = any(fnmatch(path.name, pattern) for pattern in patterns) and not fnmatch(path.name, NOT_PUBLISHED)
        if path.is_file() and is_known and not path.name.startswith("."):
            yield PublishedFile(f"{prefix}{path.name}", path, content_without_paths(path, base_hub_id))


def content_without_paths(path: Path, base_hub_id: str | None) -> bytes | None:
    """Return a settings file's content without this machine's paths, or None where the file has none."""
    if path.name == "adapter_config.json":
        kept = {key: value for key, value in read_json(path).items() if key not in PRIVATE_KEYS}
        return as_json(kept | ({"model": base_hub_id} if base_hub_id else {}))
    if path.name in ("config.json", "tokenizer_config.json"):
        record = read_json(path)
        paths = [key for key in PATH_KEYS if is_a_path(record.get(key))]
        return as_json({key: value for key, value in record.items() if key not in paths}) if paths else None
    return None


def is_a_path(value: Any) -> bool:
    """Whether a model's name is one of a folder; a hub id is `owner/name`, or `name`."""
    return isinstance(value, str) and (value.startswith(("/", ".", "~")) or "\\" in value or value.count("/") > 1)


def as_json(record: dict[str, Any]) -> bytes:
    return (json.dumps(record, ensure_ascii=False, indent=2) + "\n").encode("utf-8")


def check_file(file: PublishedFile) -> None:
    """Raise InputFileError if the file isn't there, SecretInFileError if it is a text with a key or token in it."""
    if not file.source.is_file():
        raise InputFileError(f"{file.source} does not exist.")
    if file.source.suffix not in TEXTS:
        return
    content = file.source.read_bytes() if file.content is None else file.content
    if any(key.encode("utf-8") in content for key in keys_and_tokens() if len(key) >= SHORTEST_KEY):
        raise SecretInFileError(
            f"{file.source} has one of your keys or tokens in it, so nothing was sent. Remove it there."
        )


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of what of a model's folder goes up."""
    if path.is_file():
        return path.stat().st_size
    return sum(file.size for file in files_of_folder(path, PARTS.get(path.name, PARTS["fused"]), "", None))
