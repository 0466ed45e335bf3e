"""A conversation on a terminal: the real command on a pseudo-terminal, and what its commands do."""

import os
import pty
import subprocess
from pathlib import Path

import pytest

from project import command_line, environment, in_a_process
from random_llama import packaged_model
from understudy.commands import chat
from understudy.commands.terminal import Conversation, complete_blocks, do_command
from understudy.models.requests import TalkingModel
from understudy.passages.sources import Passage
from understudy.shared.errors import UnderstudyError

PIECES = [
    "Some **bold",
    "** words and [a link](https://example.org/a).\n",
    "\n- one\n- two",
    "\n\n```\n\ncode",
    "\n```\n",
]
WRITES = f"""
from understudy.commands.chat import answer
from understudy.models.requests import TalkingModel
answer(TalkingModel(lambda messages: (piece for piece in {PIECES!r}), len), [], goes_on=True)
"""


def on_a_terminal(command: list, *typed: str, **variables: str) -> str:
    """What a program shows on a terminal of 80 columns; a line is typed when the program waits for one."""
    ours, theirs = pty.openpty()
    known = environment() | {"TERM": "xterm", "COLUMNS": "80", "LINES": "24", **variables}
    run = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=known, start_new_session=True)
    os.close(theirs)
    seen, waiting = b"", list(typed)
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:
            break
        if not part:
            break
        seen += part
        if waiting and seen.endswith(b"> "):
            os.write(ours, waiting.pop(0).encode())
    run.wait()
    os.close(ours)
    return seen.decode("utf-8", "replace")


def passage(**changes: object) -> Passage:
    known = {
        "video_id": "aaaaaaaaaaa",
        "title": "Compost",
        "published": None,
        "source_file": None,
        "start_s": 60.0,
        "end_s": 90.0,
    }
    known |= {"text": "Two\nyears.", "link": "https://youtu.be/aaaaaaaaaaa?t=60", "score": 1.0}
    return Passage(**{name: value for name, value in (known | changes).items() if name in Passage.__dataclass_fields__})


@pytest.fixture
def conversation() -> Conversation:
    begun = Conversation(sources=[passage()])
    begun.add("How long?", "Two **years**.")
    return begun


def test_a_conversation_is_typed_and_its_commands_are_done():
    model = command_line("chat", packaged_model(), "--max-tokens", "12", "--temperature", "0")
    up = "\x1b[A\n"
    seen = on_a_terminal(
        model, "What is 2 + 2?\n", up, "/temperature 0.5\n", "/nonsense\n", "/help\n", "/new\n", "/quit\n"
    )
    assert seen.count("What is 2 + 2?") >= 2, "the arrow key brings it back"
    assert "The temperature is 0.5 from now on." in seen
    assert "There is no /nonsense. /help lists what there is." in seen
    assert "/save [FILE]" in seen and "what was said is forgotten" in seen


def test_markdown_is_shown_as_it_means_on_a_terminal():
    seen = on_a_terminal(in_a_process(f"import sys\n{WRITES}"))
    # What stays is behind the last line that was wiped out.
    assert "\x1b[1mbold\x1b[0m" in seen and "**" not in seen.rpartition("\x1b[2K")[2]
    assert "• \x1b[0mone" in seen and "code" in seen and "```" not in seen
    assert "https://example.org/a" in seen and "\x1b]8;" not in seen, "where a link leads can be read"


@pytest.mark.parametrize("variables", [{"TERM": "dumb"}], ids=["dumb"])
def test_a_terminal_that_can_not_go_back_gets_plain_text(variables):
    assert on_a_terminal(in_a_process(f"import sys\n{WRITES}"), **variables).replace("\r", "") == "".join(PIECES) + "\n"


def test_a_pipe_gets_plain_text():
    run = subprocess.run(
        in_a_process(f"import sys\n{WRITES}"), env=environment() | {"TERM": "xterm"}, capture_output=True, text=True
    )
    assert run.stdout == "".join(PIECES) + "\n"


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("One", ""),
        ("One\n\nTwo", "One\n"),
        ("```\na\n\nb", ""),
        ("```\na\n```\n\nb", "```\na\n```\n"),
        ("~~~\n```\n\nb", ""),
        ("\n", ""),
    ],
)
def test_a_block_is_complete_at_an_empty_line_outside_of_code(text, complete):
    assert complete_blocks(text)[0] == complete
    assert "\n".join(filter(None, complete_blocks(text))) in (text, f"\n{text}"[1:]) or complete == ""


def test_a_conversation_is_saved_with_its_sources_and_nothing_is_overwritten(conversation, tmp_path, capsys):
    path = tmp_path / "talk.md"
    do_command(f"/save {path}", conversation)
    assert path.read_text() == (
        "## How long?\n\nTwo **years**.\n\n- Compost, 1:00: https://youtu.be/aaaaaaaaaaa?t=60\n"
    )
    with pytest.raises(UnderstudyError, match=r"is there already"):
        do_command(f"/save {path}", conversation)
    with pytest.raises(UnderstudyError, match=r"can't be written"):
        do_command(f"/save {tmp_path}/no/where.md", conversation)


def test_sources_have_all_their_words_and_their_second(conversation, capsys):
    do_command("/sources", conversation)
    assert "1. Compost, 1:00  https://youtu.be/aaaaaaaaaaa?t=60\n     Two years." in capsys.readouterr().out


@pytest.mark.parametrize("line", ["/temperature warm", "/temperature -1", "/temperature nan", "/", "/save"])
def test_a_command_that_can_not_be_done_says_why(line):
    with pytest.raises(UnderstudyError):
        do_command(line, Conversation())


def test_what_hinders_an_answer_ends_no_conversation(capsys):
    asked = []

    def reply(messages, temperature=None):
        asked.append((len(messages), temperature))
        if len(asked) == 1:
            raise UnderstudyError("It has become too long.")
        yield "Fine."

    questions = iter(["One?", "/temperature 0", "Two?", "/new", "Three?", "/quit", "never"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chat, "model_to_ask", lambda model: model)
        patch.setattr(chat, "replies_of", lambda *_, **__: chat.nullcontext(TalkingModel(reply, len)))
        chat.chat(Path("model"), questions, goes_on=True)
    assert asked == [(1, None), (1, 0.0), (1, 0.0)] and next(questions) == "never"
    assert "It has become too long. /new begins a new conversation." in capsys.readouterr().out


def test_a_question_through_a_pipe_is_no_command(capsys):
    def reply(messages):
        yield messages[-1]["content"]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chat, "model_to_ask", lambda model: model)
        patch.setattr(chat, "replies_of", lambda *_, **__: chat.nullcontext(TalkingModel(reply, len)))
        chat.chat(Path("model"), iter(["/help"]))
    assert capsys.readouterr().out == "/help\n"
