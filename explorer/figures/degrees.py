"""How many nodes have which in-degree: the histogram of a graph."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from explorer.figures.chart import Trace, blank, chart, sentence, short, table
from explorer.figures.degree_axis import degree_axis, places, span
from explorer.figures.theme import BLUE

TITLE = "In-degrees"
MOST_BINS = 24
GAP = 0.02
"""Between bars, at each side, as a share of the degree."""


@dataclass(frozen=True, slots=True, eq=False)
class Bins:
    """Nodes grouped by degree, in bins of about equal width in log degree; empty ones left out.

    Args:
        low: Smallest degree a bin accepts, int64 [B].
        high: Largest degree a bin accepts, int64 [B].
        bin: The bin of each node, int64 [N].
    """

    low: NDArray[np.int64]
    high: NDArray[np.int64]
    bin: NDArray[np.int64]

    @classmethod
    def of(cls, degree: ArrayLike, most: int = MOST_BINS) -> Bins:
        """Return the bins of in-degrees [N]: one for each degree while they are few."""
        degree = np.asarray(degree, dtype=np.int64)
        top = int(degree.max(initial=0))
        starts = np.unique(np.ceil(np.geomspace(1, top + 1, most)).astype(np.int64))[:-1]
        starts = np.concatenate(([0], starts)) if top else np.array([0], dtype=np.int64)
        ends = np.append(starts[1:] - 1, max(top, 0))
        place = np.searchsorted(starts, degree, side="right") - 1
        used, bins = np.unique(place, return_inverse=True)
        return cls(starts[used], ends[used], bins)

    def total(self, weight: ArrayLike | None = None) -> NDArray[np.float64]:
        """Return the nodes in each bin, or the sum of their weights [N]; float64 [B]."""
        weights = None if weight is None else np.asarray(weight, dtype=np.float64)
        return np.bincount(self.bin, weights, self.low.size).astype(np.float64)

    def names(self) -> list[str]:
        """Return each bin's degrees as text."""
        return [span(int(low), int(high)) for low, high in zip(self.low, self.high, strict=True)]

    def bars(self, height: ArrayLike, **trace: Any) -> Trace:
        """Return bars as wide as the bins on the axis of degrees."""
        left = _between(self.low - 1) * (1 + GAP)
        right = _between(self.high) * (1 - GAP)
        return {
            "type": "bar",
            "x": (left + right) / 2,
            "y": np.asarray(height, dtype=np.float64),
            "width": right - left,
            "hoverinfo": "text",
            **trace,
        }


def _between(degree: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the middle, on the axis, between degrees from -1 and the next ones."""
    return np.sqrt(places(degree) * places(degree + 1)) * np.where(degree < 0, 2**-0.5, 1)


def degrees(degree: ArrayLike, *, subtitle: str = "") -> go.Figure:
    """Return the histogram of in-degrees on a logarithmic axis.

    Args:
        degree: In-degrees before self-loops, [N].
        subtitle: Which graph this is.
    """
    degree = np.asarray(degree)
    if not degree.size:
        return blank(TITLE, "The graph has no nodes.", subtitle=subtitle)
    bins = Bins.of(degree)
    counts = bins.total()
    names = bins.names()
    low, high = int(degree.min()), int(degree.max())
    told = [
        f"in-degree {name}: {count:,.0f} nodes" for name, count in zip(names, counts, strict=True)
    ]
    bars = bins.bars(counts, marker={"color": BLUE}, name="nodes", hovertext=told)
    return chart(
        TITLE,
        [bars],
        summary=_summary(degree),
        table=table(
            ["In-degree", "Nodes"], [[n, int(c)] for n, c in zip(names, counts, strict=True)]
        ),
        subtitle=subtitle,
        xaxis=degree_axis(low, high),
        yaxis={"title": {"text": "Nodes"}, "rangemode": "tozero"},
        showlegend=False,
    )


def _summary(degree: NDArray[Any]) -> str:
    low, median, high = int(degree.min()), float(np.median(degree)), int(degree.max())
    if low == high:
        return sentence(f"all {degree.size:,} nodes have in-degree {low}")
    ranked = np.sort(degree)[::-1]
    hubs = math.ceil(degree.size / 100)
    share = ranked[:hubs].sum() / ranked.sum()
    return sentence(
        f"{degree.size:,} nodes have in-degrees from {low} to {high}, half of them at most "
        f"{short(median)}; the top 1 % receives {100 * share:.0f} % of the edges"
    )
