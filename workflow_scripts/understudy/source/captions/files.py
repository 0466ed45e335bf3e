"""The folder of local caption files, and what a file's name says: title, id and language."""

import base64
import hashlib
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from understudy.shared.errors import ConfigurationError
from understudy.shared.safe_markdown import plain_title
from understudy.source.captions.cleaning import WRITTEN_WITHOUT_BLANKS
from understudy.source.captions.formats import SUFFIXES
from understudy.source.captions.language import is_exact, is_translation, language_of_code, language_rank, usual_form
from understudy.source.captions.texts import NO_TEXTS

METADATA_SUFFIXES = (".info.json", ".live_chat.json")
NO_PART_OF_A_NAME = ("Cc", "Cs", "Zl", "Zp")
PATH_VARIABLE = re.compile(r"[{}]|<[a-z][a-z0-9_]*>")
# What programs add to a language: `Talk.en.forced.srt`, and a browser to the name of a second download.
REMARK = r"(?:\.(?:forced|sdh|cc|hi|default|foreign))*"
# `yt-dlp --download-archive` writes a line a video.
LINE_OF_AN_ARCHIVE = re.compile(r"[a-z0-9:]+ \S+")
AFTER_AN_ID = re.compile(r"\[(?P<id>[A-Za-z0-9_-]{11})\](?P<parts>(?:\.[^.\s]+)*)(?: ?\(\d+\))?$")
LANGUAGE_IN_NAME = re.compile(rf"{REMARK}\.(?P<code>[a-z]{{2,3}}(?:[-_][A-Za-z0-9]+)*){REMARK}$")
# With these yt-dlp replaces what no file name may hold.
LOOK_ALIKE = re.compile("[\u29f8\u29f9\uff02\uff0a\uff1a\uff1c\uff1e\uff1f\uff5c]")
PLAIN = {"\u29f8": "/", "\u29f9": "\\"}


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
    found = [path for path in things_in(folder) if why_not_read(path) is None]
    if not found:
        state = f"has no caption files{but_has(folder)}" if folder.is_dir() else "does not exist"
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


def why_not_read(path: Path) -> str | None:
    """Why a thing in the folder of captions is none that is read, or None if it is."""
    if path.is_dir():
        return "a folder: only files beside it are read"
    if path.is_symlink() and not path.exists():
        return "a broken link"
    if path.name.lower().endswith(METADATA_SUFFIXES) or path.suffix.lower() not in SUFFIXES:
        return f"not one of {', '.join(SUFFIXES)}"
    if NO_TEXTS.fullmatch(path.name):
        return "it tells of the folder"
    if not path.is_file():
        return "not a file"
    return "yt-dlp's archive of what it has fetched" if path.suffix.lower() == ".txt" and is_archive(path) else None


def is_archive(path: Path) -> bool:
    with path.open("rb") as file:
        lines = file.read(1000).decode("utf-8", "replace").splitlines()
    extractors = [line.split(" ")[0] for line in lines if LINE_OF_AN_ARCHIVE.fullmatch(line)]
    return bool(lines) and len(extractors) == len(lines) and extractors[0] == "youtube"


def not_read(folder: str | Path) -> list[tuple[Path, str]]:
    """What is in the folder and isn't read, and why."""
    return [(path, why) for path in things_in(folder) if (why := why_not_read(path)) is not None]


def things_in(folder: str | Path) -> list[Path]:
    """All in a folder but hidden files, which are nobody's captions: macOS writes `._Talk.srt` beside a talk on foreign disks."""
    return sorted(path for path in Path(folder).glob("*") if not path.name.startswith("."))


def but_has(folder: Path) -> str:
    names = ", ".join(repr(path.name) for path, _ in not_read(folder)[:3])
    return f" ({names} can't be read)" if names else ""


def talks_of(
    files: list[Path], languages: list[str], before: Iterable[dict] = ()
) -> tuple[list[CaptionFile], list[CaptionFile]]:
    """Return one file a talk, the one that suits `languages` best, in the order of `files`; and those left out.

    What the records `before` list keeps its id and its title."""
    described = with_known_ids([described_by_name(path) for path in files], before)
    best: dict[str, CaptionFile] = {}
    for file in described:
        known = best.get(file.video_id)
        if known is None or rank_of(file, languages) < rank_of(known, languages):
            best[file.video_id] = file
    taken = set(best.values())
    return list(best.values()), [file for file in described if file not in taken]


def with_known_ids(files: list[CaptionFile], before: Iterable[dict]) -> list[CaptionFile]:
    """Give files the ids and titles under which `before` lists their talks, whose names may have been read otherwise then; so
    that nothing is asked or trained again. A talk that is new gets no id that another has."""
    listed = {described_by_name(Path(one["source_file"])).video_id: one for one in before if one["source_file"]}
    taken = {one["video_id"] for one in listed.values()}

    def known(file: CaptionFile) -> CaptionFile:
        one = listed.get(file.video_id)
        if one is None:
            return file._replace(video_id=id_from_title(f"{file.title}\n")) if file.video_id in taken else file
        is_renamed = described_by_name(Path(one["source_file"])).title != file.title
        return file._replace(video_id=one["video_id"], title=file.title if is_renamed else one["title"])

    return [known(file) for file in files]


def rank_of(file: CaptionFile, languages: list[str]) -> tuple:
    """The smaller, the better: an early language, no translation, its exact code, a kind of file that says more."""
    code, suffix = file.language, file.path.suffix.lower()
    translated = code is not None and is_translation(code)
    return language_rank(code, languages), translated, not is_exact(code, languages), SUFFIXES.index(suffix)


def described_by_name(path: Path) -> CaptionFile:
    """Read title, id and language from a name such as `Title [ID].en.vtt`; without an id, one is made from the title."""
    stem = path.name[: -len(path.suffix)]
    given = AFTER_AN_ID.search(stem)
    if given:
        codes = [usual_form(part) for part in given["parts"].split(".") if is_language(part)]
        title = title_in(stem[: given.start()]) or given["id"]
        return CaptionFile(path, given["id"], title, codes[0] if codes else None)
    named = LANGUAGE_IN_NAME.search(stem)
    if named and not is_language(named["code"]):
        named = None
    title = title_in(stem[: named.start()] if named else stem) or stem
    return CaptionFile(path, id_from_title(title), title, named and usual_form(named["code"]))


def is_language(part: str) -> bool:
    """Whether a part of a name is a code of a language, or of a translation."""
    code = part.replace("_", "-")
    return language_of_code(code) is not None or is_translation(code)


def title_in(name: str) -> str:
    """The title with the plain signs for which yt-dlp writes others: `Why？` is `Why?`. After a script that has such signs of its
    own they stay."""
    return plain_title(LOOK_ALIKE.sub(plain_sign, name))


def plain_sign(found: re.Match) -> str:
    before = found.string[: found.start()].rstrip()[-1:]
    own = before and WRITTEN_WITHOUT_BLANKS.match(before) and not LOOK_ALIKE.match(before)
    return found[0] if own else PLAIN.get(found[0]) or chr(ord(found[0]) - 0xFEE0)


def id_from_title(title: str) -> str:
    """An id of YouTube's length that stays the same as long as the title does, on every file system."""
    composed = unicodedata.normalize("NFC", title)
    return base64.urlsafe_b64encode(hashlib.sha256(composed.encode("utf-8", "replace")).digest())[:11].decode()
