"""Make a project: understudy new FOLDER"""

import argparse
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import yaml

from understudy.commands.new.choices import Choice, bases, chosen, shown, teachers
from understudy.commands.new.estimates import Work
from understudy.commands.new.local_models import local_models
from understudy.commands.new.servers import served_models
from understudy.commands.new.settings import Wanted, files_of
from understudy.configuration import MODEL_NAME, complete_configuration
from understudy.shared.errors import ConfigurationError, UnderstudyError
from understudy.source.captions.files import caption_files, why_not_read
from understudy.source.youtube.address import addresses_of

CAPTIONS = "captions"
TALKS_UNKNOWN, QUESTIONS_A_TALK = 10, 12
RIGHTS = ("they are the maker's own", "the speaker has agreed", "their licence allows it")
LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]+)*")


class NoAnswer(UnderstudyError):
    """Nobody is there to be asked, and an option is missing."""


def make_project(given: argparse.Namespace) -> None:
    """Ask for what no option says, write the project, and say what to type next.

    Raises UnderstudyError if the folder has any of its files already; nothing is overwritten."""
    folder = given.folder
    check_is_free(folder)
    wanted, captions = asked_for(given, folder)
    files = files_of(wanted)
    complete_configuration(yaml.safe_load(files["config.yaml"]))
    write(folder, files, captions, dict((*wanted.teacher.links, *wanted.base.links)))
    print(what_next(folder, wanted, captions))


def check_is_free(folder: Path) -> None:
    """Raise UnderstudyError if something is there that a project would overwrite."""
    if folder.exists() and not folder.is_dir():
        raise UnderstudyError(f"{folder} is a file. Name a folder for the new project.")
    there = [name for name in ("config.yaml", "README.md", ".gitignore", "prompts") if (folder / name).exists()]
    if there:
        raise UnderstudyError(
            f"{folder} has {' and '.join(there)} already, and nothing is overwritten. Name another folder."
        )


def asked_for(given: argparse.Namespace, folder: Path) -> tuple[Wanted, list[Path]]:
    """What the options say, and the user where they don't; and the caption files to copy."""
    name = given.name or asked("--name", "The model's name", name_of(folder), checked_name, is_usual=True)
    checked_name(name)
    channel, captions = talks_of(given, folder)
    language = given.language or asked(
        "--language", "The language of the talks, as a code", "en", checked_language, is_usual=True
    )
    checked_language(language)
    whose = given.whose or asked("--whose", "Whose talks are these? The name")
    rights = given.rights or asked(
        "--rights", f"By what right do you use them?\n{numbered(RIGHTS)}\nWhich, or in your words"
    )
    rights = RIGHTS[int(rights) - 1] if rights in ("1", "2", "3") else rights
    there = [path for path in (folder / CAPTIONS).glob("*") if why_not_read(path) is None]
    work = Work(len(captions or there) or TALKS_UNKNOWN, QUESTIONS_A_TALK)
    print("Looking for models on this machine ...", flush=True)
    local = local_models()
    teacher = teacher_of(given, teachers(local, served_models(), work))
    base = base_of(given, bases(local, work))
    return Wanted(name, channel, whose, rights, given.voice or whose, language, teacher, base), captions


def talks_of(given: argparse.Namespace, folder: Path) -> tuple[str | None, list[Path]]:
    """The channel, or None and the caption files to copy: none if they are in the project already, or are to be put there."""
    channel, captions = given.channel, given.captions
    if channel is None and captions is None:
        said = asked(
            "--channel or --captions", "A channel (@handle or address), or a folder of caption files", CAPTIONS
        )
        channel, captions = (None, Path(said)) if said == CAPTIONS or Path(said).expanduser().is_dir() else (said, None)
        captions = None if said == CAPTIONS and not Path(said).is_dir() else captions
    if channel is not None:
        addresses_of(channel, ["videos"])
        return channel, []
    own = folder / CAPTIONS
    if captions is None or captions.expanduser().resolve() == own.resolve():
        return None, []
    try:
        return None, caption_files(captions.expanduser())
    except ConfigurationError as error:
        raise UnderstudyError(str(error).replace("source.captions_dir", "--captions", 1)) from None


def teacher_of(given: argparse.Namespace, choices: list[Choice]) -> Choice:
    said = given.teacher or asked(
        "--teacher", f"The teacher model, which writes the pairs:\n{shown(choices)}\nWhich", "1"
    )
    found = None if given.server else chosen(said, choices)
    if found is not None:
        return found
    if said.endswith(".gguf"):
        return Choice(said, "", {"gguf": path_for(said)}, size_of(said))
    return Choice(said, "", {"model": said, **({"base_url": given.server} if given.server else {})})


def base_of(given: argparse.Namespace, choices: list[Choice]) -> Choice:
    said = given.base or asked("--base", f"The base model, which learns from them:\n{shown(choices)}\nWhich", "1")
    found = chosen(said, choices)
    if found is not None:
        return found
    is_here = Path(said).expanduser().exists()
    if not is_here and (said.endswith(".gguf") or said.count("/") != 1):
        raise UnderstudyError(
            f"--base is {said!r}: there is no such file or folder, and it is no hub id such as owner/model."
        )
    return Choice(said, "", {"base_model": path_for(said) if is_here else said}, size_of(said))


def path_for(said: str) -> str:
    """A path from here as the project takes it. Raises UnderstudyError if nothing is there."""
    path = Path(said).expanduser().absolute()
    if not path.exists():
        raise UnderstudyError(f"{said} doesn't exist.")
    return str(path)


def size_of(said: str) -> int | None:
    """Bytes of a model's file, or of a folder's weights; None for what isn't here."""
    path = Path(said).expanduser()
    if path.is_dir():
        return sum(weights.stat().st_size for weights in path.glob("*.safetensors")) or None
    return path.stat().st_size if path.is_file() else None


def asked(
    option: str,
    question: str,
    default: str = "",
    check: Callable[[str], None] = lambda text: None,
    is_usual: bool = False,
) -> str:
    """The user's answer, asked again as long as it can't be used. At the end of input a default that is usual is taken.

    Raises NoAnswer, naming the option, at the end of input otherwise."""
    while True:
        try:
            print(f"{question}{f' [{default}]' if default else ''}: ", end="", flush=True)
            line = sys.stdin.readline()
            if not line and is_usual:
                print(default)
            elif not line:
                raise NoAnswer(f"Nobody answers here: give {option}, and what else is asked: understudy new --help")
            said = line.strip() or default
            check(said)
        except NoAnswer:
            raise
        except UnderstudyError as error:
            print(error)
            continue
        if said:
            return said


def numbered(lines: tuple[str, ...]) -> str:
    return "\n".join(f"  {number}  {line}" for number, line in enumerate(lines, 1))


def name_of(folder: Path) -> str:
    """A model's name from a folder's."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", folder.resolve().name).strip("-._") or "mine"


def checked_name(text: str) -> None:
    if not MODEL_NAME.fullmatch(text) or text == "base":
        raise UnderstudyError(f"--name is {text!r}: it takes letters, digits, `.`, `_` and `-`, and is not `base`.")


def checked_language(text: str) -> None:
    if not LANGUAGE.fullmatch(text):
        raise UnderstudyError(f"--language is {text!r}: it takes a code such as en, de or pt-BR.")


def write(folder: Path, files: dict[str, str], captions: list[Path], links: dict[str, str]) -> None:
    """Write the files into the folder; config.yaml, which makes it a project, last. Raises UnderstudyError."""
    try:
        (folder / CAPTIONS).mkdir(parents=True, exist_ok=True)
        for path in captions:
            if not (folder / CAPTIONS / path.name).exists():
                shutil.copyfile(path, folder / CAPTIONS / path.name)
        for name, target in links.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).symlink_to(target)
        for name in sorted(files, key=lambda name: name == "config.yaml"):
            (folder / name).parent.mkdir(exist_ok=True)
            with (folder / name).open("x", encoding="utf-8") as opened:
                opened.write(files[name])
    except OSError as error:
        raise UnderstudyError(f"{folder} can't be written: {error.strerror or error} ({error.filename}).") from None


def what_next(folder: Path, wanted: Wanted, captions: list[Path]) -> str:
    """The lines to type after it."""
    has_talks = wanted.channel is not None or captions or any((folder / CAPTIONS).iterdir())
    first = [] if has_talks else [f"Put the caption files into {folder / CAPTIONS}. Then:", ""]
    key = (
        ["", "The key goes into .env there: OPENAI_API_KEY=..."] if wanted.teacher.settings.keys() == {"model"} else []
    )
    return "\n".join(
        [
            f"{folder} is a project: all that was chosen is in its config.yaml.",
            *first,
            "",
            f"    cd {folder}",
            "    understudy preview    # three questions and answers of one talk, before more is asked",
            "    understudy run        # everything",
            "    understudy chat",
            *key,
        ]
    )
