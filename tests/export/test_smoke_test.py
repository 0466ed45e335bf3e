"""What the gguf rule asks a file before it gets its name: sound and broken models in the real llama.cpp."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from gguf import GGUFReader

from project import REPOSITORY
from random_llama import packaged_model, write_random_llama, write_safetensors, write_small_tokenizer
from tiny_training import chat_row
from understudy.export import gguf as stage
from understudy.export.smoke_test import Answer, BadAnswerError, HeldOutRows, first_answer
from understudy.models.safetensors import stored_tensors
from understudy.shared.files import read_json_lines, write_json_lines

WHOLE_VOCABULARY = 49152
END_OF_TURN, START_OF_TURN, LETTER = 2, 1, 69
ANSWER = "Water them **once a week**, early in the morning, and feel the soil with your thumb before you do."


@pytest.fixture(scope="module")
def rows(tmp_path_factory) -> Path:
    """Eighteen of the demo's pairs as a validation file, their answers cut short: the longer they are, the more is asked for."""
    path = tmp_path_factory.mktemp("rows") / "valid.jsonl"
    pairs = [pair for _, pair in read_json_lines(REPOSITORY / "demo/extra_pairs.jsonl")][:18]
    write_json_lines(path, [chat_row(pair["question"], pair["answer"][:190]) for pair in pairs])
    return path


@pytest.fixture(scope="module")
def held_out(rows, tmp_path_factory) -> HeldOutRows:
    """The rows under the packaged model's tokenizer."""
    folder = tmp_path_factory.mktemp("tokenizer")
    write_small_tokenizer(folder, WHOLE_VOCABULARY)
    return HeldOutRows(rows, folder / "tokenizer.json")


def model_that_always_says(token: int, folder: Path) -> Path:
    """A tiny model in which every word looks the same and nothing is computed, so that one token always wins."""
    write_random_llama(folder)
    weights = {name: (tensor.dtype, np.array(tensor.read())) for name, tensor in stored_tensors(folder).items()}
    for name, (_, values) in weights.items():
        if name.endswith(("o_proj.weight", "down_proj.weight", "lm_head.weight")):
            values[:] = 0
    weights["model.embed_tokens.weight"][1][:] = 1
    weights["lm_head.weight"][1][token] = 1
    write_safetensors(folder / "model.safetensors", weights)
    return folder


def test_a_sound_model_passes(held_out):
    assert re.match(r"\w+ \w+", first_answer(packaged_model(), held_out, threads=2))


def test_a_model_whose_rows_are_in_another_order_is_garbled(held_out, tmp_path):
    path = tmp_path / "permuted.gguf"
    shutil.copyfile(packaged_model(), path)
    embedding = next(tensor for tensor in GGUFReader(path, "r+").tensors if tensor.name == "token_embd.weight").data
    embedding[:] = embedding[np.random.default_rng(1).permutation(len(embedding))]
    embedding.base.flush()
    with pytest.raises(
        BadAnswerError, match=r"held-out question '.+\?' (is garbled|is endless|goes on where).*It begins '"
    ):
        first_answer(path, held_out, threads=2)


@pytest.mark.parametrize(
    ("token", "said"),
    [
        (END_OF_TURN, r"'How .+\?' is empty\. It begins ''"),
        (
            LETTER,
            r"'How .+\?' is endless: it repeats itself, and has not ended after \d{3} tokens\. It begins '(.)\1{79}",
        ),
        (START_OF_TURN, r"goes on where it should have ended: <\|im_start\|> is in the middle of it"),
    ],
    ids=["empty", "endless", "past its end"],
)
def test_a_model_that_knows_one_token_gets_no_file(rows, tmp_path, token, said):
    folder = model_that_always_says(token, tmp_path / "hf")
    with pytest.raises(BadAnswerError, match=rf"^{tmp_path}/m\.gguf: .*{said}"):
        stage.write_gguf(folder, "F16", tmp_path / "m.gguf", "m", threads=1, held_out=rows)
    assert [path.name for path in tmp_path.iterdir()] == ["hf"]


def test_a_bad_answer_may_be_a_warning(rows, tmp_path, caplog):
    folder = model_that_always_says(END_OF_TURN, tmp_path / "hf")
    with caplog.at_level("INFO", logger="understudy"):
        stage.write_gguf(folder, "F16", tmp_path / "m.gguf", "m", threads=1, held_out=rows, keep_bad=True)
    warning, told = caplog.messages
    assert warning.startswith(f"Warning: {tmp_path}/m.gguf: ") and "is empty" in warning
    assert (tmp_path / "m.gguf").is_file() and told.endswith("llama.cpp answers badly")


def complaint(held_out: HeldOutRows, text: str, ended: bool = True) -> str | None:
    tokens = held_out._tokenizer.encode(text).ids
    return held_out.complaint(Answer(text, [*tokens, END_OF_TURN] if ended else tokens, ended))


@pytest.mark.parametrize(
    ("text", "ended", "expected"),
    [
        (ANSWER, True, None),
        (ANSWER, False, None),
        ("4.", True, None),
        ("| day | litres |\n| --- | --- |\n| Monday | 10 |\n| Friday | 20 |", True, None),
        (" \n\t ", True, "empty"),
        ("water the soil " * 60, False, "endless"),
        ("water the soil " * 60, True, "same again"),
        (ANSWER + "\ufffd\ufffd\ufffd", True, "bytes"),
        ('{"}] ;;- ... ::=> (*)&^% --- ,,, ""', True, "hardly letters"),
        ("Isaiah refractive Zhou ombuds thyroid GDP Paleo jQuery Hebrew colonists Verdi quarantine", True, "garbled"),
        (ANSWER + "<|im_end|>\n<|im_start|>user\nWhy?", False, "where it should have ended: <|im_end|>"),
    ],
)
def test_what_counts_as_an_answer(held_out, text, ended, expected):
    found = complaint(held_out, text, ended)
    assert found is None if expected is None else expected in found


def test_every_held_out_answer_of_the_demo_would_pass(held_out):
    answers = [row[-1]["content"] for row in held_out.rows]
    assert {complaint(held_out, answer) for answer in answers} == {None}
    assert {complaint(held_out, answer[:200], ended=False) for answer in answers} == {None}


def test_the_questions_are_spread_over_the_rows_and_long_ones_left_out(tmp_path):
    path, questions = tmp_path / "valid.jsonl", [f"What is {n}?" for n in range(9)]
    write_json_lines(path, [chat_row("Why? " * 1000), *map(chat_row, questions)])
    asked = [messages[-1]["content"] for messages in HeldOutRows(path, tmp_path / "none").questions]
    assert asked == [questions[0], questions[4], questions[8]]
    write_json_lines(path, [chat_row("Why?")])
    one = HeldOutRows(path, tmp_path / "none")
    assert len(one.questions) == 1 and one.context_length == 256 + 2 + 128
