"""How a per-node number goes with degree: bands of alike degrees, and the nodes outside them."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.metrics.rows import Reals


@dataclass(frozen=True, kw_only=True, slots=True)
class DegreeBand:
    """The nodes of alike degrees, and how their values spread.

    Args:
        low: Smallest degree in the band.
        high: Largest degree in the band.
        centre: Geometric mean of the two, the middle on a logarithmic axis.
        count: Nodes in the band, at least 1.
        left_out: Nodes whose value is nan or inf, in the count but in none of the numbers below.
        median: Middle value; like all below nan where every value was left out.
        q05: 5% quantile.
        q95: 95% quantile.
        mean: Mean value.
    """

    low: int
    high: int
    centre: float
    count: int
    left_out: int
    median: float
    q05: float
    q95: float
    mean: float

    def to_dict(self) -> dict[str, int | float | None]:
        """Return the fields as JSON data, nan as null."""
        return {name: None if math.isnan(value) else value for name, value in asdict(self).items()}


def degree_bands(
    values: NDArray[Any], degree: NDArray[Any], bands: int = 12
) -> tuple[DegreeBand, ...]:
    """Return the spread of a per-node number in bands of about equal width in log degree.

    Degree 0 has a band of its own, and a band that no node is in is left out, so that few distinct
    degrees give few bands. Quantiles interpolate linearly.

    Args:
        values: A number (or a truth value: the mean is then a share) for each node, [N].
        degree: Degree of each node, [N], integers from 0.
        bands: Most bands for degrees above 0.

    Returns:
        The bands by rising degree; none for a graph without nodes.

    Raises:
        ValueError: If the shapes differ, a degree is no integer from 0, or ``bands`` is below 1.
    """
    values, degree = _checked(values, degree)
    band = _band_of(degree, bands)
    return tuple(
        _spread(values[band == b], degree[band == b]) for b in np.flatnonzero(np.bincount(band))
    )


def extremes(
    values: NDArray[Any], degree: NDArray[Any], k: int, bands: int = 12
) -> NDArray[np.int64]:
    """Return the nodes that lie furthest outside the 5% to 95% range of their degree band.

    Args:
        values: A number for each node, [N].
        degree: Degree of each node, [N], integers from 0.
        k: Most nodes.
        bands: As in `degree_bands`.

    Returns:
        Node ids, [at most k], furthest (in the value's own unit) first; nan and inf never.

    Raises:
        ValueError: As `degree_bands`.
    """
    values, degree = _checked(values, degree)
    band = _band_of(degree, bands)
    excess = np.zeros(values.size)
    for b in np.flatnonzero(np.bincount(band)):
        inside = np.flatnonzero((band == b) & np.isfinite(values))
        if inside.size:
            low, high = np.quantile(values[inside], (0.05, 0.95))
            excess[inside] = np.maximum(values[inside] - high, low - values[inside])
    order = np.argsort(-excess, kind="stable")[: max(k, 0)]
    return order[excess[order] > 0]


def _checked(values: NDArray[Any], degree: NDArray[Any]) -> tuple[Reals, NDArray[np.int64]]:
    values, degree = np.asarray(values), np.asarray(degree)
    if values.ndim != 1 or values.shape != degree.shape:
        raise ValueError(
            "wanted a value and a degree for each node, [N]; "
            f"got shapes {values.shape} and {degree.shape}"
        )
    if degree.dtype.kind not in "iu" or (degree.size and degree.min() < 0):
        raise ValueError(
            f"degrees are integers from 0; got {degree.dtype} from {degree.min(initial=0)}"
        )
    return values.astype(np.float64), degree.astype(np.int64)


def _band_of(degree: NDArray[np.int64], bands: int) -> NDArray[np.int64]:
    if bands < 1:
        raise ValueError(f"wanted at least 1 band, got {bands}")
    some = degree[degree > 0]
    if not some.size:
        return np.zeros(degree.size, dtype=np.int64)
    # A band's lower end belongs to it; rounded, so that a degree that is one stays above it.
    lower = np.geomspace(some.min(), some.max() + 1, bands + 1)[:-1].round(9)
    return np.searchsorted(lower, degree, side="right")


def _spread(values: Reals, degree: NDArray[np.int64]) -> DegreeBand:
    finite = values[np.isfinite(values)]
    q05 = median = q95 = mean = math.nan
    if finite.size:
        q05, median, q95 = (float(q) for q in np.quantile(finite, (0.05, 0.5, 0.95)))
        mean = float(finite.mean())
    low, high = int(degree.min()), int(degree.max())
    return DegreeBand(
        low=low,
        high=high,
        centre=math.sqrt(low * high),
        count=values.size,
        left_out=values.size - finite.size,
        median=median,
        q05=q05,
        q95=q95,
        mean=mean,
    )
