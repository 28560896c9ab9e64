"""A node among those its result depends on: who is near, who is a hub, who is wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from explorer.figures.chart import HALF_PAGE, Trace, blank, chart, sentence, short, table, text
from explorer.figures.drawing import Nodes, lines, plane
from explorer.figures.theme import SELECTED

TITLE = "Neighbourhood"
MOST_NODES = 1500
HOPS = (("1 hop", "circle"), ("2 hops", "diamond"), ("3 hops and more", "triangle-up"))


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
    chosen: NDArray[np.bool_] | None = None,
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
        chosen: Which have a broad rim, [n].
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
    drawn = Nodes(*parts[:4], told, None if chosen is None else chosen[shown])
    hops = parts[4]
    links = np.asarray(edges, dtype=np.int64).reshape(2, -1)
    links = links[:, (links < drawn.node.size).all(axis=0)]
    known = np.isfinite(drawn.error)
    around = np.arange(known.size) > 0
    traces = [lines(drawn.position, links), _middle(drawn)]
    for place, (name, symbol) in enumerate(HOPS, start=1):
        which = known & around & (np.clip(hops, 1, len(HOPS)) == place)
        if which.any():
            traces.append(drawn.colored(which, name, symbol))
    if known[0]:
        traces.append({**drawn.colored(~around, "middle", "square"), "showlegend": False})
    traces += drawn.without_error()
    return chart(
        TITLE,
        traces,
        summary=_summary(drawn, hops, links, error_title, number.size, complete),
        table=table(
            ["Node", "Hop", "In-degree", error_title[:1].upper() + error_title[1:]],
            list(zip(drawn.node, hops, drawn.degree, drawn.error, strict=True)),
            drawn.node.tolist(),
        ),
        subtitle=subtitle,
        line=HALF_PAGE,
        **plane(drawn.error, error_title),
    )


def _middle(drawn: Nodes) -> Trace:
    """Return the ring around the middle node."""
    first = np.arange(drawn.node.size) == 0
    ring = drawn.trace(first, f"node {drawn.node[0]}", **SELECTED.marker(0))
    ring["marker"] |= {"size": drawn.size_px[:1] + 12, "line": {"width": 3}}
    return ring


def _summary(
    drawn: Nodes,
    hops: NDArray[Any],
    links: NDArray[np.int64],
    error_title: str,
    total: int,
    complete: bool,
) -> str:
    own = short(drawn.error[0]) if np.isfinite(drawn.error[0]) else "not finite"
    said = f"node {drawn.node[0]} has in-degree {drawn.degree[0]}, its {error_title} is {own}"
    others = drawn.error[1:][np.isfinite(drawn.error[1:])]
    if others.size:
        said += f"; the median of the {drawn.node.size - 1} nodes around it, up to "
        said += f"{hops.max()} hops away, is {short(float(np.median(others)))}"
    told = sentence(f"{said}; {links.shape[1]:,} edges are drawn")
    if drawn.node.size < total:
        told += f" Only {drawn.node.size:,} of {total:,} nodes are drawn."
    elif not complete:
        told += " The neighbourhood is larger: this is a random part of it."
    return told
