"""How far apart the rows of pairs of nodes are: one pass for every measure that asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from engine.metrics.pairs import PairSample
from engine.metrics.rows import Reals, Rows, squared_norms, sum_squares

BLOCK_ENTRIES = 1 << 15
"""Entries of a dense block: 256 KB of float64 stay in the cache and need no fresh pages."""
BLOCK_PAIRS = 1 << 14
"""Pairs of a sparse block, which bounds the memory."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Distances:
    """The squared distance of the two rows of each pair, and their squared norms.

    A row of zeros has no direction: it counts as orthogonal to any other row (cosine 0), and as
    equal to another row of zeros.

    Args:
        pairs: The pairs of nodes i and j.
        squared: ``||h_i - h_j||^2``, [P], exactly 0 where the rows are equal.
        first: ``||h_i||^2``, [P].
        second: ``||h_j||^2``, [P].
    """

    pairs: PairSample
    squared: Reals
    first: Reals
    second: Reals

    @property
    def collapsed(self) -> int:
        """Number of pairs with a row of zeros."""
        return int(((self.first == 0) | (self.second == 0)).sum())

    def cosine(self) -> Reals:
        """Return ``1 - cos(h_i, h_j)`` of each pair, [P], 0 to 2, exactly 0 for equal rows."""
        a, b = np.sqrt(self.first), np.sqrt(self.second)
        distance = (a != b).astype(np.float64)
        apart = self.squared - np.square(a - b)
        np.divide(apart, 2 * a * b, out=distance, where=(a > 0) & (b > 0))
        return np.asarray(np.clip(distance, 0, 2))

    def squared_scaled(self, a: Reals, b: Reals) -> Reals:
        """Return ``||a h_i - b h_j||^2`` of each pair, [P].

        Args:
            a: Factor of each first row, [P].
            b: Factor of each second row, [P].
        """
        apart = a * b * self.squared + (a - b) * (a * self.first - b * self.second)
        return np.asarray(np.maximum(apart, 0))


def distances(h: Rows, pairs: PairSample) -> Distances:
    """Return how far apart the two rows of each pair are.

    Args:
        h: [N, F], dense or sparse, from `as_rows`.
        pairs: Pairs of the N nodes.

    Raises:
        ValueError: If a number is nan or inf.
    """
    norms = squared_norms(h)
    squared = np.empty(pairs.count)
    block = max(BLOCK_ENTRIES // max(h.shape[1], 1), 1)
    if not isinstance(h, np.ndarray):
        h, block = h.astype(np.float64), BLOCK_PAIRS
    for start in range(0, pairs.count, block):
        part = slice(start, start + block)
        squared[part] = sum_squares(_difference(h, pairs.first[part], pairs.second[part]))
    return Distances(
        pairs=pairs, squared=squared, first=norms[pairs.first], second=norms[pairs.second]
    )


def _difference(h: Rows, first: NDArray[Any], second: NDArray[Any]) -> Rows:
    if isinstance(h, np.ndarray):
        return np.subtract(h.take(first, axis=0), h.take(second, axis=0), dtype=np.float64)
    return sparse.csr_array(h[first] - h[second])
