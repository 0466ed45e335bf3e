"""What a base model is called, and under which licence it is, as its folder in models/base/ tells."""

import re
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from understudy.shared.files import read_json

SOURCE_RECORD = "understudy_source.json"
LICENCE_ID = re.compile(r"[a-z0-9][a-z0-9.-]{0,50}")
LINK = re.compile(r"https?://[^\s<>()\[\]\"']{1,200}")
FRONT_MATTER = re.compile(r"\A---\s*\n(.*?)\n---\s*$", re.DOTALL | re.MULTILINE)
# How licence texts begin, and what the hub calls them: https://huggingface.co/docs/hub/repositories-licenses
BEGINNINGS = {
    "Apache License Version 2.0": "apache-2.0",
    "MIT License": "mit",
    "LLAMA 3.2 COMMUNITY LICENSE": "llama3.2",
    "LLAMA 3.1 COMMUNITY LICENSE": "llama3.1",
    "META LLAMA 3 COMMUNITY LICENSE": "llama3",
    "Gemma Terms of Use": "gemma",
}


class BaseModel(NamedTuple):
    """A base model. `hub_id` and `revision` are None unless it came from the hub; `name` has no path of this machine."""

    name: str
    hub_id: str | None
    revision: str | None


class Licence(NamedTuple):
    """A licence as the hub names it; `other` has a name, a link, or both."""

    id: str
    name: str | None = None
    link: str | None = None


def base_model_of(folder: str | Path) -> BaseModel:
    """Return what the model in `folder` is called, from the record of where it came from."""
    record = read_json(Path(folder) / SOURCE_RECORD)
    source = record["source"]
    if record["kind"] == "hub":
        return BaseModel(source, source, record["revision"])
    return BaseModel(Path(source).name, None, None)


def licence_of(folder: str | Path) -> Licence | None:
    """Return the licence that the head of README.md, the GGUF file, config.json or a LICENSE file names, or None."""
    folder = Path(folder)
    return (
        licence_in(head_of_readme(folder / "README.md"))
        or licence_in(read_json(folder / SOURCE_RECORD))
        or licence_in(read_json(folder / "config.json"))
        or licence_in_text(folder)
    )


def head_of_readme(path: Path) -> dict[str, Any]:
    """Return the YAML at the head of a card; nothing if there is none that can be read."""
    try:
        found = FRONT_MATTER.search(path.read_text(encoding="utf-8"))
        head = yaml.safe_load(found[1]) if found else None
    except (OSError, UnicodeError, yaml.YAMLError):
        return {}
    return head if isinstance(head, dict) else {}


def licence_in(record: dict[str, Any]) -> Licence | None:
    """Return the licence of a record with the hub's keys: license, license_name, license_link."""
    licence = record.get("license")
    if not isinstance(licence, str) or not LICENCE_ID.fullmatch(licence.lower()):
        return None
    name, link = record.get("license_name"), record.get("license_link")
    return Licence(
        licence.lower(),
        name.lower() if isinstance(name, str) and LICENCE_ID.fullmatch(name.lower()) else None,
        link if isinstance(link, str) and LINK.fullmatch(link) else None,
    )


def licence_in_text(folder: Path) -> Licence | None:
    """Return the licence whose text is in a LICENSE file; `other` for a text that is not known here."""
    texts = sorted(path for path in folder.glob("LICENSE*") if path.is_file())
    if not texts:
        return None
    opening = " ".join(texts[0].read_text(encoding="utf-8", errors="replace")[:2000].split()).lower()
    known = (licence for beginning, licence in BEGINNINGS.items() if opening.startswith(beginning.lower()))
    return Licence(next(known, "other"))
