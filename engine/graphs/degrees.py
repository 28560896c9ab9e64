"""In-degrees: their distribution, and whom degree protection protects."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.spec import Protection

Degrees = NDArray[np.integer[Any]]


def degree_cdf(in_degree: Degrees) -> NDArray[np.float64]:
    """Return the share of nodes whose in-degree is at most each node's own: the inclusive CDF.

    ``F(d_v) = |{u : d_u <= d_v}| / N``

    Args:
        in_degree: In-degrees before self-loops are added, [N].

    Returns:
        Shares in (0, 1], [N].
    """
    return np.searchsorted(np.sort(in_degree), in_degree, side="right") / len(in_degree)


def protection_probability(in_degree: Degrees, protection: Protection) -> NDArray[np.float64]:
    """Return the probability that a training forward leaves each node unquantized.

    ``p(v) = p_min + (p_max - p_min) F(d_v)``

    Args:
        in_degree: In-degrees before self-loops are added, [N].
        protection: The bounds.

    Returns:
        Probabilities, [N].

    Source:
        Tailor et al., Degree-Quant, ICLR 2021, section 3.1.
    """
    span = protection.p_max - protection.p_min
    return protection.p_min + span * degree_cdf(in_degree)


def expected_protected(in_degree: Degrees, protection: Protection) -> float:
    """Return how many nodes a training forward leaves unquantized on average.

    Args:
        in_degree: In-degrees before self-loops are added, [N].
        protection: The bounds.
    """
    return float(protection_probability(in_degree, protection).sum())


def degree_buckets(in_degree: Degrees) -> NDArray[np.int64]:
    """Return each node's bucket: 0 for in-degree 0, else ``1 + floor(log2 d)``, int64 [N]."""
    return np.frexp(in_degree.astype(np.float64))[1].astype(np.int64)
