"""What is noticed of a training while it goes on: losses into metrics.csv and the log, and when it must not go on."""

import math
import time
from collections import deque
from statistics import median
from typing import Any

from understudy.shared.errors import UnderstudyError
from understudy.shared.log import log
from understudy.train.machine import SwapWatch
from understudy.train.metrics import MetricsFile

# A single short row may have any loss; so many in a row that are no better than guessing have left the range.
LOSSES_THAT_SHOW_A_RANGE = 10


class TrainingDiverged(UnderstudyError):
    """The loss is no number any more, or worse than guessing; going on would only cost time."""


class EarlyStop(Exception):
    """The validation loss has not fallen for as many looks as the configuration waits."""


class Watcher:
    """Follows the losses of a training of `iterations` steps, `per_epoch` of which are an epoch.

    `guessing` is the loss of a model that knows nothing: the logarithm of the vocabulary's size, in nats."""

    def __init__(self, iterations: int, per_epoch: int, report_every: int, patience: int, guessing: float):
        self.iterations = iterations
        self._per_epoch = per_epoch
        self._report_every = report_every
        self._patience = patience
        self._guessing = guessing
        self._metrics: MetricsFile | None = None
        self._swap = SwapWatch()
        self._started = time.monotonic()
        self._began_at = 0
        self._recent: deque[float] = deque(maxlen=LOSSES_THAT_SHOW_A_RANGE)
        self._window = {"losses": 0.0, "steps": 0, "tokens": 0, "seconds": 0.0}
        self._trained_tokens = 0
        self._seconds_before = 0.0
        self.valid_losses: list[tuple[int, float]] = []

    def start(self, path: str, iteration: int = 0, watched: dict[str, Any] | None = None) -> None:
        """Begin to write to `path`, or go on after `iteration` with what `state` gave there."""
        self._began_at = iteration
        if watched is not None:
            self._window, self._trained_tokens = dict(watched["window"]), watched["trained_tokens"]
            self._seconds_before = watched["seconds"]
            self._recent.extend(watched["recent"])
            self.valid_losses = [(at, loss) for at, loss in watched["valid_losses"]]
        self._metrics = MetricsFile(path, watched["metrics_lines"] if watched else 0)

    def state(self) -> dict[str, Any]:
        """All that a training that goes on needs to know, as JSON takes it."""
        return {
            "window": dict(self._window),
            "trained_tokens": self._trained_tokens,
            "seconds": round(self.seconds(), 1),
            "recent": list(self._recent),
            "valid_losses": [list(look) for look in self.valid_losses],
            "metrics_lines": self._metrics.lines,
        }

    def seconds(self) -> float:
        """What the training has taken until now, without the time that it was stopped."""
        return self._seconds_before + time.monotonic() - self._started

    def best(self, before: float = math.inf) -> tuple[int, float] | None:
        """Iteration and validation loss of the best trained adapters looked at `before` an iteration, of equal ones the first."""
        looks = (look for look in self.valid_losses if 0 < look[0] < before)
        return min(looks, key=lambda look: look[1], default=None)

    def is_best(self) -> bool:
        """Whether the last look was the best at trained adapters."""
        return self.best() == self.valid_losses[-1]

    def on_step(self, iteration: int, loss: float, tokens: int, seconds: float, report: dict) -> None:
        """Take in a step; `report` is mlx_lm's (learning_rate, peak_memory in GB).

        Raises TrainingDiverged."""
        self._check_range(loss, f"training loss at iteration {iteration:,}")
        self._trained_tokens += tokens
        for name, value in (("losses", loss), ("steps", 1), ("tokens", tokens), ("seconds", seconds)):
            self._window[name] += value
        if iteration % self._report_every == 0 or iteration == self.iterations:
            self._report(iteration, report)

    def _report(self, iteration: int, report: dict) -> None:
        loss = self._window["losses"] / self._window["steps"]
        speed = self._window["tokens"] / self._window["seconds"]
        self._window = dict.fromkeys(self._window, 0)
        self._metrics.add(
            {
                **self._position(iteration),
                "train_loss": loss,
                "learning_rate": report["learning_rate"],
                "tokens_per_second": round(speed, 1),
                "trained_tokens": self._trained_tokens,
                "peak_memory_gb": round(report["peak_memory"], 3),
            }
        )
        log.info(
            "iteration %s/%s, training loss %.3f, %.0f tokens/s, %s",
            f"{iteration:,}", f"{self.iterations:,}", loss, speed, self.time_left(iteration),
        )  # fmt: skip
        if warning := self._swap.warning():
            log.warning("Warning: %s", warning)

    def on_validation(self, iteration: int, loss: float) -> None:
        """Take in a look at the held-out rows, made after `iteration`.

        Raises TrainingDiverged."""
        if not math.isfinite(loss):
            raise TrainingDiverged(f"The validation loss after iteration {iteration:,} is {loss}.")
        self.valid_losses.append((iteration, loss))
        self._metrics.add({**self._position(iteration), "valid_loss": loss})
        log.info("iteration %s/%s, validation loss %.3f", f"{iteration:,}", f"{self.iterations:,}", loss)

    def check_patience(self) -> None:
        """Raise EarlyStop if the best look is as many looks ago as the configuration waits; 0 waits for ever."""
        looks = [loss for at, loss in self.valid_losses if at > 0]
        if looks and 0 < self._patience <= len(looks) - 1 - looks.index(min(looks)):
            raise EarlyStop

    def _check_range(self, loss: float, what: str) -> None:
        if not math.isfinite(loss):
            raise TrainingDiverged(f"The {what} is {loss}.")
        self._recent.append(loss)
        limit, usual = max(self._guessing, 2 * self.valid_losses[0][1]), median(self._recent)
        if len(self._recent) == self._recent.maxlen and usual > limit:
            raise TrainingDiverged(
                f"The {what} and the {len(self._recent) - 1} before it are {usual:.1f} in the median, more than {limit:.1f}: "
                f"worse than guessing."
            )

    def _position(self, iteration: int) -> dict[str, float]:
        return {
            "iteration": iteration,
            "epoch": round(iteration / self._per_epoch, 3),
            "seconds": round(self.seconds(), 1),
        }

    def time_left(self, iteration: int) -> str:
        """Said from the pace since the start, or since it goes on."""
        done = max(1, iteration - self._began_at)
        seconds = (time.monotonic() - self._started) / done * (self.iterations - iteration)
        return f"{seconds / 60:.0f} min left" if seconds >= 90 else f"{seconds:.0f} s left"
