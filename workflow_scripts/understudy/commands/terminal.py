"""A conversation on a terminal: what is typed, with the lines before at the arrow keys; Markdown as it comes; and commands."""

import argparse
import contextlib
import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from understudy.shared.errors import UnderstudyError
from understudy.shared.numbers import number_from

if TYPE_CHECKING:
    from understudy.passages.sources import Passage

FENCES = ("```", "~~~")


class CommandError(UnderstudyError):
    """What was typed is no command, or can't be done; the conversation goes on."""


@dataclass
class Conversation:
    """What was said; `sources` are the passages of the last answer, `passages` of each. `temperature` is None until it is set."""

    messages: list[dict[str, str]] = field(default_factory=list)
    sources: "list[Passage]" = field(default_factory=list)
    passages: "list[list[Passage]]" = field(default_factory=list)
    temperature: float | None = None
    has_ended: bool = False

    def add(self, question: str, answer: str) -> None:
        self.messages += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        self.passages.append(self.sources)


def typed_questions() -> Iterator[str]:
    """What is typed at the terminal, up to an empty line or Ctrl-D."""
    with contextlib.suppress(ImportError):
        # Editing, and the lines before, for input(). Nothing is written into a file.
        import readline  # noqa: F401
    while True:
        try:
            question = input("> ").strip()
        except EOFError:
            print()
            return
        if not question:
            return
        yield question


def do_command(line: str, conversation: Conversation) -> None:
    """Do what a line that begins with / says. Raises CommandError."""
    name, _, rest = line[1:].partition(" ")
    if name not in COMMANDS:
        raise CommandError(f"There is no /{name}. /help lists what there is.")
    COMMANDS[name][0](conversation, rest.strip())


def say_help(_: Conversation, __: str) -> None:
    for name, (_does, takes, says) in COMMANDS.items():
        print(f"  {f'/{name} {takes}'.strip():20} {says}")
    print("  an empty line ends it; Ctrl-C stops an answer; the arrow keys bring back what you typed")


def begin_anew(conversation: Conversation, _: str) -> None:
    conversation.messages, conversation.sources, conversation.passages = [], [], []
    print("A new conversation: what was said is forgotten.")


def set_temperature(conversation: Conversation, value: str) -> None:
    if value:
        try:
            conversation.temperature = number_from(0)(value)
        except (ValueError, argparse.ArgumentTypeError) as error:
            raise CommandError(f"/temperature takes a number from 0 on: {error}") from None
    now = conversation.temperature
    print("The temperature is as it was at the start." if now is None else f"The temperature is {now:g} from now on.")


def say_sources(conversation: Conversation, _: str) -> None:
    """Print the passages of the last answer with all of their words."""
    from understudy.passages.cutting import plain_line

    if not conversation.sources:
        print("The last answer has no passages.")
    for number, passage in enumerate(conversation.sources, 1):
        print(f"  {number}. {passage.heading()}  {passage.link}\n     {plain_line(passage.text)}")


def save(conversation: Conversation, name: str) -> None:
    """Write the conversation into a new file. Raises CommandError for one that is there, or can't be written."""
    if not conversation.messages:
        raise CommandError("Nothing has been said yet.")
    path = Path(name or f"chat-{datetime.datetime.now():%Y-%m-%d-%H%M%S}.md").expanduser()
    try:
        with path.open("x", encoding="utf-8", errors="replace") as opened:
            opened.write(in_markdown(conversation))
    except FileExistsError:
        raise CommandError(f"{path} is there already. Another name: /save NAME.md") from None
    except OSError as error:
        raise CommandError(f"{path} can't be written: {error.strerror}.") from None
    print(f"Saved in {path}.")


def in_markdown(conversation: Conversation) -> str:
    """The conversation as a text: each question, its answer, and its passages with their links."""
    from understudy.passages.cutting import plain_line

    said = [message["content"] for message in conversation.messages]
    blocks = []
    for question, answer, passages in zip(said[::2], said[1::2], conversation.passages, strict=True):
        blocks += [f"## {plain_line(question)}", answer.strip()]
        blocks += ["\n".join(f"- {passage.heading()}: {passage.link}" for passage in passages)] if passages else []
    return "\n\n".join(blocks) + "\n"


def end(conversation: Conversation, _: str) -> None:
    conversation.has_ended = True


COMMANDS: dict[str, tuple[Callable[[Conversation, str], None], str, str]] = {
    "help": (say_help, "", "this list"),
    "new": (begin_anew, "", "begin a new conversation"),
    "save": (save, "[FILE]", "write the conversation into a file, with its sources"),
    "sources": (say_sources, "", "the passages of the last answer, with all of their words"),
    "temperature": (set_temperature, "[N]", "0 gives the same answer every time"),
    "quit": (end, "", "end"),
}


@contextlib.contextmanager
def markdown_writer() -> Iterator[Callable[[str], None]]:
    """What shows Markdown on the terminal as it comes: blocks that are complete stay, the last one is drawn again.

    Links stay words with their address, because a terminal shows a link's words alone."""
    from rich.console import Console
    from rich.live import Live
    from rich.markdown import Markdown

    def shown(text: str) -> Markdown:
        return Markdown(text, hyperlinks=False)

    console, text = Console(), ""
    with Live(console=console, transient=True, auto_refresh=False) as live:

        def write(piece: str) -> None:
            nonlocal text
            text += piece
            complete, text = complete_blocks(text)
            if complete.strip():
                live.console.print(shown(complete), end="\n" if text.strip() else "")
            live.update(shown(text), refresh=True)

        try:
            yield write
        finally:
            live.update("", refresh=True)
            if text.strip():
                console.print(shown(text))


def complete_blocks(text: str) -> tuple[str, str]:
    """The part of a Markdown text that more of it won't change, and the rest: cut at the last empty line outside of a fence."""
    lines = text.split("\n")
    fence, cut = None, 0
    for number, line in enumerate(lines[:-1]):
        begins = next((signs for signs in FENCES if line.lstrip().startswith(signs)), None)
        if begins and fence in (None, begins):
            fence = None if fence else begins
        if not line.strip() and fence is None:
            cut = number + 1
    return "\n".join(lines[:cut]), "\n".join(lines[cut:])
