"""A few real steps of a training, nothing of which is kept: what the longest rows take of memory, and how long steps take."""

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import NamedTuple

import mlx.core as mx
from mlx import nn
from mlx import optimizers as optim
from mlx_lm.tuner.callbacks import TrainingCallback
from mlx_lm.tuner.datasets import CacheDataset
from mlx_lm.tuner.trainer import TrainingArgs, evaluate, iterate_batches, train

from understudy.rows.training import padded_length
from understudy.train.loop import checkpointed
from understudy.train.preflight.time import Timed

# Where in the order of length the timed batches are.
PLACES = (1 / 6, 3 / 6, 5 / 6)


class Trial(NamedTuple):
    """Timed steps and evaluations, and the bytes that MLX held at its peak."""

    steps: list[Timed]
    looks: list[Timed]
    peak: int


def batches_by_length(lengths: Sequence[int], batch_size: int) -> list[list[int]]:
    """Return the rows by index in batches of similar length, the shortest first; what fills no batch is a smaller one."""
    order = sorted(range(len(lengths)), key=lambda index: lengths[index])
    rest = len(order) % batch_size
    full = [order[start : start + batch_size] for start in range(rest, len(order), batch_size)]
    return [order[:rest], *full] if rest else full


def tokens_of_batches(lengths: Sequence[int], batch_size: int, max_seq_length: int) -> list[int]:
    """Return the tokens that each batch is computed on, padding included, the shortest first."""
    batches = batches_by_length(lengths, batch_size)
    longest = [max(lengths[index] for index in batch) for batch in batches]
    padded = [padded_length(length, max_seq_length) - 1 for length in longest]
    return [len(batch) * length for batch, length in zip(batches, padded, strict=True)]


def tried_batches(batches: Sequence[list[int]]) -> tuple[list[list[int]], list[int]]:
    """Return the batches of a trial, and the places in it of those to time: the second of a shape, the first is compiled."""
    timed = [batches[int(place * len(batches))] for place in PLACES]
    return [batches[-1], *[batch for batch in timed for _ in range(2)]], [2, 4, 6]


def try_steps(
    model: nn.Module, optimizer: optim.Optimizer, rows: CacheDataset, config: dict, lengths: Sequence[int]
) -> Trial:
    """Train `model` for a few steps with mlx_lm's loop under its `config`; it is changed, no file is."""
    batches, timed = tried_batches(batches_by_length(lengths, config["batch_size"]))
    watch = StepWatch()
    with (
        tempfile.TemporaryDirectory() as folder,
        open(os.devnull, "w") as nowhere,
        redirect_stdout(nowhere),
        checkpointed(model, config["grad_checkpoint"]),
    ):
        look_at(model, batches[0], rows, config, lengths)
        looks = [look_at(model, batches[place], rows, config, lengths) for place in timed]
        mx.reset_peak_memory()
        train(
            model,
            optimizer,
            rows,
            args=TrainingArgs(
                batch_size=config["batch_size"],
                iters=len(batches),
                steps_per_report=1,
                steps_per_save=len(batches) + 1,
                max_seq_length=config["max_seq_length"],
                # As in the training, but soon enough for an update within the trial.
                grad_accumulation_steps=min(2, config["grad_accumulation_steps"]),
                adapter_file=str(Path(folder) / "adapters.safetensors"),
            ),
            iterate_batches=lambda **_: batches_of(rows, batches, config),
            training_callback=watch,
        )
    steps = [Timed(tokens_of(batches[place], config, lengths), watch.seconds[place]) for place in timed]
    return Trial(steps, looks, mx.get_peak_memory())


def batches_of(rows: CacheDataset, batches: Sequence[list[int]], config: dict) -> Iterator:
    """Yield the named batches as mlx_lm makes them."""
    for batch in batches:
        subset = [rows[index] for index in batch]
        yield from iterate_batches(subset, len(batch), config["max_seq_length"])


def look_at(model: nn.Module, batch: list[int], rows: CacheDataset, config: dict, lengths: Sequence[int]) -> Timed:
    """Time an evaluation of one batch."""
    started = time.perf_counter()
    evaluate(model, [rows[index] for index in batch], len(batch), 1, config["max_seq_length"])
    return Timed(tokens_of(batch, config, lengths), time.perf_counter() - started)


def tokens_of(batch: list[int], config: dict, lengths: Sequence[int]) -> int:
    return tokens_of_batches([lengths[index] for index in batch], config["batch_size"], config["max_seq_length"])[0]


class StepWatch(TrainingCallback):
    """Keeps the seconds of each step."""

    def __init__(self):
        self.seconds: list[float] = []

    def on_train_loss_report(self, train_info: dict) -> None:
        self.seconds.append(1 / train_info["iterations_per_second"])
