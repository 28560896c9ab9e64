"""One graph of a set: all its nodes, and which of them pay."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from explorer.figures.chart import HALF_PAGE, blank, chart, sentence, short, table, text
from explorer.figures.drawing import Nodes, lines, plane

TITLE = "Graph"
MOST_NODES = 400
"""A larger graph is drawn by its nodes of highest in-degree."""


def member(
    positions: ArrayLike,
    edges: ArrayLike,
    nodes: ArrayLike,
    *,
    number: int,
    degree: ArrayLike,
    error: ArrayLike,
    error_title: str = "relative L2 error",
    total: int,
    chosen: NDArray[np.bool_] | None = None,
    subtitle: str = "",
) -> go.Figure:
    """Return a graph: colour says a node's error, area its in-degree.

    A point's customdata is its node.

    Args:
        positions: Where to draw each node, [n, 2].
        edges: Sources and targets as places in ``nodes``, [2, e].
        nodes: Numbers of the nodes among all nodes of the set, [n].
        number: The graph's number.
        degree: Their in-degrees, [n].
        error: Their errors, [n]; nan and inf are drawn without a colour.
        error_title: What the error is.
        total: Nodes of the graph, of which those drawn are a part.
        chosen: Which have a broad rim, [n].
        subtitle: Which layer or component the error is of.
    """
    shown = np.asarray(nodes, dtype=np.int64)
    title = f"{TITLE} {number}"
    if not shown.size:
        return blank(title, "This graph has no nodes.", subtitle=subtitle)
    links = np.asarray(edges, dtype=np.int64).reshape(2, -1)
    degrees, errors = np.asarray(degree), np.asarray(error, dtype=np.float64)
    drawn = Nodes(
        shown,
        np.asarray(positions, dtype=np.float64).reshape(-1, 2),
        degrees,
        errors,
        [
            f"node {node}, in-degree {count}<br>{text(error_title)}: {short(value)}"
            for node, count, value in zip(shown, degrees, errors, strict=True)
        ],
        chosen,
    )
    known = np.isfinite(errors)
    traces = [lines(drawn.position, links)]
    if known.any():
        traces.append({**drawn.colored(known, "nodes", "circle"), "showlegend": False})
    traces += drawn.without_error()
    said = f"graph {number} has {total:,} nodes; {links.shape[1]:,} edges are drawn"
    if known.any():
        worst = int(np.argmax(np.where(known, errors, -np.inf)))
        said += f"; the {error_title} of its nodes has the median "
        said += f"{short(float(np.median(errors[known])))} and is largest, "
        said += f"{short(errors[worst])}, at node {shown[worst]}"
    told = sentence(said)
    if shown.size < total:
        told += f" Only the {shown.size:,} nodes of highest in-degree are drawn."
    return chart(
        title,
        traces,
        summary=told,
        table=table(
            ["Node", "In-degree", error_title[:1].upper() + error_title[1:]],
            list(zip(shown, degrees, errors, strict=True)),
            shown.tolist(),
        ),
        subtitle=subtitle,
        line=HALF_PAGE,
        **plane(errors, error_title),
    )
