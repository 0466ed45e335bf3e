"""A pack: one folder with a model and the talks, made by `understudy pack` and read where the project never was.

Whoever made it is a stranger: what its settings say is checked, and they name no file outside of the folder."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from understudy.passages.cutting import plain_line
from understudy.passages.gate import GATE
from understudy.passages.store import INDEX, PASSAGES, RECORD
from understudy.serving.kept.own_files import read_own_json
from understudy.shared.errors import InputFileError

SETTINGS, VERSION = "pack.json", 1
# Beside the settings and the model.
FILES, CONVERSATIONS = (INDEX / PASSAGES, INDEX / RECORD, GATE, Path("data/flags.csv")), Path("data/conversations")
FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,150}\.gguf")
# Bytes of the settings, characters of a text in them, and questions.
LARGEST_SETTINGS, LONGEST_TEXT, MOST_EXAMPLES = 100_000, 2000, 4
PREFIXES = ("query_prefix", "passage_prefix")
# The configuration's `retrieval.embedder` of a pack that is searched by words.
WORDS_ALONE = {"gguf": None, "base_url": None, "model": None, "revision": None, **dict.fromkeys(PREFIXES, "")}


class PackFault(InputFileError):
    """The folder is no pack, or its settings can't be used; the message says what is wrong."""


@dataclass(frozen=True)
class Pack:
    """What a pack's settings say: how answers are shown, as the configuration's `answering`; `measured`, the error that held-out
    talks showed; example questions; and `embedder`, as `retrieval.embedder`, whose file, if there is one, lies in the folder."""

    folder: Path
    name: str
    model: Path
    voice: str
    strict: bool
    notice: str | None
    measured: str | None
    examples: list[str]
    embedder: dict[str, str | None]


def is_pack(folder: Path) -> bool:
    """Whether a folder says that it is a pack."""
    return (folder / SETTINGS).is_file()


def read_pack(folder: Path) -> Pack:
    """Read the settings of a pack. Raises PackFault, naming file and key, for a folder that is none or that has been changed into
    something that can't be trusted."""
    if not is_pack(folder):
        what = "is a folder without" if folder.is_dir() else "has no"
        raise PackFault(f"{folder} is no pack: it {what} {SETTINGS}. `understudy pack` makes one.")
    settings = _Settings(folder, _record(folder))
    settings.check_version()
    settings.check_files()
    embedder = settings.record.get("embedder")
    return Pack(
        folder=folder,
        name=settings.text("name"),
        model=settings.file("model", settings.record.get("model")),
        voice=settings.text("voice"),
        strict=settings.switch("strict"),
        notice=settings.text_or_none("notice"),
        measured=settings.text_or_none("measured"),
        examples=settings.texts("examples"),
        embedder=WORDS_ALONE if embedder is None else settings.embedder(embedder),
    )


def _record(folder: Path) -> dict[str, Any]:
    path = folder / SETTINGS
    try:
        record = read_own_json(path, LARGEST_SETTINGS)
    except InputFileError as fault:
        raise PackFault(f"{fault} Ask whoever made the pack for it anew.") from None
    if not isinstance(record, dict):
        raise PackFault(f"{path} has no keys.")
    return record


class _Settings:
    """The keys of pack.json, each checked as it is read."""

    def __init__(self, folder: Path, record: dict[str, Any]):
        self.folder = folder
        self.record = record

    def fault(self, key: str, says: str) -> PackFault:
        return PackFault(f"{self.folder / SETTINGS}: {key} {says}. Ask whoever made the pack for it anew.")

    def check_version(self) -> None:
        """Raise PackFault for a pack of another version of Understudy."""
        version = self.record.get("version")
        # True and 1.0 are equal to 1.
        if type(version) is not int or version != VERSION:
            raise PackFault(
                f"{self.folder / SETTINGS} is of version {version!r}, and this Understudy reads {VERSION}. "
                f"Start the pack with its own program: its README.md has the two lines."
            )

    def check_files(self) -> None:
        """Raise PackFault if what is read of the pack, or written into it, is a link, lies behind one, or is no file."""
        for path in map(self.folder.joinpath, (*FILES, CONVERSATIONS)):
            if not self.is_inside(path):
                raise PackFault(f"{path} is a link: a pack has its own files.")
            is_folder = path == self.folder / CONVERSATIONS
            if path.exists() and not (path.is_dir() if is_folder else path.is_file()):
                raise PackFault(
                    f"{path} is no {'folder' if is_folder else 'file'}. Move it away, or copy the pack again."
                )
        if not (self.folder / INDEX / PASSAGES).is_file():
            raise PackFault(f"{self.folder / INDEX / PASSAGES} is missing: the pack isn't whole. Copy it again.")

    def is_inside(self, path: Path) -> bool:
        return path.resolve() == self.folder.resolve() / path.relative_to(self.folder)

    def file(self, key: str, name: Any) -> Path:
        """A GGUF file of the folder itself."""
        if not isinstance(name, str) or not FILE_NAME.fullmatch(name):
            raise self.fault(key, "is not the name of a GGUF file in the pack")
        path = self.folder / name
        if not path.is_file():
            raise self.fault(key, f"names {name}, which is missing")
        if not self.is_inside(path):
            raise self.fault(key, f"names {name}, which is a link")
        return path

    def text(self, key: str) -> str:
        return self.line(key, self.record.get(key))

    def text_or_none(self, key: str) -> str | None:
        return None if self.record.get(key) is None else self.text(key)

    def line(self, key: str, value: Any) -> str:
        """A text, as one line without signs that command a terminal or a page."""
        if not isinstance(value, str) or len(value) > LONGEST_TEXT:
            raise self.fault(key, f"is no text of at most {LONGEST_TEXT:,} characters")
        return plain_line(value)

    def switch(self, key: str) -> bool:
        if not isinstance(self.record.get(key), bool):
            raise self.fault(key, "is neither true nor false")
        return self.record[key]

    def texts(self, key: str) -> list[str]:
        listed = self.record.get(key)
        if not isinstance(listed, list) or len(listed) > MOST_EXAMPLES:
            raise self.fault(key, f"is no list of at most {MOST_EXAMPLES} texts")
        return [self.line(key, text) for text in listed]

    def embedder(self, given: Any) -> dict[str, str | None]:
        """A model file of the folder and its prefixes; never a server, which would get every question."""
        if not isinstance(given, dict) or set(given) != {"gguf", *PREFIXES}:
            raise self.fault("embedder", f"has other keys than gguf, {' and '.join(PREFIXES)}")
        for name in PREFIXES:
            if not isinstance(given[name], str) or len(given[name]) > LONGEST_TEXT:
                raise self.fault(f"embedder.{name}", "is no text")
        prefixes = {name: given[name] for name in PREFIXES}
        return WORDS_ALONE | prefixes | {"gguf": str(self.file("embedder.gguf", given["gguf"]).absolute())}
