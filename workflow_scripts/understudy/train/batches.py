"""Which rows make a step, and in what order: mlx_lm's own order at a batch size of 1, rows of similar length together above it.

mlx_lm means to sort rows by length, but its data set of chat rows tells the number of a row's keys as its length, and it drops
the last batch if that is not full."""

from collections import deque
from collections.abc import Iterator, Sequence

import mlx.core as mx
import numpy as np
from mlx_lm.tuner.trainer import iterate_batches

from understudy.rows.training import PADDED_TO


class RowOrder:
    """Endless batches of row numbers, each row once an epoch, drawn from numpy's global generator as mlx_lm draws its own.

    `lengths` are the rows' lengths in tokens. Where the batch size does not divide their number, one batch is smaller."""

    def __init__(self, lengths: Sequence[int], batch_size: int):
        self._lengths = lengths
        self._batch_size = batch_size
        self._left: deque[list[int]] = deque()

    def __next__(self) -> list[int]:
        if not self._left:
            self._left.extend(self._epoch())
        return self._left.popleft()

    def _epoch(self) -> list[list[int]]:
        rows = np.random.permutation(len(self._lengths)).tolist()
        if self._batch_size == 1:
            return [[row] for row in rows]
        batches = similar_lengths_together(rows, self._lengths, self._batch_size)
        return [batches[index] for index in np.random.permutation(len(batches))]

    def state(self) -> list[list[int]]:
        """What is left of the epoch; with the state of numpy's generator, all that the order depends on."""
        return list(self._left)

    def restore(self, left: list[list[int]]) -> None:
        self._left = deque(left)


def similar_lengths_together(rows: list[int], lengths: Sequence[int], batch_size: int) -> list[list[int]]:
    """Cut `rows`, sorted by their padded lengths, into batches; rows of one padded length stay in the order given."""
    by_length = sorted(rows, key=lambda row: -(-lengths[row] // PADDED_TO))
    return [by_length[start : start + batch_size] for start in range(0, len(by_length), batch_size)]


def batches_per_epoch(rows: int, batch_size: int) -> int:
    return -(-rows // batch_size)


def padded_batch(rows: list[tuple[list[int], int]], max_seq_length: int) -> tuple[mx.array, mx.array]:
    """Return mlx_lm's batch of rows (tokens, number of prompt tokens): tokens (rows, padded length), int32; and for each
    row the first and the last position to learn from (rows, 2)."""
    # A set of one batch: mlx_lm's permutation of it draws no number.
    return next(iterate_batches(rows, len(rows), max_seq_length))


class FixedBatches:
    """The same held-out rows at every look, so that two losses differ by the adapters alone.

    mlx_lm draws its `val_batches` anew each time; an instance stands in for its `iterate_batches`."""

    def __init__(self, lengths: Sequence[int], batch_size: int, val_batches: int, seed: int):
        rows = np.random.default_rng(seed).permutation(len(lengths)).tolist()
        if val_batches != -1:
            rows = rows[: val_batches * batch_size]
        self.rows = sorted(rows)
        self._batches = similar_lengths_together(self.rows, lengths, batch_size)
        self._drawn_by_mlx_lm = len(lengths) // batch_size

    def __call__(self, dataset: Sequence, max_seq_length: int, **_: object) -> Iterator[tuple[mx.array, mx.array]]:
        # mlx_lm draws from the generator that orders the training rows, too: without this the order would not be its own.
        np.random.permutation(self._drawn_by_mlx_lm)
        for batch in self._batches:
            yield padded_batch([dataset[row] for row in batch], max_seq_length)
