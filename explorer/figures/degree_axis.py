"""The logarithmic axis of in-degrees, or of other counts, with a place for 0."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

ZERO = 0.5
"""Where degree 0 lies: as far below 1 as 2 lies above."""
NARROW_TICKS = 5
"""Labels between neighbouring round numbers."""
NARROW = 0.35
"""Decades below which an axis has no less room at its ends."""
JITTER = 0.3
"""Half width of the jitter, as a share of the gap to the next degree."""


def places(degree: ArrayLike) -> NDArray[np.float64]:
    """Return where degrees lie on the axis."""
    return np.maximum(np.asarray(degree, dtype=np.float64), ZERO)


def jittered(degree: ArrayLike, seed: int = 0) -> NDArray[np.float64]:
    """Return places moved a little, so that nodes of one degree can be told apart.

    A node is moved alike whatever is drawn of it, as long as all nodes are given.
    """
    place = places(degree)
    gap = np.log10(1 + 1 / np.maximum(place, 1))
    shift = np.random.default_rng(seed).uniform(-JITTER, JITTER, place.size)
    return np.asarray(place * 10 ** (shift * gap))


def degree_axis(low: int, high: int, title: str = "In-degree (log scale)") -> dict[str, Any]:
    """Return Plotly's axis for in-degrees from ``low`` to ``high``, labelled 0, 1, 2, 5, 10, …."""
    ticks = [0] if low == 0 else []
    decades = range(int(math.log10(max(high, 1))) + 1)
    ticks += [digit * 10**decade for decade in decades for digit in (1, 2, 5)]
    start, end = (math.log10(place) for place in places([low, high]))
    if end - start > 3:
        ticks = [tick for tick in ticks if str(tick)[0] in "01"]
    if sum(low <= tick <= high for tick in ticks) < 2:
        between = np.geomspace(max(low, 1), max(high, 1), NARROW_TICKS)
        ticks = sorted({low, high, *(round(tick) for tick in between.tolist())})
    room = min(max(end - start, NARROW), 1.0)
    return {
        "type": "log",
        "range": [start - 0.15 * room, end + 0.1 * room],
        "tickvals": places(ticks).tolist(),
        "ticktext": [f"{tick:,}" for tick in ticks],
        "title": {"text": title},
    }


def span(low: int, high: int) -> str:
    """Return a range of degrees as text."""
    return str(low) if low == high else f"{low}–{high}"
