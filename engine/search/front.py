"""Which results no other result beats, and how much lies beneath them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Gains = NDArray[np.floating[Any]]
"""What is gained by each of P results in each of D regards, more being better, [P, D]."""


def is_on_front(gains: Gains) -> NDArray[np.bool_]:
    """Return whether no result gains as much in every regard and more in one, bool [P].

    Of results that gain the same, all are on the front or none.

    Args:
        gains: [P, D].
    """
    as_much = (gains[:, None] >= gains[None]).all(axis=2)
    more = (gains[:, None] > gains[None]).any(axis=2)
    unbeaten: NDArray[np.bool_] = ~np.any(as_much & more, axis=0)
    return unbeaten


def hypervolume(gains: Gains) -> float:
    """Return the volume of the points that some result is at least as good as, down to 0.

    ``vol union_p prod_d [0, gains_pd]``, a result that gains nothing in one regard adding nothing.

    Args:
        gains: [P, D].

    Source:
        Zitzler and Thiele, Multiobjective Evolutionary Algorithms, 1999; by slices along the last
        regard, as in While et al., A Faster Algorithm for Calculating Hypervolume, 2006.
    """
    gains = np.asarray(gains, dtype=np.float64)
    gains = gains[(gains > 0).all(axis=1)]
    if not len(gains):
        return 0.0
    if gains.shape[1] == 1:
        return float(gains.max())
    gains = gains[np.argsort(-gains[:, -1], kind="stable")]
    heights = gains[:, -1] - np.append(gains[1:, -1], 0.0)
    slices = (
        height * hypervolume(gains[: index + 1, :-1])
        for index, height in enumerate(heights)
        if height > 0
    )
    return float(sum(slices))
