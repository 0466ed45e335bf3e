"""The folder of local caption files, and what a file's name says: title, id and language."""

import base64
import hashlib
import re
import unicodedata
from pathlib import Path
from typing import NamedTuple

from understudy.shared.errors import ConfigurationError
from understudy.shared.safe_markdown import plain_title
from understudy.source.captions.language import language_rank

# Of two files of one talk in the same language, the one that comes first here is used.
SUFFIXES = (".json3", ".vtt", ".srt", ".json", ".txt")
METADATA_SUFFIXES = (".info.json", ".live_chat.json")
NO_PART_OF_A_NAME = ("Cc", "Cs", "Zl", "Zp")
PATH_VARIABLE = re.compile(r"[{}]|<[a-z][a-z0-9_]*>")
AFTER_AN_ID = re.compile(r"\[(?P<id>[A-Za-z0-9_-]{11})\](?:\.(?P<language>[A-Za-z][A-Za-z0-9_-]*))?$")
LANGUAGE_IN_NAME = re.compile(r"\.((?:[a-z]{2}|fil|haw|yue)(?:-[A-Za-z0-9]+)*)$")


class CaptionFile(NamedTuple):
    """What the name of a caption file says."""

    path: Path
    video_id: str
    title: str
    language: str | None


def caption_files(folder: str | Path) -> list[Path]:
    """Return the caption files of a folder in the order of their names.

    Raises ConfigurationError if there is no such folder, no caption file in it, or a name that no rule could take."""
    folder = Path(folder)
    found = sorted(path for path in folder.glob("*") if has_caption_suffix(path) and path.is_file())
    if not found:
        state = "has no caption files" if folder.is_dir() else "does not exist"
        raise ConfigurationError(
            f"source.captions_dir is {str(folder)!r}: the folder {state}. "
            f"It takes a folder with files that end in {', '.join(SUFFIXES)}."
        )
    for path in found:
        if PATH_VARIABLE.search(path.name):
            raise ConfigurationError(
                f"{path}: Snakemake would read a part of this name as a variable. Rename the file without {{ }} < >."
            )
        if any(unicodedata.category(character) in NO_PART_OF_A_NAME for character in path.name):
            raise ConfigurationError(
                f"{str(path)!r}: a line end, a control character or broken text in the name. Rename the file."
            )
    return found


def has_caption_suffix(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.lower().endswith(METADATA_SUFFIXES)


def talks_of(files: list[Path], languages: list[str]) -> tuple[list[CaptionFile], list[CaptionFile]]:
    """Return one file a talk, the one that suits `languages` best, in the order of `files`; and those left out."""
    described = [described_by_name(path) for path in files]
    best: dict[str, CaptionFile] = {}
    for file in described:
        known = best.get(file.video_id)
        if known is None or rank_of(file, languages) < rank_of(known, languages):
            best[file.video_id] = file
    taken = set(best.values())
    return list(best.values()), [file for file in described if file not in taken]


def rank_of(file: CaptionFile, languages: list[str]) -> tuple:
    """The smaller, the better: an early language, its exact code, a kind of file that says more."""
    exact = (file.language or "").lower() in map(str.lower, languages)
    return language_rank(file.language, languages), not exact, SUFFIXES.index(file.path.suffix.lower())


def described_by_name(path: Path) -> CaptionFile:
    """Read title, id and language from a name such as `Title [ID].en.vtt`; without an id, one is made from the title."""
    stem = path.name[: -len(path.suffix)]
    given = AFTER_AN_ID.search(stem)
    if given:
        language = given["language"] and given["language"].replace("_", "-")
        return CaptionFile(path, given["id"], plain_title(stem[: given.start()]) or given["id"], language)
    named = LANGUAGE_IN_NAME.search(stem)
    title = plain_title(stem[: named.start()] if named else stem) or stem
    return CaptionFile(path, id_from_title(title), title, named and named.group(1))


def id_from_title(title: str) -> str:
    """An id of YouTube's length that stays the same as long as the title does, on every file system."""
    composed = unicodedata.normalize("NFC", title)
    return base64.urlsafe_b64encode(hashlib.sha256(composed.encode("utf-8", "replace")).digest())[:11].decode()
