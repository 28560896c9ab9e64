"""hubs: a random graph of communities whose degrees follow a power law."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.graphs.graph import Graph
from engine.graphs.splits import split_per_class

CLASSES = 4
HOMOPHILY = 0.8
"""Share of edges whose ends are drawn from one class."""

SIGNAL = 1.0
"""Distance of each class's mean features from the origin, where the noise has deviation 1."""

TRAIN_PER_CLASS = 20
VALIDATION_PER_CLASS = 100


def hubs(
    nodes: int,
    exponent: float,
    mean_degree: float = 10.0,
    features: int = 32,
    seed: int = 0,
) -> Graph:
    """Return an undirected degree-corrected block model with power-law degrees.

    Node i has the weight ``theta_i``, a quantile of the Pareto law of density ``theta^-exponent``,
    dealt out at random, and cut so that no node expects more than N/10 neighbours. An edge draws
    its first end by weight, keeps to that end's class with probability 0.8 or else takes one of
    the other 3, and draws its second end by weight within it. Repeated edges and self-loops are
    dropped, and every edge is there in both directions, so degrees are on average a little below
    ``mean_degree``.

    Features are the class's mean, a random direction of length 1, plus standard normal noise, so a
    node alone says little and its neighbours much. The split draws 20 nodes of each of the 4
    classes for training and 100 for validation (fewer in small graphs); the rest are for testing.

    Args:
        nodes: Number of nodes N, from 10.
        exponent: Power-law exponent, above 2.
        mean_degree: Directed edges aimed at, over N.
        features: Number of features F.
        seed: Seed of everything.

    Source:
        Karrer & Newman, Stochastic blockmodels and community structure in networks, 2011.
    """
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(nodes, dtype=np.int64) % CLASSES)
    theta = rng.permutation(_power_law(nodes, exponent, mean_degree))
    ends = _draw_pairs(y, theta, round(nodes * mean_degree / 2), rng)
    means = rng.standard_normal((CLASSES, features), dtype=np.float32)
    means *= SIGNAL / np.linalg.norm(means, axis=1, keepdims=True)
    x = rng.standard_normal((nodes, features), dtype=np.float32)
    x += means[y]
    train, val, test = split_per_class(y, TRAIN_PER_CLASS, VALIDATION_PER_CLASS, seed)
    return Graph(
        name="hubs",
        edge_index=np.concatenate([ends, ends[::-1]], axis=1),
        x=x,
        y=y,
        train=train,
        val=val,
        test=test,
        classes=CLASSES,
    )


def _power_law(nodes: int, exponent: float, mean_degree: float) -> NDArray[np.float64]:
    """Return the quantiles of a Pareto law, cut so that the largest expects N/10 neighbours."""
    theta: NDArray[np.float64] = ((np.arange(nodes) + 0.5) / nodes) ** (-1 / (exponent - 1))
    most = nodes / 10 / mean_degree
    # Cutting lowers the mean, which raises what the cut nodes expect: a few rounds settle it.
    for _ in range(20):
        theta = np.minimum(theta, max(most, 1) * theta.mean())
    return theta


def _draw_pairs(
    y: NDArray[np.int64], theta: NDArray[np.float64], count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return the different pairs of different nodes among ``count`` draws, int64 [2, pairs]."""
    nodes = len(y)
    by_class = np.argsort(y, kind="stable")
    reach = np.concatenate([[0.0], np.cumsum(theta[by_class])])
    bounds = reach[np.concatenate([[0], np.cumsum(np.bincount(y, minlength=CLASSES))])]

    def node_at(point: NDArray[np.float64]) -> NDArray[np.int64]:
        return by_class[np.minimum(np.searchsorted(reach, point, side="right") - 1, nodes - 1)]

    # Sorted points are found three times faster, and the order of the pairs does not matter.
    first = node_at(np.sort(rng.random(count)) * reach[-1])
    leaves = rng.random(count) >= HOMOPHILY
    block = (y[first] + leaves * rng.integers(1, CLASSES, count)) % CLASSES
    low, high = bounds[block], bounds[block + 1]
    second = node_at(low + rng.random(count) * (high - low))
    keys = np.sort(np.minimum(first, second) * nodes + np.maximum(first, second))
    # Sorted and compared, not np.unique, whose hash table is 40 times slower here.
    keys = keys[np.diff(keys, prepend=-1) > 0]
    lower, upper = np.divmod(keys, nodes)
    different = lower != upper
    return np.stack([lower[different], upper[different]])
