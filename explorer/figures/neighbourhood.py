"""A node among those its result depends on: who is near, who is a hub, who is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from explorer.figures.chart import HALF_PAGE, Trace, blank, chart, sentence, short, table, text
from explorer.figures.theme import GREY, SELECTED

TITLE = "Neighbourhood"
MOST_NODES = 1500
SCALE = "Cividis"
"""Even steps of lightness, the same to colour-blind eyes."""
HOPS = (("1 hop", "circle"), ("2 hops", "diamond"), ("3 hops and more", "triangle-up"))
SMALLEST_PX, LARGEST_PX = 7, 28


@dataclass(frozen=True, slots=True, eq=False)
class Nodes:
    """What is drawn of each node, the middle one first.

    Args:
        node: Its number in the graph, int64 [n].
        position: Where it lies, [n, 2].
        degree: Its in-degree, [n].
        error: Its error, [n].
        hop: Edges between it and the middle one, [n].
        told: What hovering over it says, [n].
    """

    node: NDArray[np.int64]
    position: NDArray[np.float64]
    degree: NDArray[Any]
    error: NDArray[np.float64]
    hop: NDArray[Any]
    told: list[str]

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


def neighbourhood(
    positions: ArrayLike,
    edges: ArrayLike,
    nodes: ArrayLike,
    *,
    degree: ArrayLike,
    error: ArrayLike,
    hop: ArrayLike,
    error_title: str = "relative L2 error",
    complete: bool = True,
    subtitle: str = "",
) -> go.Figure:
    """Return a node's k-hop neighbourhood: colour its error, area its in-degree, symbol its hop.

    A point's customdata is its node. Of more than `MOST_NODES` nodes the first are drawn.

    Args:
        positions: Where to draw each node, [n, 2].
        edges: Sources and targets as places in ``nodes``, [2, e].
        nodes: Numbers of the nodes in the graph, [n], the middle one first.
        degree: Their in-degrees in the graph, [n].
        error: Their errors, [n]; nan and inf are drawn without a colour.
        hop: Edges between each node and the middle one, [n].
        error_title: What the error is.
        complete: Whether the neighbourhood holds every node within its hops.
        subtitle: Which layer or component the error is of.
    """
    number = np.asarray(nodes, dtype=np.int64)
    if not number.size:
        return blank(TITLE, "Choose a node to see its neighbourhood.", subtitle=subtitle)
    shown = slice(min(number.size, MOST_NODES))
    parts = (
        number[shown],
        np.asarray(positions, dtype=np.float64).reshape(-1, 2)[shown],
        np.asarray(degree)[shown],
        np.asarray(error, dtype=np.float64)[shown],
        np.asarray(hop)[shown],
    )
    told = [
        f"node {node}, hop {hop}, in-degree {degree}<br>{text(error_title)}: {short(error)}"
        for node, _, degree, error, hop in zip(*parts, strict=True)
    ]
    drawn = Nodes(*parts, told)
    links = np.asarray(edges, dtype=np.int64).reshape(2, -1)
    links = links[:, (links < drawn.node.size).all(axis=0)]
    known = np.isfinite(drawn.error)
    around = np.arange(known.size) > 0
    traces = [_edges(drawn.position, links), _middle(drawn)]
    for place, (name, symbol) in enumerate(HOPS, start=1):
        which = known & around & (np.clip(drawn.hop, 1, len(HOPS)) == place)
        if which.any():
            traces.append(_colored(drawn, which, name, symbol))
    if known[0]:
        traces.append({**_colored(drawn, ~around, "middle", "square"), "showlegend": False})
    if not known.all():
        traces.append(drawn.trace(~known, "no finite error", color=GREY, symbol="x"))
    hidden = {"visible": False, "automargin": False}
    return chart(
        TITLE,
        traces,
        summary=_summary(drawn, links, error_title, number.size, complete),
        table=table(
            ["Node", "Hop", "In-degree", error_title[:1].upper() + error_title[1:]],
            list(zip(drawn.node, drawn.hop, drawn.degree, drawn.error, strict=True)),
            drawn.node.tolist(),
        ),
        subtitle=subtitle,
        line=HALF_PAGE,
        right=90,
        xaxis=hidden,
        yaxis={**hidden, "scaleanchor": "x"},
        coloraxis=_color_axis(drawn.error[known], error_title),
        legend={"itemsizing": "constant"},
    )


def _edges(position: NDArray[np.float64], links: NDArray[np.int64]) -> Trace:
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


def _middle(drawn: Nodes) -> Trace:
    """Return the ring around the middle node."""
    first = np.arange(drawn.node.size) == 0
    ring = drawn.trace(first, f"node {drawn.node[0]}", **SELECTED.marker(0))
    ring["marker"] |= {"size": drawn.size_px[:1] + 12, "line": {"width": 3}}
    return ring


def _colored(drawn: Nodes, which: NDArray[np.bool_], name: str, symbol: str) -> Trace:
    return drawn.trace(
        which,
        name,
        color=drawn.error[which],
        coloraxis="coloraxis",
        symbol=symbol,
        line={"color": GREY, "width": 1},
    )


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


def _summary(
    drawn: Nodes, links: NDArray[np.int64], error_title: str, total: int, complete: bool
) -> str:
    own = short(drawn.error[0]) if np.isfinite(drawn.error[0]) else "not finite"
    said = f"node {drawn.node[0]} has in-degree {drawn.degree[0]}, its {error_title} is {own}"
    others = drawn.error[1:][np.isfinite(drawn.error[1:])]
    if others.size:
        said += f"; the median of the {drawn.node.size - 1} nodes around it, up to "
        said += f"{drawn.hop.max()} hops away, is {short(float(np.median(others)))}"
    told = sentence(f"{said}; {links.shape[1]:,} edges are drawn")
    if drawn.node.size < total:
        told += f" Only {drawn.node.size:,} of {total:,} nodes are drawn."
    elif not complete:
        told += " The neighbourhood is larger: this is a random part of it."
    return told
