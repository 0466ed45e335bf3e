"""Small models trained for the better and for the worse, and what the evaluation says of each: from weights to verdict."""

import random
import shutil
from pathlib import Path

import mlx.core as mx
import mlx.optimizers as optim
import numpy as np
import pytest
from mlx import nn
from mlx.utils import tree_flatten
from mlx_lm.tuner.trainer import default_loss, iterate_batches

from held_out_records import SUBJECTS, base_answer, teacher_answer
from random_llama import write_random_llama
from tiny_training import chat_row
from understudy.evaluate import held_out_answers as stage
from understudy.evaluate.evaluation import evaluate
from understudy.models.mlx.load import load_base
from understudy.rows.training import RowLimits, checked_dataset, rows_of
from understudy.shared.files import read_json, write_json_lines

pytestmark = pytest.mark.long

TRAIN_TALKS, HELD_OUT_TALKS = 24, 8
# No penalty: these models have little to say but the question's own words.
SETTINGS = {"max_examples": 100, "seed": 42, "max_tokens": 220, "repeat_penalty": 1.0, "temperature": 0, "top_p": 1}
BATCH = 8


def questions(talk: int, rng: random.Random) -> list[tuple[str, str]]:
    """Three questions of a talk, and the subject of each."""
    subjects = rng.sample(SUBJECTS, 3)
    return [(f"What do {subject} need in year {talk}?", subject) for subject in subjects]


def pairs_of(talks: range, answer, seed: int) -> list[dict]:
    rng = random.Random(seed)
    return [
        {"video_id": f"talk{talk:07d}", "question": question, "answer": answer(subject, rng)}
        for talk in talks
        for question, subject in questions(talk, rng)
    ]


def rows_from(pairs: list[dict]) -> list[dict]:
    return [chat_row(pair["question"], pair["answer"]) for pair in pairs]


def train(folder: Path, rows: list[dict], steps: int, learning_rate: float = 3e-3) -> None:
    """Train all weights of the model in `folder` on chat rows, in place."""
    write_json_lines("rows.jsonl", rows)
    model, tokenizer = load_base(folder)
    data = rows_of(checked_dataset("rows.jsonl", tokenizer, RowLimits(512, True, BATCH)))
    optimizer = optim.AdamW(learning_rate=learning_rate)
    step = nn.value_and_grad(model, default_loss)
    np.random.seed(1)
    batches = iterate_batches(data, BATCH, 512, loop=True)
    for _ in range(steps):
        (_, _), gradients = step(model, *next(batches))
        optimizer.update(model, gradients)
        mx.eval(model.state, optimizer.state)
    mx.save_safetensors(str(folder / "model.safetensors"), dict(tree_flatten(model.parameters())), {"format": "pt"})


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A base model that has learned to answer in a plain voice, and the files of a data set in another one."""
    folder = tmp_path_factory.mktemp("evaluated")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_random_llama(folder / "base", hidden_size=64, intermediate_size=128, tied=True, dtype="F32")
        train(folder / "base", rows_from(pairs_of(range(100, 200), base_answer, 1)), 300)
        trained = pairs_of(range(TRAIN_TALKS), teacher_answer, 2)
        held_out = pairs_of(range(TRAIN_TALKS, TRAIN_TALKS + HELD_OUT_TALKS), teacher_answer, 3)
        write_json_lines("train.jsonl", rows_from(trained))
        write_json_lines("valid.jsonl", rows_from(held_out))
        write_json_lines("pairs.jsonl", trained + held_out)
    return folder, trained


@pytest.fixture
def verdict_on(home, monkeypatch):
    """Evaluate a copy of the base after some more training; few general questions, because none of these models knows one."""
    folder, _ = home
    monkeypatch.chdir(folder)
    asked, paragraphs = stage.general_questions()[:5], stage.general_paragraphs()[:2]
    for module in ("answer_held_out", "evaluate"):
        monkeypatch.setattr(f"{module}.general_questions", lambda: asked)
    monkeypatch.setattr(stage, "general_paragraphs", lambda: paragraphs)

    def evaluated(rows: list[dict], steps: int, learning_rate: float = 3e-3, rows_asked: str = "valid.jsonl") -> dict:
        tuned = folder / "tuned"
        shutil.rmtree(tuned, ignore_errors=True)
        shutil.copytree(folder / "base", tuned)
        if steps:
            train(tuned, rows, steps, learning_rate)
        sources = {"rows": rows_asked, "train": "train.jsonl", "pairs": "pairs.jsonl"}
        paths = {which: f"evaluation/{Path(rows_asked).stem}/{which}.json" for which in ("base", "tuned")}
        for which, path in paths.items():
            stage.answer_held_out(which, which, "base", sources, SETTINGS, path, 2)
        evaluate(paths, "train.jsonl", "pairs.jsonl", "base/tokenizer.json", "evaluation.json")
        return read_json("evaluation.json")

    return evaluated


def test_a_model_that_was_trained_on_the_teacher_is_better(home, verdict_on):
    evaluation = verdict_on(rows_from(home[1]), 120)
    assert {"loss", "form_distance", "voice"} <= set(evaluation["verdict"]["better"])
    assert evaluation["verdict"]["worse"] == []


def test_the_untouched_base_shows_no_difference(verdict_on):
    verdict = verdict_on([], 0)["verdict"]
    assert (verdict["status"], verdict["better"], verdict["worse"]) == ("no_difference", [], [])


def test_a_model_that_was_trained_on_shuffled_answers_answers_other_questions(home, verdict_on):
    answers = [pair["answer"] for pair in home[1]]
    random.Random(5).shuffle(answers)
    shuffled = [chat_row(pair["question"], answer) for pair, answer in zip(home[1], answers, strict=True)]
    evaluation = verdict_on(shuffled, 300)
    assert "off_topic" in evaluation["verdict"]["beyond_bounds"], evaluation["verdict"]["line"]
    assert evaluation["verdict"]["status"] in ("mixed", "worse")


def test_a_model_that_was_trained_into_repetition_is_flawed(home, verdict_on):
    loops = [chat_row(pair["question"], "You see, my dear. " * 20) for pair in home[1]]
    evaluation = verdict_on(loops, 120)
    assert {"flawed", "loss"} <= set(evaluation["verdict"]["worse"])
    assert evaluation["models"]["tuned"]["figures"]["repetitive"] > 0.9


def test_a_model_that_recites_a_training_answer_is_beyond_the_bound(home, verdict_on):
    by_heart = [chat_row(pair["question"], home[1][0]["answer"]) for pair in home[1]]
    evaluation = verdict_on(by_heart, 300)
    tuned = evaluation["models"]["tuned"]
    assert "memorising" in evaluation["verdict"]["beyond_bounds"], evaluation["verdict"]["line"]
    assert evaluation["verdict"]["status"] != "better"
    assert tuned["figures"]["memorised"] > evaluation["references"]["figures"]["memorised"] + 0.1
