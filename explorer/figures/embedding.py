"""Nodes in a plane at one depth, float beside integer: what smoothing and rounding do to them."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from explorer.figures.chart import Trace, blank, chart, sentence, short, table
from explorer.figures.drawing import heading
from explorer.figures.theme import GREY, SELECTED, of_class

TITLE = "Nodes in the plane"
MOST_NODES = 700
"""Nodes drawn; of more, the same random ones at every depth."""
GAP = 0.06
SIDES = ("float", "integer")

Points = NDArray[np.float64]


def embedding(
    exact: Points,
    integer: Points,
    label: NDArray[np.int64],
    *,
    reach: float,
    depth_name: str,
    number: NDArray[np.int64] | None = None,
    selected: int | None = None,
    subtitle: str = "",
) -> go.Figure:
    """Return nodes at one depth, in float on the left and in integers on the right.

    Colour and symbol say the class. A point's customdata is its node.

    Args:
        exact: Where the float forward has them, [N, 2].
        integer: Where the integer one has them, [N, 2].
        label: Their classes, [N], -1 unknown.
        reach: Half of the width and height drawn, the same at every depth that shares the plane.
        depth_name: Which depth it is.
        number: The nodes to draw, [n]; None for all.
        selected: A node to mark.
        subtitle: Which run this is.
    """
    nodes = np.arange(label.size) if number is None else number
    if not nodes.size:
        return blank(TITLE, "No node is chosen.", subtitle=subtitle)
    if nodes.size > MOST_NODES:
        nodes = np.sort(np.random.default_rng(0).choice(nodes, MOST_NODES, replace=False))
    traces: list[Trace] = []
    for side, (name, points) in enumerate(zip(SIDES, (exact, integer), strict=True)):
        axes = {"xaxis": f"x{side + 1}", "yaxis": f"y{side + 1}"} if side else {}
        for kind in np.unique(label[nodes]).tolist():
            which = nodes[label[nodes] == kind]
            traces.append(_points(points, which, kind, name) | axes | {"showlegend": not side})
        if selected is not None and 0 <= selected < label.size:
            traces.append(_mark(points, selected) | axes)
    moved = np.linalg.norm(integer - exact, axis=1)[nodes]
    spread = np.linalg.norm(exact - exact.mean(axis=0), axis=1)[nodes]
    distinct = len(np.unique(np.round(integer[nodes], 6), axis=0))
    middle = (1 - GAP) / 2
    hidden = {"range": [-reach, reach], "showticklabels": False, "ticks": "", "automargin": False}
    return chart(
        TITLE,
        traces,
        summary=sentence(
            f"{depth_name}: integers move half of the nodes by more than "
            f"{short(float(np.median(moved)))}, where half lie farther than "
            f"{short(float(np.median(spread)))} from their middle; {distinct:,} of {nodes.size:,} "
            "nodes drawn have a place of their own"
        ),
        table=table(
            ["Node", "Class", "Float x", "Float y", "Integer x", "Integer y"],
            [[at, label[at], *exact[at], *integer[at]] for at in nodes],
            nodes.tolist(),
        ),
        subtitle=subtitle,
        headed=True,
        xaxis={**hidden, "domain": [0, middle]},
        xaxis2={**hidden, "domain": [1 - middle, 1], "anchor": "y2", "matches": "x"},
        yaxis={**hidden, "scaleanchor": "x"},
        yaxis2={**hidden, "anchor": "x2", "matches": "y"},
        annotations=[heading(name, side * (1 - middle)) for side, name in enumerate(SIDES)],
        legend={"itemsizing": "constant"},
        transition={"duration": 350, "easing": "cubic-in-out"},
    )


def _points(points: Points, which: NDArray[np.int64], kind: int, name: str) -> Trace:
    look = of_class(kind)
    label = "unknown" if kind < 0 else f"class {kind}"
    return {
        "type": "scatter",
        "mode": "markers",
        "x": points[which, 0].astype(np.float32),
        "y": points[which, 1].astype(np.float32),
        "customdata": which,
        "text": [f"node {node}, {label}, {name}" for node in which.tolist()],
        "hoverinfo": "text",
        "marker": {
            "color": GREY if kind < 0 else look.color,
            "symbol": look.symbol,
            "size": 6,
            "opacity": 0.75,
        },
        "name": label,
        "legendgroup": label,
    }


def _mark(points: Points, selected: int) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers+text",
        "x": points[[selected], 0],
        "y": points[[selected], 1],
        "customdata": [selected],
        "text": f"<b>node {selected}</b>",
        "textposition": "top center",
        "hoverinfo": "skip",
        "marker": {**SELECTED.marker(15), "line": {"width": 3}},
        "showlegend": False,
        "name": "selected node",
    }
