"""In-degrees: their distribution, and whom degree protection protects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.spec import Protection

Degrees = NDArray[np.integer[Any]]


Starts = NDArray[np.int64]


def degree_cdf(in_degree: Degrees, starts: Starts | None = None) -> NDArray[np.float64]:
    """Return the share of nodes whose in-degree is at most each node's own: the inclusive CDF.

    ``F(d_v) = |{u : d_u <= d_v}| / N``, over the nodes of v's own graph.

    Args:
        in_degree: In-degrees before self-loops are added, [N].
        starts: Where each graph's nodes start, [G + 1]; None for a single graph.

    Returns:
        Shares in (0, 1], [N].
    """
    if starts is None:
        return np.searchsorted(np.sort(in_degree), in_degree, side="right") / len(in_degree)
    size = np.diff(starts)
    graph = np.repeat(np.arange(len(size)), size)
    key = graph * (int(in_degree.max(initial=0)) + 1) + in_degree
    at_most: NDArray[np.int64] = np.searchsorted(np.sort(key), key, side="right")
    return (at_most - starts[graph]) / size[graph]


def protection_probability(
    in_degree: Degrees, protection: Protection, starts: Starts | None = None
) -> NDArray[np.float64]:
    """Return the probability that a training forward leaves each node unquantized.

    ``p(v) = p_min + (p_max - p_min) F(d_v)``

    Args:
        in_degree: In-degrees before self-loops are added, [N].
        protection: The bounds.
        starts: Where each graph's nodes start, [G + 1]; None for a single graph.

    Returns:
        Probabilities, [N].

    Source:
        Tailor et al., Degree-Quant, ICLR 2021, section 3.1.
    """
    span = protection.p_max - protection.p_min
    return protection.p_min + span * degree_cdf(in_degree, starts)


def expected_protected(
    in_degree: Degrees, protection: Protection, starts: Starts | None = None
) -> float:
    """Return how many nodes a training forward leaves unquantized on average.

    Args:
        in_degree: In-degrees before self-loops are added, [N].
        protection: The bounds.
        starts: Where each graph's nodes start, [G + 1]; None for a single graph.
    """
    return float(protection_probability(in_degree, protection, starts).sum())


def mean_probability(
    in_degree: Degrees, protection: Protection, starts: Starts | None = None
) -> tuple[Degrees, NDArray[np.float64]]:
    """Return the mean `protection_probability` of the nodes of each in-degree.

    In a single graph all nodes of an in-degree have the same; in a set, each graph has its own.

    Args:
        in_degree: In-degrees before self-loops are added, [N].
        protection: The bounds.
        starts: Where each graph's nodes start, [G + 1]; None for a single graph.

    Returns:
        The different in-degrees, ascending, [D], and their means, [D].
    """
    degree, place, count = np.unique(in_degree, return_inverse=True, return_counts=True)
    total = np.bincount(place, protection_probability(in_degree, protection, starts), len(degree))
    return degree, total / count


def rows_by_degree(in_degree: Degrees, thresholds: Sequence[int]) -> tuple[NDArray[np.int64], ...]:
    """Return the nodes below the first threshold, those from it on up to the next, and so on.

    Args:
        in_degree: In-degrees before self-loops are added, [N].
        thresholds: Smallest in-degree of each group but the first, ascending.

    Returns:
        Ascending node numbers of each group, one group more than thresholds.
    """
    group = np.searchsorted(thresholds, in_degree, side="right")
    return tuple(np.flatnonzero(group == index) for index in range(len(thresholds) + 1))


def degree_buckets(in_degree: Degrees) -> NDArray[np.int64]:
    """Return each node's bucket: 0 for in-degree 0, else ``1 + floor(log2 d)``, int64 [N]."""
    return np.frexp(in_degree.astype(np.float64))[1].astype(np.int64)
