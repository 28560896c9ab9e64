"""A forest of regression trees: what widths are expected to come to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.floating[Any]]

TREES = 30
LEAST = 2
"""Fewest results in a leaf."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """The mean of the results that end here."""

    mean: float


@dataclass(frozen=True, slots=True)
class Split:
    """A question: is a number at most a threshold?

    Args:
        column: Which number.
        threshold: The threshold.
        below: Where those at most as large go.
        above: Where the others go.
    """

    column: int
    threshold: float
    below: Tree
    above: Tree


Tree = Leaf | Split


def grow(x: Reals, y: Reals, rng: np.random.Generator) -> tuple[Tree, ...]:
    """Return trees, each grown on results drawn with replacement, by least squares.

    Args:
        x: What the results are of, [n, D]; at least one.
        y: The results, [n].
        rng: Draws the results.

    Source:
        Breiman, Bagging Predictors, Machine Learning 1996.
    """
    draws = (rng.integers(len(y), size=len(y)) for _ in range(TREES))
    return tuple(_grown(x[drawn], y[drawn]) for drawn in draws)


def expected(trees: tuple[Tree, ...], x: Reals) -> Reals:
    """Return the mean of what the trees say of each row of x, [n, D]; [n]."""
    means: Reals = np.mean([_said(tree, x) for tree in trees], axis=0)
    return means


def _grown(x: Reals, y: Reals) -> Tree:
    found = _best_split(x, y) if len(y) >= 2 * LEAST else None
    if found is None:
        return Leaf(float(y.mean()))
    column, threshold = found
    below = x[:, column] <= threshold
    lower, upper = (_grown(x[part], y[part]) for part in (below, ~below))
    return Split(column, threshold, lower, upper)


def _best_split(x: Reals, y: Reals) -> tuple[int, float] | None:
    """Return the column and threshold that leave the least squared error, None if none helps."""
    best, least = None, float(((y - y.mean()) ** 2).sum()) * (1 - 1e-12)
    for column in range(x.shape[1]):
        for threshold in np.unique(x[:, column])[:-1].tolist():
            below = x[:, column] <= threshold
            if min(below.sum(), (~below).sum()) < LEAST:
                continue
            error = sum(float(((y[part] - y[part].mean()) ** 2).sum()) for part in (below, ~below))
            if error < least:
                best, least = (column, threshold), error
    return best


def _said(tree: Tree, x: Reals) -> Reals:
    if isinstance(tree, Leaf):
        return np.full(len(x), tree.mean)
    below = x[:, tree.column] <= tree.threshold
    said = np.empty(len(x))
    said[below], said[~below] = _said(tree.below, x[below]), _said(tree.above, x[~below])
    return said
