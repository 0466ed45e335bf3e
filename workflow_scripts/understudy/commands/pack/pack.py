"""Write a pack: understudy pack [MODEL.gguf] [--to FOLDER]

One folder with the model, the talks and what serves them, for whoever never had the project. It always holds the talks' text."""

import contextlib
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from understudy.commands.pack.program import copy_program
from understudy.commands.pack.readme import readme_of
from understudy.models.licence import Licence, base_model_of, licence_of
from understudy.models.paths import gguf_source
from understudy.passages.cutting import plain_line
from understudy.passages.gate import GATE
from understudy.passages.store import INDEX, PASSAGES, RECORD, open_store, read_totals
from understudy.passages.talks import measured_error
from understudy.passages.vectors import what_shapes_vectors
from understudy.serving.pack import FILE_NAME, LONGEST_TEXT, MOST_EXAMPLES, PREFIXES, SETTINGS, VERSION
from understudy.shared.checkout import REPOSITORY
from understudy.shared.errors import UnderstudyError
from understudy.shared.files import read_json_lines, write_json, write_text
from understudy.shared.formats import counted, file_size
from understudy.shared.log import log

PROGRAM, REQUIREMENTS, CARD, EMBEDDER = "program", "requirements.txt", "CARD.md", "embedder.gguf"
LOCKED = REPOSITORY / "envs/pack.txt"
PAIRS = Path("data/dataset/pairs.jsonl")
PICTURES = ("loss.svg", "export.svg")
LICENCES = ("LICENSE*", "LICENCE*", "NOTICE*", "USE_POLICY*")
SERVE = '''"""Start this pack: .venv/bin/python serve.py [--port 8080]; README.md says how to make .venv."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "program"))

if __name__ == "__main__":
    try:
        from understudy.serving.start_pack import main
    except ModuleNotFoundError as missing:
        sys.exit(f"The package {missing.name} is not installed here. README.md has two lines: the first installs it.")
    sys.exit(main(HERE))
'''


class PackError(UnderstudyError):
    """The pack can't be made."""


@dataclass(frozen=True)
class Contents:
    """What a pack is made of: files of the project in the working directory, and its configuration."""

    model: Path
    config: dict
    base: Path
    talks: int

    @property
    def name(self) -> str:
        return self.config["name"]

    @property
    def folder(self) -> Path:
        return Path("models") / self.name

    @property
    def embedder(self) -> dict | None:
        """`retrieval.embedder`, if it is a model file; a server doesn't go along."""
        embedder = self.config["retrieval"]["embedder"]
        return None if embedder["gguf"] is None else embedder


def pack(model: Path, config: dict, base: Path, target: Path) -> None:
    """Write the pack `target` of the project in the working directory; `base` is the base model's folder.

    The folder is there only when it is whole. Raises PackError if something is there already or what a pack needs is missing,
    IndexFault if the index can't be read."""
    if target.exists() or target.is_symlink():
        raise PackError(f"{target} is there already. Delete it, or name another folder: understudy pack --to FOLDER")
    contents = checked_contents(model, config, base)
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.part")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        write_parts(contents, aside)
        aside.rename(target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    log.info("%s: %s. Its README.md has the two lines that start it.", target, file_size(size))
    log.warning(
        "It holds the whole text of %s: give it only to people who may have that.", counted(contents.talks, "talk")
    )


def checked_contents(model: Path, config: dict, base: Path) -> Contents:
    """What goes in. Raises PackError where it can't."""
    if not model.is_file():
        raise PackError(f"{model} does not exist: `understudy run {model}` makes it. A pack takes a GGUF file.")
    if not FILE_NAME.fullmatch(model.name):
        raise PackError(f"{model.name} is no name for a pack: it takes a GGUF file, with letters, digits, . _ and -.")
    with open_store(INDEX / PASSAGES) as store:
        return Contents(model, config, base, read_totals(store)["talks"])


def write_parts(contents: Contents, target: Path) -> None:
    """Write all files of the pack into a new folder."""
    target.mkdir()
    shutil.copyfile(contents.model, target / contents.model.name)
    if contents.embedder is not None:
        shutil.copyfile(gguf_source(contents.embedder["gguf"], "retrieval.embedder.gguf"), target / EMBEDDER)
    write_index(contents.config["retrieval"]["embedder"], target)
    copy_program(target / PROGRAM)
    shutil.copyfile(REPOSITORY / "LICENSE", target / PROGRAM / "LICENSE")
    shutil.copyfile(LOCKED, target / REQUIREMENTS)
    write_text(target / "serve.py", SERVE)
    copy_licences(contents.base, target / "licences")
    settings = settings_of(contents)
    write_json(target / SETTINGS, settings)
    has_card = write_card(contents, target)
    licence = licence_of_base(contents.base)
    write_text(
        target / "README.md", readme_of(settings, contents.talks, licence, has_card, contents.embedder is not None)
    )


def settings_of(contents: Contents) -> dict:
    """What serving/pack.py reads: nothing but names of files in the pack, and texts."""
    answering, embedder = contents.config["answering"], contents.embedder
    return {
        "version": VERSION,
        "name": contents.name,
        "model": contents.model.name,
        "voice": plain_line(contents.config["answers"]["voice"])[:LONGEST_TEXT],
        "strict": answering["strict"],
        "notice": None if answering["notice"] is None else plain_line(answering["notice"])[:LONGEST_TEXT],
        "measured": None if answering["strict"] else measured_error(contents.folder / "evaluation.json"),
        "examples": example_questions(),
        "embedder": None if embedder is None else {"gguf": EMBEDDER, **{name: embedder[name] for name in PREFIXES}},
    }


def example_questions() -> list[str]:
    """Questions of the talks that the model was trained on, one of a talk; none where there is no data set."""
    if not PAIRS.exists():
        return []
    first_of_talk: dict[str, str] = {}
    for _, pair in read_json_lines(PAIRS):
        first_of_talk.setdefault(pair["video_id"] or "", plain_line(pair["question"])[:LONGEST_TEXT])
    return list(first_of_talk.values())[:MOST_EXAMPLES]


def write_index(embedder: dict, target: Path) -> None:
    """Copy index and gate: of the vectors those alone that the pack can use, and none of the blocks that the index is made of."""
    from understudy.passages.embedder import vectors_name

    (target / INDEX).mkdir(parents=True)
    shutil.copyfile(INDEX / RECORD, target / INDEX / RECORD)
    copied = target / INDEX / PASSAGES
    with open_store(INDEX / PASSAGES) as store, contextlib.closing(sqlite3.connect(copied)) as copy:
        store.connection.backup(copy)
        usable = None if embedder["gguf"] is None else vectors_name(what_shapes_vectors(embedder))
        copy.execute("DELETE FROM vectors WHERE embedder IS NOT ?", (usable,))
        copy.commit()
        # A file without its log beside it, whatever the index was written with.
        copy.execute("PRAGMA journal_mode = DELETE")
        copy.execute("VACUUM")
    if GATE.exists():
        shutil.copyfile(GATE, target / GATE)


def copy_licences(base: Path, target: Path) -> None:
    """Copy what the base model's folder has of licences and notices."""
    found = sorted({path for pattern in LICENCES for path in base.glob(pattern) if path.is_file()})
    for path in found:
        target.mkdir(exist_ok=True)
        shutil.copyfile(path, target / path.name)


def licence_of_base(base: Path) -> tuple[str, Licence | None]:
    """The base model's name, and its licence if its folder says it; the folder may have been removed."""
    try:
        return base_model_of(base).name, licence_of(base)
    except (OSError, UnderstudyError):
        return base.name, None


def write_card(contents: Contents, target: Path) -> bool:
    """Copy the model's card with its pictures, and have it say what the pack holds; False where there is no card yet."""
    card = contents.folder / "README.md"
    if not card.is_file():
        log.warning("Warning: the pack has no card: %s is missing. `understudy run %s` writes it.", card, card)
        return False
    text = card.read_text(encoding="utf-8")
    write_text(target / CARD, with_note(text, contents.talks))
    for picture in PICTURES:
        if f"]({picture})" in text and (contents.folder / picture).is_file():
            shutil.copyfile(contents.folder / picture, target / picture)
    return True


def with_note(card: str, talks: int) -> str:
    """The card with a sentence on what is in the pack, before its first heading."""
    note = f"> **In this pack:** the model, and the whole text of the {counted(talks, 'talk')} that it answers from."
    before, heading, after = card.partition("\n# ")
    return f"{before}\n{note}\n{heading}{after}" if heading else f"{note}\n\n{card}"
