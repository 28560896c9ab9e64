"""Nodes and edges in the plane: colour says error, area in-degree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.figures.chart import Trace, text
from explorer.figures.theme import GREY, VERMILLION

SCALE = "Cividis"
"""Even steps of lightness, the same to colour-blind eyes."""
SMALLEST_PX, LARGEST_PX = 7, 28
RIM_PX = 3
"""Of nodes that are chosen."""


@dataclass(frozen=True, slots=True, eq=False)
class Nodes:
    """What is drawn of each node.

    Args:
        node: Its number in the graph, int64 [n].
        position: Where it lies, [n, 2].
        degree: Its in-degree, [n].
        error: Its error, [n]; where it is not finite, the node is drawn without a colour.
        told: What hovering over it says, [n].
        chosen: Whether it has a broad rim, [n]; None for no node.
    """

    node: NDArray[np.int64]
    position: NDArray[np.float64]
    degree: NDArray[Any]
    error: NDArray[np.float64]
    told: list[str]
    chosen: NDArray[np.bool_] | None = None

    @property
    def size_px(self) -> NDArray[np.float64]:
        """Diameters whose areas grow with degree."""
        root = np.sqrt(self.degree.astype(np.float64))
        return SMALLEST_PX + (LARGEST_PX - SMALLEST_PX) * root / max(float(root.max()), 1.0)

    def trace(self, which: NDArray[np.bool_], name: str, **marker: Any) -> Trace:
        """Return some of the nodes as points; a point's customdata is its node."""
        return {
            "type": "scatter",
            "mode": "markers",
            "x": self.position[which, 0],
            "y": self.position[which, 1],
            "customdata": self.node[which],
            "text": [self.told[place] for place in np.flatnonzero(which)],
            "hoverinfo": "text",
            "name": name,
            "marker": {"size": self.size_px[which], "opacity": 1, **marker},
        }

    def colored(self, which: NDArray[np.bool_], name: str, symbol: str) -> Trace:
        """Return some of the nodes in the colours of their errors."""
        return self.trace(
            which,
            name,
            color=self.error[which],
            coloraxis="coloraxis",
            symbol=symbol,
            line=self._rim(which),
        )

    def _rim(self, which: NDArray[np.bool_]) -> dict[str, Any]:
        if self.chosen is None:
            return {"color": GREY, "width": 1}
        chosen = self.chosen[which]
        return {
            "color": np.where(chosen, VERMILLION, GREY),
            "width": np.where(chosen, RIM_PX, 1),
        }

    def without_error(self) -> list[Trace]:
        """Return the nodes that have no colour, if any."""
        unknown = ~np.isfinite(self.error)
        if not unknown.any():
            return []
        return [self.trace(unknown, "no finite error", color=GREY, symbol="x")]


def lines(position: NDArray[np.float64], links: NDArray[np.int64]) -> Trace:
    """Return edges as lines.

    Args:
        position: Where each node lies, [n, 2].
        links: Sources and targets as places in it, [2, e].
    """
    ends = np.full((links.shape[1], 3, 2), np.nan)
    ends[:, 0], ends[:, 1] = position[links[0]], position[links[1]]
    x, y = ends.reshape(-1, 2).T.astype(np.float32)
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "line": {"color": "rgba(128, 128, 128, 0.5)", "width": 1},
        "hoverinfo": "skip",
        "showlegend": False,
        "name": "edges",
    }


def plane(error: NDArray[np.float64], title: str) -> dict[str, Any]:
    """Return the layout of a drawing: a plane without axes, the errors' colours beside it.

    Args:
        error: Of each node, [n]; those that are not finite have no colour.
        title: What the error is.
    """
    hidden = {"visible": False, "automargin": False}
    return {
        "right": 90,
        "xaxis": hidden,
        "yaxis": {**hidden, "scaleanchor": "x"},
        "coloraxis": _color_axis(error[np.isfinite(error)], title),
        "legend": {"itemsizing": "constant"},
    }


def _color_axis(error: NDArray[np.float64], title: str) -> dict[str, Any]:
    low, high = float(error.min(initial=0)), float(error.max(initial=0))
    return {
        "colorscale": SCALE,
        "cmin": low,
        "cmax": high if high > low else low + 1,
        "colorbar": {
            "title": {
                "text": text(title[:1].upper() + title[1:]),
                "side": "right",
                "font": {"size": 13},
            },
            "thickness": 12,
            "outlinewidth": 0,
            "len": 0.9,
        },
    }


def heading(words: str, left: float) -> dict[str, Any]:
    """Return what stands over one of two drawings side by side.

    Args:
        words: What it is, as Plotly reads it.
        left: Where it begins, as a share of the width.
    """
    return {
        "text": words,
        "x": left,
        "y": 1,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "left",
        "yanchor": "bottom",
        "showarrow": False,
    }
