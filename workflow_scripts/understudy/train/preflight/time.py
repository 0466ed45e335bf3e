"""How long a training will take, from a few timed steps."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Timed(NamedTuple):
    """The tokens of a batch, padding included, and the seconds that it took."""

    tokens: int
    seconds: float


def seconds_a_token(steps: Iterable[Timed]) -> float:
    """Return the mean over all tokens."""
    steps = list(steps)
    return sum(step.seconds for step in steps) / sum(step.tokens for step in steps)


def looks_at_validation(iterations: int, steps_per_eval: int) -> int:
    """Return how often mlx_lm evaluates: before the first step, every `steps_per_eval`, and at the end."""
    at = {1, iterations, *range(steps_per_eval, iterations + 1, steps_per_eval)}
    return len(at)


def predicted_seconds(
    steps: Sequence[Timed], trained_tokens: float, looks: Sequence[Timed], evaluated_tokens: float
) -> tuple[float, float]:
    """Return the seconds of the training and of its evaluations.

    `trained_tokens` and `evaluated_tokens` are those of the whole run, padding included; `steps` and `looks` are timed ones."""
    return trained_tokens * seconds_a_token(steps), evaluated_tokens * seconds_a_token(looks)
