"""All pairs of sets that are similar enough, without comparing each with each.

After Xiao, Wang, Lin, Yu: Efficient similarity joins for near-duplicate detection (ACM TODS 36(3), 2011): when the elements of
every set are sorted by how rare they are, two similar sets share one of their first few. What nearly all sets contain, like a
sentence at the end of every answer, is never among those, so it costs nothing. The result is exact."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

# Sets whose candidates are looked up at a time, and elements that are compared at a time: 100 MB or so.
CHUNK = 256
MOST_ELEMENTS = 2_000_000


class Measure(NamedTuple):
    """`similarity` of two sets from the elements that they share and their sizes; `fewest_shared` of one of its size with any
    set that is similar by a threshold."""

    similarity: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
    fewest_shared: Callable[[np.ndarray, float], np.ndarray]


JACCARD = Measure(lambda shared, one, other: shared / (one + other - shared), lambda size, threshold: threshold * size)
COSINE = Measure(lambda shared, one, other: shared / np.sqrt(one * other), lambda size, threshold: threshold**2 * size)
# What rounding may take from a similarity that is just the threshold.
ROUNDING = 1e-9


class Similar(NamedTuple):
    """Three arrays of the same length: the two sets, left < right, and their similarity."""

    left: np.ndarray
    right: np.ndarray
    similarity: np.ndarray


def similar_sets(sets: Sequence[np.ndarray], measure: Measure, threshold: float, most: int) -> Similar:
    """Return the pairs of `sets` (arrays of distinct integers) whose similarity is `threshold` or more, in their order.

    Raises OverflowError when there are more than `most`."""
    sizes = np.array([len(of_one) for of_one in sets], float)
    shared, alone = shared_elements(sets)
    beginning = np.floor(sizes - measure.fewest_shared(sizes, threshold) + ROUNDING).astype(int) + 1 - alone
    rarest = beginnings(shared, beginning)
    transposed, found, count = rarest.T.tocsr(), [], 0
    for start in range(0, len(sets), CHUNK):
        candidates = (rarest[start : start + CHUNK] @ transposed).tocoo()
        left, right = candidates.row + start, candidates.col
        left, right = left[left < right], right[left < right]
        similarity = measure.similarity(shared_counts(shared, left, right), sizes[left], sizes[right])
        near = similarity >= threshold - ROUNDING
        found.append((left[near], right[near], similarity[near]))
        count += int(near.sum())
        if count > most:
            raise OverflowError(f"more than {most} similar pairs, the last of them {left[near][-1]}, {right[near][-1]}")
    return (
        in_order(*(np.concatenate(parts) for parts in zip(*found, strict=True)))
        if found
        else Similar(*np.empty((3, 0)))
    )


def in_order(left: np.ndarray, right: np.ndarray, similarity: np.ndarray) -> Similar:
    order = np.lexsort((right, left))
    return Similar(left[order], right[order], similarity[order])


def shared_elements(sets: Sequence[np.ndarray]) -> tuple[csr_matrix, np.ndarray]:
    """Return the elements that more than one set has, as ones of shape (sets, elements), and how many others each set has.

    The columns are in the order of how many sets have the element, the rarest first."""
    rows = np.repeat(np.arange(len(sets)), [len(of_one) for of_one in sets])
    _, columns, counts = np.unique(np.concatenate([[], *sets]), return_inverse=True, return_counts=True)
    place = np.empty(len(counts), int)
    place[np.argsort(counts, kind="stable")] = np.arange(len(counts))
    several = counts[columns] > 1
    alone = len(counts) - int((counts > 1).sum())
    shape = (len(sets), max(1, len(counts) - alone))
    ones = np.ones(int(several.sum()), np.float32)
    matrix = csr_matrix((ones, (rows[several], place[columns[several]] - alone)), shape=shape)
    matrix.sort_indices()
    return matrix, np.bincount(rows[~several], minlength=len(sets))


def beginnings(matrix: csr_matrix, lengths: np.ndarray) -> csr_matrix:
    """The first `lengths` elements of every row, fewer where a row has fewer, none where the length is negative."""
    place_in_row = np.arange(matrix.nnz) - np.repeat(matrix.indptr[:-1], np.diff(matrix.indptr))
    kept = place_in_row < np.repeat(lengths, np.diff(matrix.indptr))
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    return csr_matrix((matrix.data[kept], (rows[kept], matrix.indices[kept])), shape=matrix.shape)


def shared_counts(matrix: csr_matrix, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """How many elements the rows `left` and `right` share, pair by pair."""
    weights = np.cumsum(np.diff(matrix.indptr)[left] + np.diff(matrix.indptr)[right])
    parts = np.searchsorted(weights, np.arange(MOST_ELEMENTS, weights[-1] if len(weights) else 0, MOST_ELEMENTS))
    counts = [
        np.asarray(matrix[one].multiply(matrix[other]).sum(axis=1), float).ravel()
        for one, other in zip(np.split(left, parts), np.split(right, parts), strict=True)
        if len(one)
    ]
    return np.concatenate([[], *counts])
