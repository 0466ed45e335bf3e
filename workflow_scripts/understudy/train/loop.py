"""mlx_lm's training, stretch by stretch from one whole state to the next, so that it can stop at any step and go on.

`mlx_lm.tuner.trainer.train` keeps accumulated gradients to itself, so whole states lie between two calls of it, at multiples of
grad_accumulation_steps. The last stretch takes the gradients that are left over and applies their mean."""

import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import mlx.core as mx
import mlx.optimizers as optim
from mlx import nn
from mlx_lm.tuner.callbacks import TrainingCallback
from mlx_lm.tuner.datasets import CacheDataset
from mlx_lm.tuner.trainer import TrainingArgs, evaluate, grad_checkpoint, train
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from understudy.rows.training import lengths_of
from understudy.shared.errors import UnderstudyError
from understudy.shared.log import log
from understudy.train.batches import FixedBatches, RowOrder, padded_batch
from understudy.train.checkpoints import ADAPTERS, METRICS, best_name, checkpoint_name, remove_best_but, remove_later
from understudy.train.resume import (
    Moment,
    iterations_of_states,
    restore_state,
    save_state,
    save_tensors,
    trainable_weights,
)
from understudy.train.updates import at_an_update
from understudy.train.watch import EarlyStop, TrainingDiverged, Watcher


class TrainingInterrupted(UnderstudyError):
    """Somebody has stopped the training; it goes on from there."""


class StopAsked(Exception):
    """Ctrl-C, or the signal that a cluster sends before it ends a job."""


@dataclass(frozen=True)
class Stretch:
    """Iterations after `start` up to `end`, with an update after each `accumulation` of them."""

    start: int
    end: int
    accumulation: int


def next_stretch(done: int, iterations: int, accumulation: int, save_every: int) -> Stretch:
    """Return the stretch after `done` iterations: to the next save or the end; the gradients left over are one of their own."""
    left_over = iterations % accumulation
    if done >= iterations - left_over:
        return Stretch(done, iterations, left_over)
    next_save = (done // save_every + 1) * save_every
    return Stretch(done, min(next_save, iterations - left_over), accumulation)


class TrainingLoop:
    """Trains a model's adapters in a run's folder, from its last whole state if there is one."""

    def __init__(
        self,
        folder: Path,
        config: dict,
        model: nn.Module,
        optimizer: optim.Optimizer,
        rows: CacheDataset,
        held_out: CacheDataset,
        watcher: Watcher,
    ):
        self._folder = folder
        self._config = config
        self._model = model
        self._optimizer = optimizer
        self._rows = rows
        self._held_out = held_out
        self._watcher = watcher
        # A lora.yaml that was edited by hand may name any iteration.
        self._save_every = at_an_update(config["save_every"], config["grad_accumulation_steps"])
        self._order = RowOrder(lengths_of(rows), config["batch_size"])
        self._looks = FixedBatches(lengths_of(held_out), config["batch_size"], config["val_batches"], config["seed"])
        self._stop_asked = False
        self._moment: Moment | None = None

    def run(self) -> int:
        """Train to the end, or until the validation loss no longer falls, and return the last iteration.

        Raises TrainingInterrupted once a stop was asked for and all is saved; TrainingDiverged; SaveFailed."""
        done = self._begin()
        log.info(
            "validation on %d of %d held-out rows, the same ones at each look",
            len(self._looks.rows), len(self._held_out),
        )  # fmt: skip
        with checkpointed(self._model, self._config["grad_checkpoint"]), self._stopping_on_signals(), quiet():
            try:
                last = self._train_from(done)
            except StopAsked:
                self._save_and_stop()
            except TrainingDiverged as error:
                raise TrainingDiverged(f"{error} {self._what_helps()}") from None
        save_tensors(self._folder / checkpoint_name(last), trainable_weights(self._model))
        return last

    def _begin(self) -> int:
        moment = restore_state(self._folder, self._model, self._optimizer)
        done = moment.iteration if moment else 0
        remove_later(self._folder, done)
        self._watcher.start(self._folder / METRICS, done, moment.watched if moment else None)
        if moment:
            self._order.restore(moment.rows_left)
            log.info("going on after iteration %s, where it was saved", f"{done:,}")
        self._moment = self._now(done)
        return done

    def _train_from(self, done: int) -> int:
        iterations = self._config["iters"]
        with logging_redirect_tqdm([log]), tqdm(total=iterations, initial=done, unit="it", disable=None) as bar:
            try:
                while done < iterations:
                    stretch = next_stretch(done, iterations, self._config["grad_accumulation_steps"], self._save_every)
                    self._train_stretch(stretch, bar)
                    done = stretch.end
                    self._save(done)
                self._look(iterations)
            except EarlyStop:
                done, _ = self._watcher.valid_losses[-1]
                log.info("stopped early after iteration %s: the validation loss no longer falls", f"{done:,}")
        return done

    def _train_stretch(self, stretch: Stretch, bar: tqdm) -> None:
        """Have mlx_lm train it. What it saves at the end is not needed, and must not need room: it knows this stretch alone."""
        with tempfile.TemporaryDirectory() as scratch:
            nowhere = Path(scratch, ADAPTERS)
            nowhere.symlink_to(os.devnull)
            train(
                model=self._model,
                optimizer=self._optimizer,
                train_dataset=self._rows,
                args=TrainingArgs(
                    batch_size=self._config["batch_size"],
                    iters=stretch.end - stretch.start,
                    steps_per_report=1,
                    steps_per_save=stretch.end + 1,
                    adapter_file=str(nowhere),
                    max_seq_length=self._config["max_seq_length"],
                    grad_accumulation_steps=stretch.accumulation,
                    clear_cache_threshold=self._config["clear_cache_threshold"],
                ),
                iterate_batches=lambda **_: self._batches(stretch),
                training_callback=EachStep(stretch.start, self._watcher, bar),
            )

    def _batches(self, stretch: Stretch) -> Iterator[tuple[mx.array, mx.array]]:
        """Yield the stretch's batches; between two steps is the time to look at the held-out rows, or to stop."""
        for iteration in range(stretch.start + 1, stretch.end + 1):
            if (iteration - 1 - stretch.start) % stretch.accumulation == 0:
                self._moment = self._now(iteration - 1)
            self._stop_if_asked()
            batch = [self._rows[row] for row in next(self._order)]
            # mlx_lm looks before the step, after it has drawn the step's rows; the last look here is after all steps.
            is_due = iteration % self._config["steps_per_eval"] == 0 and iteration < self._config["iters"]
            if iteration == 1 or is_due:
                self._look(iteration - 1)
                self._watcher.check_patience()
            yield padded_batch(batch, self._config["max_seq_length"])

    def _look(self, iteration: int) -> None:
        """Take the loss of the held-out rows, and keep the adapters if it is the lowest."""
        loss = evaluate(
            self._model,
            self._held_out,
            self._config["batch_size"],
            num_batches=-1,
            max_seq_length=self._config["max_seq_length"],
            iterate_batches=self._looks,
            progress_callback=self._stop_if_asked,
        )
        self._model.train()
        self._watcher.on_validation(iteration, loss)
        if self._watcher.is_best():
            save_tensors(self._folder / best_name(iteration), trainable_weights(self._model))

    def _save(self, iteration: int) -> None:
        if not all(mx.all(mx.isfinite(value)).item() for value in trainable_weights(self._model).values()):
            raise TrainingDiverged(f"The adapters after iteration {iteration:,} are no numbers.")
        if iteration % self._save_every == 0:
            save_tensors(self._folder / checkpoint_name(iteration), trainable_weights(self._model))
        self._moment = self._now(iteration)
        save_state(self._folder, self._moment, self._model, self._optimizer)
        self._remove_what_was_best()

    def _now(self, iteration: int) -> Moment:
        return Moment.now(iteration, self._order.state(), self._watcher.state())

    def _remove_what_was_best(self) -> None:
        """Only after a save: a training that goes on from any of those that stay must find what was the best then."""
        looks = [self._watcher.best(before=save) for save in iterations_of_states(self._folder)]
        remove_best_but(self._folder, {look[0] for look in looks if look})

    def _save_and_stop(self) -> None:
        """Save where the weights were last changed: the gradients since then are computed again."""
        save_state(self._folder, self._moment, self._model, self._optimizer)
        raise TrainingInterrupted(
            f"The training was stopped and is saved after iteration {self._moment.iteration:,} of {self._config['iters']:,}. "
            f"The same command goes on from there."
        )

    def _stop_if_asked(self) -> None:
        if self._stop_asked:
            raise StopAsked

    @contextmanager
    def _stopping_on_signals(self) -> Iterator[None]:
        """Take Ctrl-C and SIGTERM as a wish to stop after this step; the second one ends the process at once."""

        def ask(number: int, _frame: object) -> None:
            self._stop_asked = True
            signal.signal(number, signal.SIG_DFL)

        before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _what_helps(self) -> str:
        kept = sorted([*self._folder.glob(checkpoint_name("*")), *self._folder.glob(best_name("*"))])
        return (
            "A lower training.learning_rate (a third of it, say) or a lower training.lora_parameters.scale usually helps. "
            f"{self._folder / METRICS} has the losses until then; "
            + (
                f"adapters from before it: {', '.join(map(str, kept))}."
                if kept
                else "there were no adapters to keep yet."
            )
        )


class EachStep(TrainingCallback):
    """Hands each of mlx_lm's reports, one a step, to the watcher, with the iteration of the whole training."""

    def __init__(self, start: int, watcher: Watcher, bar: tqdm):
        self._start = start
        self._watcher = watcher
        self._bar = bar
        self._tokens = 0

    def on_train_loss_report(self, train_info: dict) -> None:
        tokens = train_info["trained_tokens"] - self._tokens
        self._tokens = train_info["trained_tokens"]
        seconds = 1 / train_info["iterations_per_second"]
        self._watcher.on_step(
            self._start + train_info["iteration"], train_info["train_loss"], tokens, seconds, train_info
        )
        self._bar.update()


@contextmanager
def quiet() -> Iterator[None]:
    """Let nothing through that mlx_lm prints: it knows one stretch alone."""
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        yield


@contextmanager
def checkpointed(model: nn.Module, wanted: bool) -> Iterator[None]:
    """Have the layers' gradients checkpointed as mlx_lm does, once for all stretches, and no longer than that."""
    kinds = {type(layer): layer for layer in model.layers} if wanted else {}
    calls = {kind: kind.__call__ for kind in kinds}
    for layer in kinds.values():
        grad_checkpoint(layer)
    try:
        yield
    finally:
        for kind, call in calls.items():
            kind.__call__ = call
