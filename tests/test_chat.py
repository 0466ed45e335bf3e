import subprocess
import sys
from pathlib import Path

import pytest

import chat
from lib.embedded_llama import EmbeddedModelError
from random_llama import packaged_model

BRIEF = ("--temperature", "0", "--max-tokens", "24")
SCRIPT = Path(__file__).parent.parent / "workflow_scripts/chat.py"


def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess:
    command = [sys.executable, str(SCRIPT), *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)


def test_a_question_is_answered_on_standard_output():
    done = run(str(packaged_model()), "What is 2 + 2?", *BRIEF)
    assert done.returncode == 0 and "4" in done.stdout and done.stderr == ""


def test_a_question_may_come_through_a_pipe():
    done = run(str(packaged_model()), *BRIEF, stdin="What is 2 + 2?\n")
    assert done.returncode == 0 and "4" in done.stdout


def test_a_missing_file_says_what_to_do():
    done = run("demo/models/nothing.gguf", "Hi")
    expected = "Error: demo/models/nothing.gguf does not exist: run `make demo` first"
    assert done.returncode == 1 and done.stderr.startswith(expected) and done.stderr.count("\n") == 1


def test_a_file_that_is_no_model_is_named(tmp_path):
    path = tmp_path / "model.gguf"
    path.write_bytes(b"junk")
    with pytest.raises(EmbeddedModelError, match=r"model\.gguf"):
        chat.chat(path, iter(["Hi"]))


def test_nothing_to_ask_is_an_error():
    done = run(str(packaged_model()))
    assert done.returncode == 1 and done.stderr == "Error: There is no question: give one as the second argument.\n"


def test_a_conversation_goes_on_until_an_empty_line(monkeypatch, capsys):
    typed = iter(["What is 2 + 2?", "And 3 + 3?", "", "never read"])
    monkeypatch.setattr("builtins.input", lambda prompt: next(typed))
    sent = []
    answer = chat._answer
    monkeypatch.setattr(chat, "_answer", lambda *arguments: sent.append(list(arguments[1])) or answer(*arguments))
    chat.chat(packaged_model(), chat.typed_questions(), temperature=0, max_tokens=24)
    first, second = sent
    assert [message["role"] for message in second] == ["user", "assistant", "user"]
    assert second[:1] == first and second[1]["content"] in capsys.readouterr().out and "4" in second[1]["content"]
    assert next(typed) == "never read"


def test_a_conversation_ends_with_the_end_of_input(monkeypatch):
    def closed(prompt):
        raise EOFError

    monkeypatch.setattr("builtins.input", closed)
    assert list(chat.typed_questions()) == []


def test_a_conversation_that_outgrows_the_context_is_explained():
    with pytest.raises(chat.ChatError, match="exceed"):
        chat.chat(packaged_model(), iter(["apples and pears " * 3000]))
