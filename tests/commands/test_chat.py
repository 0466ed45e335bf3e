"""Talking to a GGUF file in the real llama.cpp, and to folders and adapters in the real MLX."""

import shutil
import subprocess
import zlib
from pathlib import Path

import mlx.core as mx
import mlx_lm
import pytest
from mlx.utils import tree_flatten
from mlx_lm.tuner.utils import linear_to_lora_layers

from project import REPOSITORY, understudy
from random_llama import packaged_model, write_random_llama
from understudy.commands import chat
from understudy.gguf.writing import write_gguf_file
from understudy.models.llama.replies import ServerRefuses
from understudy.models.llama.server import EmbeddedModelError
from understudy.models.mlx.load import load_weights
from understudy.models.mlx.replies import ConversationError
from understudy.models.paths import NoModelError
from understudy.models.requests import TalkingModel
from understudy.shared.errors import InputFileError
from understudy.shared.files import read_json, write_json

BRIEF = ("--temperature", "0", "--max-tokens", "24", "--repeat-penalty", "1")


def run(*arguments: str, stdin: str = "", cwd: str | Path | None = None) -> subprocess.CompletedProcess:
    return understudy("chat", *arguments, input=stdin, cwd=cwd or REPOSITORY)


def test_a_question_is_answered_on_standard_output():
    done = run(str(packaged_model()), "What is 2 + 2?", *BRIEF)
    assert done.returncode == 0 and "4" in done.stdout and done.stderr == ""


def test_a_question_may_come_through_a_pipe():
    done = run(str(packaged_model()), *BRIEF, stdin="What is 2 + 2?\n")
    assert done.returncode == 0 and "4" in done.stdout


def test_a_missing_file_says_what_to_do():
    done = run("demo/models/nothing.gguf", "Hi")
    expected = "Error: demo/models/nothing.gguf does not exist: `make demo` makes it"
    assert done.returncode == 1 and done.stderr.startswith(expected) and done.stderr.count("\n") == 1


def test_a_file_that_is_no_model_is_named(tmp_path):
    path = tmp_path / "model.gguf"
    path.write_bytes(b"junk")
    with pytest.raises(EmbeddedModelError, match=r"model\.gguf"):
        chat.chat(path, iter(["Hi"]))


def test_nothing_to_ask_is_an_error():
    done = run(str(packaged_model()))
    assert done.returncode == 1 and done.stderr == "Error: There is no question: give one after the model.\n"


def test_a_conversation_goes_on_until_an_empty_line(monkeypatch, capsys):
    typed = iter(["What is 2 + 2?", "And 3 + 3?", "", "never read"])
    monkeypatch.setattr("builtins.input", lambda prompt: next(typed))
    sent = []
    answer = chat.answer
    monkeypatch.setattr(chat, "answer", lambda *arguments: sent.append(list(arguments[1])) or answer(*arguments))
    chat.chat(packaged_model(), chat.typed_questions(), temperature=0, max_tokens=24, repeat_penalty=1)
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
    with pytest.raises(ServerRefuses, match="exceed"):
        chat.chat(packaged_model(), iter(["apples and pears " * 3000]))


# Folders and adapters, in MLX


ADAPTER_CONFIG = {"fine_tune_type": "lora", "num_layers": 2, "model": "models/base/tiny"}
RANK = {"lora_parameters": {"rank": 4, "scale": 20.0, "dropout": 0.0}}
ASKED = "What is it?"


def write_adapters(path: Path, base: Path, seed: int) -> None:
    """Adapters with random weights, strong enough to change every answer."""
    mx.random.seed(seed)
    model = load_weights(base)
    model.freeze()
    linear_to_lora_layers(model, ADAPTER_CONFIG["num_layers"], RANK["lora_parameters"])
    weights = dict(tree_flatten(model.trainable_parameters()))
    path.parent.mkdir(parents=True, exist_ok=True)
    mx.save_safetensors(str(path), {name: 0.2 * mx.random.normal(value.shape) for name, value in weights.items()})
    write_json(path.parent / "adapter_config.json", ADAPTER_CONFIG | RANK)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A project with a base model and two checkpoints. Not to be changed."""
    folder = tmp_path_factory.mktemp("trained")
    base = write_random_llama(folder / "models/base/tiny", dtype="F32")
    write_adapters(folder / "models/x/adapters/adapters.safetensors", base, seed=1)
    write_adapters(folder / "models/x/adapters/0000504_adapters.safetensors", base, seed=2)
    return folder


@pytest.fixture
def copy(trained, tmp_path) -> Path:
    shutil.copytree(trained, tmp_path / "project")
    return tmp_path / "project"


def said(capsys, model: Path, *questions: str) -> str:
    chat.chat(model, iter(questions or [ASKED]), temperature=0, max_tokens=12, repeat_penalty=1)
    return capsys.readouterr().out


def expected_of_mlx_lm(base: Path, adapters: Path | None) -> str:
    model, tokenizer = mlx_lm.load(str(base), adapter_path=adapters and str(adapters))
    prompt = tokenizer.apply_chat_template([{"role": "user", "content": ASKED}], add_generation_prompt=True)
    return chat.shown(mlx_lm.generate(model, tokenizer, prompt, max_tokens=12)) + "\n"


@pytest.mark.parametrize("form", ["folder", "gguf"])
def test_a_repeat_penalty_ends_loops(trained, tmp_path, capsys, form):
    model = trained / "models/base/tiny"
    if form == "gguf":
        model = tmp_path / "tiny.gguf"
        write_gguf_file(trained / "models/base/tiny", "F32", model, "tiny", threads=2)
    times_shorter = {}
    for penalty in (1, 1000):
        chat.chat(model, iter([ASKED]), temperature=0, max_tokens=150, repeat_penalty=penalty)
        answer = capsys.readouterr().out.encode()
        times_shorter[penalty] = len(answer) / len(zlib.compress(answer))
    assert times_shorter[1] > 2 * times_shorter[1000]


def test_a_folder_and_adapters_say_what_mlx_lm_makes_of_them(trained, capsys):
    base, adapters = trained / "models/base/tiny", trained / "models/x/adapters"
    assert said(capsys, base) == expected_of_mlx_lm(base, None)
    assert said(capsys, adapters) == expected_of_mlx_lm(base, adapters)
    assert said(capsys, adapters / "adapters.safetensors") == said(capsys, adapters) != said(capsys, base)


def test_a_numbered_checkpoint_is_not_the_last_one(trained, tmp_path, capsys):
    adapters = trained / "models/x/adapters"
    alone = tmp_path / "alone"
    shutil.copytree(adapters, alone)
    (alone / "0000504_adapters.safetensors").replace(alone / "adapters.safetensors")
    checkpoint = said(capsys, adapters / "0000504_adapters.safetensors")
    assert checkpoint == expected_of_mlx_lm(trained / "models/base/tiny", alone) != said(capsys, adapters)


def test_a_folder_is_asked_from_the_command_line(trained):
    done = run("models/x/adapters", ASKED, *BRIEF, cwd=trained)
    again = run(str(trained / "models/x/adapters"), *BRIEF, stdin=ASKED, cwd="/")
    assert (done.returncode, done.stderr) == (again.returncode, again.stderr) == (0, "")
    assert done.stdout == again.stdout and done.stdout.strip()


def test_a_conversation_with_a_folder_goes_on(trained, capsys):
    adapters = trained / "models/x/adapters"
    first, both = said(capsys, adapters), said(capsys, adapters, ASKED, ASKED)
    assert both.startswith(first) and both != first * 2


def test_a_conversation_that_outgrows_the_folders_model_is_explained(trained):
    with pytest.raises(ConversationError, match=r"has \d+ tokens, which exceed the 2048"):
        chat.chat(trained / "models/base/tiny", iter(["apples and pears " * 500]))


def test_a_model_without_a_chat_template_is_told(copy):
    for path in copy.glob("models/base/tiny/*.jinja"):
        path.unlink()
    settings = read_json(copy / "models/base/tiny/tokenizer_config.json")
    settings.pop("chat_template", None)
    write_json(copy / "models/base/tiny/tokenizer_config.json", settings)
    with pytest.raises(InputFileError, match="tiny has no chat template"):
        chat.chat(copy / "models/x/adapters", iter([ASKED]))


def test_adapters_of_another_model_are_told(copy):
    shutil.rmtree(copy / "models/base/tiny")
    write_random_llama(copy / "models/base/tiny", hidden_size=32)
    with pytest.raises(
        InputFileError, match=r"adapters\.safetensors does not fit the base model (.|\n)*does not match[^\n]*$"
    ):
        chat.chat(copy / "models/x/adapters", iter([ASKED]))


@pytest.mark.parametrize(
    ("name", "content"),
    [("adapters.safetensors", b"junk"), ("adapter_config.json", b'{"model": "models/base/tiny", "peft_type": "LORA"}')],
)
def test_adapters_that_can_not_be_loaded_are_told(copy, name, content):
    (copy / "models/x/adapters" / name).write_bytes(content)
    with pytest.raises(InputFileError, match=r"models/x/adapters/adapters\.safetensors does not fit .*or is damaged"):
        chat.chat(copy / "models/x/adapters", iter([ASKED]))


def removed(path: str):
    return lambda project: (project / path).unlink()


@pytest.mark.parametrize(
    ("asked", "change", "complaint"),
    [
        (
            "models/x/fused",
            None,
            r"fused does not exist: `understudy run .*fused/config\.json`",
        ),
        ("models/y/adapters", None, r"does not exist.*`understudy run .*models/y/adapters/adapters\.safetensors`"),
        ("models/x", None, r"x has no model: neither.*Did you mean .*models/x/adapters\?"),
        ("models/base/tiny/model.safetensors", None, r"is not an adapter.*Give the folder: .*tiny\."),
        ("models/x/adapters", removed("models/base/tiny/config.json"), "base model models/base/tiny, which is not in"),
        ("models/x/adapters", removed("models/x/adapters/adapters.safetensors"), "Did you mean .*0000504_adapters"),
        ("models/x/adapters/adapters.safetensors", removed("models/x/adapters/adapter_config.json"), "not an adapter"),
        (
            "models/x/adapters",
            lambda project: write_json(project / "models/x/adapters/adapter_config.json", []),
            "adapter_config.json names no base model",
        ),
    ],
)
def test_what_can_not_be_talked_to_says_why(copy, asked, change, complaint):
    if change:
        change(copy)
    with pytest.raises(NoModelError, match=complaint):
        chat.chat(copy / asked, iter([ASKED]))


# What both have in common


def test_a_reply_can_not_command_the_terminal(capsys):
    pieces = ["a\x1b]0;title\x07b", "\x9b31mc\r\x00\x7f", "\td\né 👩‍🌾"]
    kept = chat.answer(TalkingModel(lambda messages: (piece for piece in pieces), len), [], goes_on=False)
    assert capsys.readouterr().out == "a]0;titleb31mc\td\né 👩‍🌾\n" and "\x1b" in kept


@pytest.mark.parametrize("kind", ["gguf", "folder"])
def test_stopping_an_answer_keeps_the_conversation(trained, monkeypatch, kind):
    """Ctrl-C after the second piece of the first answer; the second question is answered, knowing what was said."""
    model = packaged_model() if kind == "gguf" else trained / "models/base/tiny"
    pieces, sent = [], []

    def interrupt(piece: str) -> str:
        pieces.append(piece)
        if len(pieces) == 2:
            raise KeyboardInterrupt
        return piece

    answer = chat.answer
    monkeypatch.setattr(chat, "shown", interrupt)
    monkeypatch.setattr(chat, "answer", lambda *given: sent.append(list(given[1])) or answer(*given))
    chat.chat(model, iter([ASKED, ASKED]), goes_on=True, temperature=0, max_tokens=8)
    assert sent[1][1] == {"role": "assistant", "content": "".join(pieces[:2])} and len(pieces) > 3
    pieces.clear()
    with pytest.raises(KeyboardInterrupt):
        chat.chat(model, iter([ASKED, ASKED]), temperature=0, max_tokens=8)
