"""What is checked before the first step of a training, and what `snakemake preflight` tells."""

import json
import logging
import math
from pathlib import Path

import pytest
from mlx_lm.tuner.trainer import default_loss, iterate_batches

import train_adapters as train_stage
from lib.errors import ConfigurationError, InputFileError
from lib.files import read_json, write_json, write_json_lines
from lib.mlx_models import load_base, load_its_tokenizer
from lib.preflight import RowLimits, check_sizes, check_updates, checked_dataset
from project import TRAINING as OF_TINY_PROJECTS
from random_llama import write_random_llama
from write_lora_config import write_lora_config

BASE = Path("models/base/tiny")
TRAIN, VALID = "data/dataset/train.jsonl", "data/dataset/valid.jsonl"
OUTPUTS = {
    "adapters.safetensors": "models/x/adapters/adapters.safetensors",
    "adapter_config.json": "models/x/adapters/adapter_config.json",
    "metrics.csv": "models/x/metrics.csv",
}
TRAINING = {
    **OF_TINY_PROJECTS,
    "epochs": 2,
    "lora_parameters": {"rank": 4, "scale": 20.0, "dropout": 0.0},
    "optimizer": "adamw",
    "batch_size": 1,
    "max_seq_length": 256,
    "mask_prompt": True,
    "seed": 42,
}


def chat_row(question="What is it?", answer="It is a test, and it goes well."):
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


@pytest.fixture
def project(tmp_path, monkeypatch, caplog):
    """A project directory with a base model, six training rows and two held-out ones; the working directory."""
    monkeypatch.chdir(tmp_path)
    logger = logging.getLogger("understudy")
    monkeypatch.setattr(logger, "propagate", True)
    caplog.set_level(logging.INFO, logger="understudy")
    write_random_llama(BASE)
    write_json_lines(TRAIN, [chat_row(f"What is {n}?", f"It is the number {n}, of course.") for n in range(6)])
    write_json_lines(VALID, [chat_row(f"What is {n}?", f"It is the number {n}, of course.") for n in (7, 8)])
    return tmp_path


def train_it(**changes):
    write_lora_config({**TRAINING, **changes}, TRAIN, str(BASE / "config.json"), "models/x/lora.yaml")
    train_stage.train_adapters("models/x/lora.yaml", TRAIN, VALID, str(BASE), OUTPUTS)


def limits(max_seq_length=256, batch_size=1, mask_prompt=True):
    return RowLimits(max_seq_length, mask_prompt, batch_size)


# The rows


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ({"prompt": "a", "completion": "b"}, "this one is not"),
        ([], "this one is not"),
        ({"messages": [{"role": "user", "content": None}]}, "this one is not"),
        ({"messages": []}, "the last two messages"),
        ({"messages": chat_row()["messages"][:1]}, "the last two messages"),
        ({"messages": chat_row()["messages"][::-1]}, "the last two messages"),
        (chat_row(answer=" \n"), "the answer is empty"),
        (chat_row(question="why " * 100), "no token of the answer is left"),
    ],
)
def test_a_row_that_can_not_be_trained_on_is_named_by_file_and_line(project, row, complaint):
    good = json.dumps(chat_row())
    Path(VALID).write_text(f"{good}\n\n{json.dumps(row)}\n{good}\n", encoding="utf-8")
    with pytest.raises(InputFileError, match=complaint) as raised:
        train_it()
    assert str(raised.value).startswith(f"{VALID}, line 3: ")


def test_the_limit_is_the_first_length_at_which_mlx_lm_learns_from_no_token(project):
    """One token less and its loss is a number; at the limit it is 0 / 0."""
    model, tokenizer = load_base(BASE)
    question = "why " * 20
    prompt = len(tokenizer.apply_chat_template(chat_row(question)["messages"][:1], add_generation_prompt=True))
    write_json_lines(TRAIN, [chat_row(question)])
    losses = {}
    for length in (prompt, prompt + 1):
        dataset = checked_dataset(TRAIN, tokenizer, limits(10_000))
        batch = next(iterate_batches(dataset, 1, length))
        losses[length] = default_loss(model, *batch)[0].item()
    assert math.isnan(losses[prompt]) and math.isfinite(losses[prompt + 1])
    checked_dataset(TRAIN, tokenizer, limits(prompt + 1))
    with pytest.raises(InputFileError, match=f"takes {prompt} tokens"):
        checked_dataset(TRAIN, tokenizer, limits(prompt))


def test_a_failing_chat_template_is_told_with_the_row(project):
    tokenizer = load_its_tokenizer(BASE)
    tokenizer.chat_template = "{{ raise_exception('roles must alternate') }}"
    with pytest.raises(InputFileError, match=r"line 1: the base model's chat template fails.*roles must alternate"):
        checked_dataset(TRAIN, tokenizer, limits())


def test_truncated_rows_are_counted(project, caplog):
    write_json_lines(TRAIN, [chat_row(), chat_row(answer="long " * 100), chat_row(), chat_row()])
    checked_dataset(TRAIN, load_its_tokenizer(BASE), limits())
    assert f"{TRAIN}: 1 of 4 rows (25.0 %) lose their end: training.max_seq_length is 256" in caplog.text


def test_sets_smaller_than_a_batch_are_told_with_numbers(caplog):
    with pytest.raises(InputFileError, match=r"valid has 3 rows, fewer than training.batch_size = 4.*batch_size: 3"):
        check_sizes("train", range(8), "valid", range(3), 4)
    with pytest.raises(InputFileError, match=r"train has 1 row, fewer"):
        check_sizes("train", range(1), "valid", range(3), 2)
    with pytest.raises(InputFileError, match="train has no rows"):
        check_sizes("train", [], "valid", range(3), 1)


def test_rows_left_out_of_the_last_batch_are_told(project, caplog):
    check_sizes("train", range(9), "valid", range(8), 4)
    assert "train: 1 row is not used" in caplog.text and "valid" not in caplog.text


def test_training_without_any_update_is_refused():
    with pytest.raises(ConfigurationError, match="only 7 iterations"):
        check_updates(7, 8)
    check_updates(8, 8)


def test_gradients_of_the_last_iterations_make_one_more_update(project, caplog):
    train_it(grad_accumulation_steps=5)
    assert "12 iterations, 3 optimizer updates" in caplog.text


def test_more_layers_than_the_model_has_is_refused(project):
    with pytest.raises(ConfigurationError, match=r"training\.num_layers is 99"):
        train_it(num_layers=99)


def test_an_unknown_kind_of_model_is_told(project):
    write_json(
        BASE / "config.json", {**read_json(BASE / "config.json"), "model_type": "lstm", "architectures": ["Lstm"]}
    )
    with pytest.raises(InputFileError, match="Model type lstm not supported"):
        train_it()
