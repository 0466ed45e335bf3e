"""What new users do wrong, through the real commands: what was typed, what is said, and the exit status."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from fake_teacher import FakeTeacher
from project import MODEL, Project, environment
from understudy.commands.command_line import main


def unchanged(project: Project) -> None:
    pass


def text(content: str, encoding: str = "utf-8") -> Callable[[Project], None]:
    """config.yaml has this in it."""
    return lambda project: (project / "config.yaml").write_text(content, encoding=encoding) and None


def added(content: str) -> Callable[[Project], None]:
    """config.yaml has these lines more."""
    return lambda project: (
        (project / "config.yaml").write_text((project / "config.yaml").read_text() + content) and None
    )


def keys(**groups) -> Callable[[Project], None]:
    """config.yaml has other keys."""
    return lambda project: project.configure(**groups)


def file(name: str, content: str) -> Callable[[Project], None]:
    def write(project: Project) -> None:
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(content)

    return write


def without(name: str) -> Callable[[Project], None]:
    def remove(project: Project) -> None:
        path = project / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return remove


class Mistake(NamedTuple):
    change: Callable[[Project], None]
    typed: str
    says: str
    status: int = 1


# understudy, in the project's folder.
OF_COMMANDS = {
    "a handle without quotation marks": Mistake(
        text("name: x\nsource:\n  channel: @fung\n"),
        "plan",
        'line 3, column 12: a value can\'t begin with @. Put it into quotation marks: channel: "@fung"',
    ),
    "a tab": Mistake(
        text("name: x\nsource:\n\tcaptions_dir: captions\n"), "plan", "line 3, column 1: a tab. Indent with spaces."
    ),
    "a colon in a title": Mistake(added("answers:\n  voice: Nell: plain\n"), "plan", "a colon where none can be"),
    "the same group twice": Mistake(added("teacher: {}\n"), "plan", "'teacher' is there for the second time"),
    "a NUL byte": Mistake(added("# \0\n"), "plan", "column 3: a NUL byte"),
    "a file of UTF-16": Mistake(text("name: x\n", "utf-16"), "plan", "Save the file as UTF-8"),
    "an empty file": Mistake(text(""), "plan", "config.yaml has no keys"),
    "no space after a colon": Mistake(text("name:x\n"), "plan", "config.yaml has no keys"),
    "a misspelled key": Mistake(keys(teachers={"model": "x"}), "plan", "teachers is not a key. Did you mean teacher?"),
    "a key of another program": Mistake(keys(training={"alpha": 16}), "plan", "mlx_lm has no alpha"),
    "a word for a number": Mistake(
        keys(training={"epochs": "two"}), "plan", "training.epochs is 'two'; it takes a number"
    ),
    "a quantization that there isn't": Mistake(
        keys(export={"quantizations": ["Q4KM"]}), "plan", "export.quantizations.0 is 'Q4KM'; it takes one of"
    ),
    "no source": Mistake(
        keys(source={"captions_dir": None}), "plan", "source takes `channel` (an address), `captions_dir`"
    ),
    "a list of channels": Mistake(
        keys(source={"channel": ["@x", "@y"]}), "plan", "source.channel is ['@x', '@y']; it takes"
    ),
    "talks and pairs": Mistake(
        keys(source={"pairs": "pairs.csv"}), "plan", "source.pairs is for a project without talks"
    ),
    "a folder that isn't there": Mistake(
        keys(source={"captions_dir": "caption"}), "plan", "source.captions_dir is 'caption': the folder does not exist"
    ),
    "a folder without captions": Mistake(
        lambda project: [path.unlink() for path in (project / "captions").iterdir()] and None,
        "plan",
        "the folder has no caption files",
    ),
    "a teacher's file that isn't there": Mistake(
        keys(teacher={"model": None, "gguf": "no.gguf"}), "plan", "teacher.gguf is 'no.gguf': there is no such file"
    ),
    "two teachers": Mistake(keys(teacher={"gguf": "no.gguf"}), "plan", "teacher takes either `model`"),
    "a key in the address": Mistake(
        keys(teacher={"base_url": "https://me:secret@example.org/v1"}), "plan", "teacher.base_url has a login"
    ),
    "a budget without a price": Mistake(
        keys(teacher={"budget_usd": 5}), "plan", "teacher.budget_usd needs teacher.prices"
    ),
    "a placeholder that there isn't": Mistake(
        file("prompts/answers.md", "Answer {{ qestion }} as {{ voice }} about {{ title }}."),
        "plan",
        "{{ qestion }} is unknown",
    ),
    "questions before the list": Mistake(
        unchanged, "check-questions", "`understudy run data/videos.json` lists the talks"
    ),
    "a folder without a project": Mistake(without("config.yaml"), "plan", "There is no config.yaml in"),
    "a project that isn't there": Mistake(
        unchanged, "--directory nowhere plan", "--directory is nowhere, which is no folder"
    ),
    "a command that there isn't": Mistake(unchanged, "chatt", "invalid choice: 'chatt'", 2),
    "an option that there isn't": Mistake(unchanged, "plan --inflight 3", "unrecognized arguments: --inflight", 2),
    "a search before the index": Mistake(unchanged, "search beans", "understudy run -f data/index/index.json"),
    "talk before there is a model": Mistake(unchanged, "chat", "models/tiny-Q4_K_M.gguf does not exist"),
    "a pack before there is a model": Mistake(unchanged, "pack", "tiny-Q4_K_M.gguf"),
    "a folder of channels without one": Mistake(unchanged, "channels captions", "captions has no project in it"),
    "a name that can't be one": Mistake(unchanged, "rename my/name", "'my/name' can't be a name"),
    "a comparison without an evaluation": Mistake(unchanged, "compare nowhere", "nowhere"),
}
# snakemake, in the checkout: what is refused before the first job.
OF_SNAKEMAKE = {
    "a quantization's name": Mistake(
        unchanged, "-n models/tiny-Q4KM.gguf", "file. Did you mean models/tiny-Q4_K_M.gguf?"
    ),
    "a rule's name": Mistake(unchanged, "-n modelfil", "Did you mean modelfile?"),
    "a forced rule's name": Mistake(
        unchanged, "-n -R anwsers -- data/videos.json", "Nothing makes 'anwsers', neither a rule of this name nor"
    ),
    "a model that the server hasn't": Mistake(
        keys(teacher={"model": "fake-l"}), MODEL, "has no model 'fake-l'. Did you mean 'fake-1'?"
    ),
    "a server that isn't running": Mistake(
        keys(teacher={"base_url": "http://127.0.0.1:9/v1"}),
        MODEL,
        "127.0.0.1 can't be reached, or broke off. Is teacher.base_url right, and the server running?",
    ),
    "one talk alone": Mistake(without("captions/beans.srt"), MODEL, "There is 1 talk that can be read."),
    "a mistake in YAML": Mistake(
        text("name: x\nsource:\n  channel: @fung\n"),
        "-n",
        "config.yaml, line 3, column 12: a value can't begin with @.",
    ),
}


@pytest.fixture(scope="module")
def listing_teacher():
    with FakeTeacher() as teacher:
        teacher.models = ["fake-1"]
        yield teacher


@pytest.fixture
def mine(tmp_path, listing_teacher, tiny_base) -> Project:
    return Project.made_in(tmp_path / "project", listing_teacher.base_url, tiny_base)


@pytest.mark.parametrize("mistake", OF_COMMANDS)
def test_a_command_says_what_is_wrong(mine, mistake, monkeypatch, capfd):
    change, typed, says, status = OF_COMMANDS[mistake]
    change(mine)
    monkeypatch.chdir(mine.path)
    try:
        ended = main(typed.split())
    except SystemExit as end:
        ended = end.code
    printed = capfd.readouterr()
    said = printed.out + printed.err
    assert ended == status and says in said, said
    assert "Traceback" not in said
    assert not Path("data").exists()


@pytest.mark.parametrize("mistake", OF_SNAKEMAKE)
def test_snakemake_refuses_it_before_the_first_job(mine, listing_teacher, mistake):
    change, typed, says, status = OF_SNAKEMAKE[mistake]
    change(mine)
    run = subprocess.run(
        mine.command(*typed.split()), cwd=mine.checkout, env=environment(), capture_output=True, text=True, check=False
    )
    said = run.stdout + run.stderr
    assert run.returncode == status and says in said, said
    assert not (mine / "data").exists() and listing_teacher.asked() == []
