"""What a model that MLX computes says of the next token at each position of rows."""

from collections.abc import Iterable, Iterator, Sequence

import mlx.core as mx
import numpy as np
from mlx import nn
from mlx_lm.models.cache import make_prompt_cache

from understudy.models.predictions import KEPT, Predictions, RowLoss, checked_predictions, joined, row_losses
from understudy.models.scored_rows import ScoredRow

# The logits of as many positions are in memory: 131 MB of float32 for a vocabulary of 128,256.
PIECE = 256


def reference_losses(model: nn.Module, rows: Iterable[ScoredRow]) -> list[RowLoss]:
    """Return what the reference answer of each row costs the model."""
    return row_losses(mlx_predictions(model, rows, kept=1))


def mlx_predictions(model: nn.Module, rows: Iterable[ScoredRow], kept: int = KEPT) -> Iterator[Predictions]:
    """Yield each row's predictions, all of its positions at once being at most PIECE.

    Raises PredictionError where the logits are not finite."""
    model.eval()  # The adapters' dropout comes switched on.
    for row in rows:
        yield predictions_of_row(model, row, kept)


def predictions_of_row(model: nn.Module, row: ScoredRow, kept: int = KEPT) -> Predictions:
    cache = make_prompt_cache(model)
    parts = []
    for start in range(0, len(row.tokens) - 1, PIECE):
        inputs = row.tokens[start : start + PIECE][: len(row.tokens) - 1 - start]
        logits = model(mx.array([inputs]), cache=cache)[0]
        unscored = min(max(0, row.first - 1 - start), len(inputs))
        targets = row.tokens[start + unscored + 1 : start + len(inputs) + 1]
        if targets:
            parts.append(checked_predictions(*likeliest(logits[unscored:], targets, kept), row.name))
        mx.eval([layer.state for layer in cache])
    return joined(parts)


def likeliest(logits: mx.array, targets: Sequence[int], kept: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the targets' log probabilities (positions,), and the ids and log probabilities (positions, kept) of the likeliest
    tokens in no order, from logits (positions, vocabulary)."""
    logits = logits.astype(mx.float32)
    logprobs = logits - mx.logsumexp(logits, axis=-1, keepdims=True)
    kept = min(kept, logits.shape[-1])
    tokens = mx.argpartition(-logprobs, kth=kept - 1, axis=-1)[:, :kept]
    found = mx.take_along_axis(logprobs, mx.array(targets)[:, None], axis=-1)[:, 0]
    return np.array(found), np.array(tokens), np.array(mx.take_along_axis(logprobs, tokens, axis=-1))
