"""What a model says of the next token at each position of some rows, kept small, and how far two models are apart in it."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from understudy.shared.errors import UnderstudyError

# The likeliest tokens that are kept of each distribution. On the demo's model they hold 95.5 % of the probability, and the
# divergence of its Q4_K_M comes out at 0.0359 instead of 0.0386 with all 49,152 (64: 0.0323; 1,024: 0.0377).
KEPT = 256
# llama.cpp's probabilities are float32: what is smaller than its smallest number comes as zero.
LEAST_LOGPROB = float(np.log(np.finfo(np.float32).tiny))
# Below this, what is left of a probability of one is float32's rounding of the parts.
LEAST_REST = 1e-6


class PredictionError(UnderstudyError):
    """A model doesn't say anything usable of the next token."""


@dataclass(frozen=True)
class Predictions:
    """The next token's distribution at some positions. Logarithms are natural; arrays are float32, ids int64.

    `targets` (positions,): of the token that does come next. `tokens` and `logprobs` (positions, kept): the likeliest tokens, the
    likeliest of all first."""

    targets: np.ndarray
    tokens: np.ndarray
    logprobs: np.ndarray

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def loss(self) -> float:
        """Mean negative log-likelihood in nats a token."""
        return float(-self.targets.mean(dtype=np.float64))

    @property
    def perplexity(self) -> float:
        return float(np.exp(self.loss))

    @property
    def mass_kept(self) -> float:
        """Mean probability of the tokens that are kept, all together."""
        return float(np.exp(self.logprobs.astype(np.float64)).sum(axis=1).mean())


@dataclass(frozen=True)
class RowLoss:
    """Of one row: the summed negative log-likelihood of its answer in nats, and the answer's number of tokens."""

    loss: float
    tokens: int


@dataclass(frozen=True)
class Comparison:
    """How far one model's predictions are from another's: the share of positions with the same likeliest token, and the mean and
    the 99th percentile of the KL divergence in nats."""

    agreement: float
    kl: float
    kl_99: float


def checked_predictions(targets: np.ndarray, tokens: np.ndarray, logprobs: np.ndarray, where: str) -> Predictions:
    """Put predictions together, the likeliest token first.

    Raises PredictionError if a number in them is NaN or infinite."""
    if not (np.isfinite(targets).all() and np.isfinite(logprobs).all()):
        raise PredictionError(f"{where}: the model computes NaN or infinite logits, so it says nothing. Make it anew.")
    order = np.argsort(-logprobs, axis=1, kind="stable")
    return Predictions(
        np.maximum(targets, LEAST_LOGPROB, dtype=np.float32),
        np.take_along_axis(tokens, order, axis=1).astype(np.int64),
        np.maximum(np.take_along_axis(logprobs, order, axis=1), LEAST_LOGPROB, dtype=np.float32),
    )


def joined(predictions: Iterable[Predictions]) -> Predictions:
    """Return the predictions of several rows as one."""
    parts = list(predictions)
    return Predictions(
        np.concatenate([part.targets for part in parts]),
        np.concatenate([part.tokens for part in parts]),
        np.concatenate([part.logprobs for part in parts]),
    )


def row_losses(predictions: Iterable[Predictions]) -> list[RowLoss]:
    """Return what one or several models' predictions of rows, one a row, cost."""
    return [RowLoss(float(-row.targets.sum(dtype=np.float64)), len(row)) for row in predictions]


def agreement(one: Predictions, other: Predictions) -> float:
    """Return the share of positions at which both have the same likeliest token."""
    return float((one.tokens[:, 0] == other.tokens[:, 0]).mean())


def compared(reference: Predictions, other: Predictions) -> Comparison:
    """Return how far `other` is from `reference`, at the same positions of the same rows."""
    kl = divergences(reference, other)
    return Comparison(agreement(reference, other), float(kl.mean()), float(np.quantile(kl, 0.99)))


def divergences(reference: Predictions, other: Predictions) -> np.ndarray:
    """Return the Kullback-Leibler divergence of `other` from `reference` at each position in nats, sum p ln(p / q), float64.

    Each token that the reference keeps is taken by itself, all the rest as one. Where `other` does not keep such a token it
    counts as likely as the least likely one that it does keep, and so is never counted as less likely than it is."""
    p = np.exp(reference.logprobs.astype(np.float64))
    q_logprobs = logprobs_at(other, reference.tokens)
    of_kept = (p * (reference.logprobs - q_logprobs)).sum(axis=1)
    p_rest = np.maximum(1 - p.sum(axis=1), LEAST_REST)
    q_rest = np.maximum(1 - np.exp(q_logprobs).sum(axis=1), LEAST_REST)
    return np.maximum(of_kept + p_rest * np.log(p_rest / q_rest), 0)


def logprobs_at(predictions: Predictions, tokens: np.ndarray) -> np.ndarray:
    """Return what `predictions` gives `tokens` (positions, any number) as log probabilities, float64."""
    ids = int(max(tokens.max(), predictions.tokens.max())) + 1
    positions = np.arange(len(predictions))[:, None] * ids
    listed, wanted = (positions + predictions.tokens).ravel(), positions + tokens
    order = np.argsort(listed)
    places = order[np.minimum(np.searchsorted(listed, wanted, sorter=order), len(order) - 1)]
    found = listed[places] == wanted
    return np.where(found, predictions.logprobs.ravel()[places], predictions.logprobs[:, -1:]).astype(np.float64)
