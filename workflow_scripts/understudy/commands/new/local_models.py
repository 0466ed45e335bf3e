"""Models on this disk, where LM Studio, Ollama and huggingface_hub keep them, that can be a teacher or a base model here."""

import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from huggingface_hub import constants

from understudy.base.base_model import config_of_base
from understudy.commands.new.servers import LONGEST_NAME, is_chat_model
from understudy.passages.cutting import plain_line
from understudy.shared.errors import UnderstudyError
from understudy.shared.files import read_json

MODEL_LAYER = "application/vnd.ollama.image.model"
DIGEST = re.compile(r"sha256[:-]([0-9a-f]{64})")
PART = re.compile(r"-\d{5}-of-\d{5}\.gguf$")
MOST_FILES = 200
# Encoders, and the part of a model that sees.
NO_CHAT_ARCHITECTURES = ("bert", "clip", "t5", "whisper", "wavtokenizer", "mmproj")
GGUF_STRING = 8


class LocalModel(NamedTuple):
    """A model on this disk. `source` is what config.yaml names, `config` its config.json as a base model, None if it can't be
    one; `link` is how the project names it, where the file itself has no name that says what it is."""

    name: str
    place: str
    source: str
    size: int
    is_gguf: bool
    config: dict | None
    link: str | None = None


def local_models() -> list[LocalModel]:
    """All models that can be a teacher (GGUF files) or a base (those that the import accepts), each once."""
    found = [*models_of_lm_studio(), *models_of_ollama(), *models_of_hub()]
    return list({model.source: model for model in reversed(found)}.values())[::-1]


def models_of_lm_studio() -> Iterator[LocalModel]:
    for root in (Path.home() / ".lmstudio/models", Path.home() / ".cache/lm-studio/models"):
        for path in first(root.glob("*/*/*.gguf")):
            yield from gguf_model(path, path.stem, "LM Studio")
        for path in first(root.glob("*/*/config.json")):
            yield from folder_model(path.parent, f"{path.parent.parent.name}/{path.parent.name}", "LM Studio")


def models_of_ollama() -> Iterator[LocalModel]:
    own = os.environ.get("OLLAMA_MODELS")
    for root in (Path(own) if own else Path.home() / ".ollama/models", Path("/usr/share/ollama/.ollama/models")):
        for manifest in first(root.glob("manifests/*/*/*/*")):
            blob = blob_of(manifest, root)
            if blob is not None:
                name = f"{manifest.parent.name}-{manifest.name}"
                yield from gguf_model(blob, name, "Ollama", link=f"ollama/{name}.gguf")


def blob_of(manifest: Path, root: Path) -> Path | None:
    """The file of a model that Ollama has pulled."""
    try:
        layers = read_json(manifest)["layers"]
        digest = next(layer["digest"] for layer in layers if layer["mediaType"] == MODEL_LAYER)
        return root / "blobs" / f"sha256-{DIGEST.fullmatch(digest)[1]}"
    except (UnderstudyError, OSError, KeyError, TypeError, StopIteration):
        return None


def models_of_hub() -> Iterator[LocalModel]:
    """What huggingface_hub has in its cache, at the commit of `main`; models for MLX and others are named by their hub id."""
    for folder in first(Path(constants.HF_HUB_CACHE).glob("models--*--*")):
        try:
            snapshot = folder / "snapshots" / (folder / "refs/main").read_text(encoding="utf-8").strip()
        except (OSError, UnicodeError):
            continue
        hub_id = folder.name.removeprefix("models--").replace("--", "/", 1)
        for path in first(snapshot.glob("*.gguf")):
            yield from gguf_model(path, path.stem, "the hub's cache")
        yield from folder_model(snapshot, hub_id, "the hub's cache", source=hub_id)


def first(paths: Iterator[Path]) -> list[Path]:
    """The paths in order, no more than a person's folder has; none of a folder that may not be read."""
    try:
        return [path for path, _ in zip(sorted(paths), range(MOST_FILES), strict=False)]
    except OSError:
        return []


def gguf_model(path: Path, name: str, place: str, link: str | None = None) -> Iterator[LocalModel]:
    """A whole GGUF file of a model that talks."""
    architecture = architecture_of(path)
    if architecture is None or PART.search(path.name) or not is_usable_name(name):
        return
    if any(word in architecture for word in NO_CHAT_ARCHITECTURES):
        return
    yield LocalModel(
        name, place, str(path.absolute()), path.stat().st_size, True, config_or_none(path, architecture), link
    )


def folder_model(folder: Path, name: str, place: str, source: str | None = None) -> Iterator[LocalModel]:
    """A folder in MLX's or Hugging Face's layout that the import accepts."""
    config = config_or_none(folder) if is_usable_name(name) and (folder / "config.json").is_file() else None
    if config is not None:
        size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
        yield LocalModel(name, place, source or str(folder.absolute()), size, False, config)


def is_usable_name(name: str) -> bool:
    return len(name) <= LONGEST_NAME and name == plain_line(name) and is_chat_model(name)


def config_or_none(path: Path, architecture: str = "llama") -> dict | None:
    """The config.json that the import would write, None for what it doesn't accept. Of GGUF files it takes Llamas alone."""
    if architecture != "llama":
        return None
    try:
        return config_of_base(path)
    except Exception:
        # Somebody else's files: whatever is wrong with them, they aren't offered.
        return None


def architecture_of(path: Path) -> str | None:
    """`general.architecture` of a GGUF file, which writers put first; None for another file. The reader of the package gguf takes
    seconds for a large vocabulary."""
    try:
        with path.open("rb") as opened:
            head = opened.read(1024)
        magic, version, _, _ = struct.unpack_from("<4sIQQ", head)
        text, at = string_at(head, 24)
        (kind,) = struct.unpack_from("<I", head, at)
        if magic != b"GGUF" or version not in (2, 3) or text != "general.architecture" or kind != GGUF_STRING:
            return None
        return string_at(head, at + 4)[0]
    except (OSError, struct.error, UnicodeError):
        return None


def string_at(content: bytes, at: int) -> tuple[str, int]:
    """A string of a GGUF file, and where it ends."""
    (length,) = struct.unpack_from("<Q", content, at)
    return content[at + 8 : at + 8 + min(length, 1024)].decode(), at + 8 + length
