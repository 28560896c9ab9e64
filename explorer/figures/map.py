"""The whole graph twice, float beside integer: the same places, each side in its own colours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from explorer.figures.chart import Trace, blank, chart, sentence, table, text
from explorer.figures.drawing import SCALE, heading
from explorer.figures.focus import BRUSH_BOX, Focus
from explorer.figures.theme import GREY, SELECTED, of_class

TITLE = "Map"
MANY_NODES = 4000
"""Nodes from which on WebGL draws them."""
MOST_EDGES = 30_000
"""Edges drawn; of more, only those of the selected node."""
MOST_ROWS = 300
GAP = 0.04
AREA_PX = 110.0
"""The root of the area that all nodes of one size would cover together, were they side by side."""
SMALLEST_PX, LARGEST_PX = 2.5, 8.0
"""Diameters between which all nodes of one size have theirs, the fewer the larger."""
SPREAD = 4
"""How many times larger than the smallest diameter the largest is, where sizes say something."""
OPACITY, FAINTEST = 0.85, 0.12
COLOR_AXES = ("coloraxis", "coloraxis2")
LAST_COLOR = 0.98
"""The share of nodes below the value that has the last colour, as have all above it."""

Numbers = NDArray[np.int64]
Values = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Colors:
    """What the colour of a node says.

    Args:
        title: What it is.
        values: Of each node, [n]: classes as integers, -1 for unknown; anything else as floats,
            where what is not finite has no colour.
        names: Of classes, in order; none where they have no names but their numbers.
    """

    title: str
    values: Values
    names: tuple[str, ...] = ()

    @property
    def are_classes(self) -> bool:
        """Whether they are classes, each with a colour and a symbol of its own."""
        return bool(np.issubdtype(self.values.dtype, np.integer))

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which nodes have a colour, [n]."""
        return self.values >= 0 if self.are_classes else np.isfinite(self.values)

    def name(self, label: int) -> str:
        """Return what a class is called."""
        return self.names[label] if self.names else f"class {label}"


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One of the two drawings.

    Args:
        name: What it is of.
        colors: What its colours say.
    """

    name: str
    colors: Colors


def graph_map(
    positions: NDArray[np.float64],
    links: Numbers,
    nodes: Numbers,
    sides: tuple[Side, Side],
    *,
    columns: dict[str, Values],
    size: Values | None = None,
    size_title: str = "",
    selected: int | None = None,
    focus: Focus | None = None,
    said: str = "",
    subtitle: str = "",
) -> go.Figure:
    """Return a graph drawn twice, side by side, moved and enlarged together.

    A point's customdata is its node.

    Args:
        positions: Where each node lies, [n, 2], in a disc of a radius of about 1.
        links: Pairs of joined nodes, each once, as places in ``nodes``, [2, e].
        nodes: Their numbers, [n].
        sides: The left one and the right one.
        columns: What the table says of each node, by its title, [n]; it lists those first whose
            last column is largest.
        size: What the area of a node says, 0 or more, [n]; None for nodes all alike.
        size_title: What that is.
        selected: A node to mark, with its edges.
        focus: Of all nodes there are, what is looked at; all else is faint.
        said: A sentence's words on the results.
        subtitle: Which run this is.
    """
    if not nodes.size:
        return blank(TITLE, "This graph has no nodes.", subtitle=subtitle)
    kind = "scattergl" if nodes.size > MANY_NODES else "scatter"
    are_drawn = links.shape[1] <= MOST_EDGES
    diameter = _diameters(nodes.size, size)
    among = np.ones(nodes.size, np.bool_) if focus is None else focus.among[nodes]
    place = None if selected is None else next(iter(np.flatnonzero(nodes == selected)), None)
    traces: list[Trace] = []
    keyed: set[Any] = set()
    for at, side in enumerate(sides):
        axes = {"type": kind} | ({"xaxis": "x2", "yaxis": "y2"} if at else {})
        parts = [_lines(positions, links, GREY, 0.35)] if are_drawn else []
        if place is not None:
            own = links[:, (links == place).any(axis=0)]
            parts.append(_lines(positions, own, SELECTED.color, 0.9))
        parts += _points(positions, nodes, side, diameter, among, COLOR_AXES[at])
        if place is not None:
            parts.append(_mark(positions[place], nodes[place], diameter[place]))
        for part in parts:
            keys = part.get("legendgroup")  # one key for both sides
            traces.append(part | axes | {"showlegend": keys is not None and keys not in keyed})
            keyed.add(keys)
    told = f"{_count(nodes.size, 'node')} and {_count(links.shape[1], 'edge')}"
    if focus is not None:
        told += f", of which {among.sum():,} nodes are looked at ({focus.title})"
    told += f"; {said}" if said else ""
    hints = "" if are_drawn else " So many edges are drawn for the selected node only."
    hints += f" A node's area grows with its {size_title}." if size is not None else ""
    middle = (1 - GAP) / 2
    scales: dict[str, Any] = {
        COLOR_AXES[at]: _color_axis(side.colors.values, at * (1 - middle) + middle / 2)
        for at, side in enumerate(sides)
        if not side.colors.are_classes
    }
    hidden = {"visible": False, "automargin": False, "range": [-1.08, 1.08]}
    return chart(
        TITLE,
        traces,
        summary=sentence(told) + hints,
        table=_table(nodes, columns),
        subtitle=subtitle,
        headed=True,
        xaxis={**hidden, "domain": [0, middle]},
        xaxis2={**hidden, "domain": [1 - middle, 1], "anchor": "y2", "matches": "x"},
        yaxis={**hidden, "scaleanchor": "x"},
        yaxis2={**hidden, "anchor": "x2", "matches": "y"},
        annotations=[
            heading(f"<b>{side.name}</b>: {text(side.colors.title)}", at * (1 - middle))
            for at, side in enumerate(sides)
        ],
        legend={"itemsizing": "constant"},
        **scales,
        **BRUSH_BOX,
    )


def _count(number: int, one: str) -> str:
    return f"{number:,} {one}{'s' * (number != 1)}"


def _diameters(nodes: int, size: Values | None) -> NDArray[np.float32]:
    """Return diameters in pixels whose areas grow with the sizes."""
    alike = float(np.clip(AREA_PX / np.sqrt(nodes), SMALLEST_PX, LARGEST_PX))
    if size is None:
        return np.full(nodes, alike, np.float32)
    known = np.where(np.isfinite(size), size, 0).astype(np.float64)
    share = np.sqrt(np.maximum(known, 0) / (known.max(initial=0) or 1))
    grown: NDArray[np.float32] = (alike * (1 + (SPREAD - 1) * share)).astype(np.float32)
    return grown


def _points(
    positions: NDArray[np.float64],
    nodes: Numbers,
    side: Side,
    diameter: NDArray[np.float32],
    among: NDArray[np.bool_],
    coloraxis: str,
) -> Iterator[Trace]:
    """Yield the nodes of a side: faint ones first, then class by class, or all on one scale."""
    colors = side.colors
    known = colors.known
    about = f"node %{{customdata}}<br>{text(colors.title)}: "

    def points(which: NDArray[np.bool_], name: str, said: str, **marker: Any) -> Trace:
        return {
            "mode": "markers",
            "x": positions[which, 0].astype(np.float32),
            "y": positions[which, 1].astype(np.float32),
            "customdata": nodes[which].astype(np.int32),
            "hovertemplate": f"{about}{said}<extra></extra>",
            "name": name,
            "marker": {"size": diameter[which], "opacity": OPACITY, "line": {"width": 0}, **marker},
        }

    if not among.all():
        yield points(~among, "not looked at", "not looked at", color=GREY, opacity=FAINTEST)
    if (without := among & ~known).any():
        yield points(without, "unknown", "unknown", color=GREY, symbol="x")
    if not colors.are_classes:
        if (which := among & known).any():
            values = colors.values[which].astype(np.float32)
            said = "%{marker.color:.3g}"
            yield points(which, colors.title, said, color=values, coloraxis=coloraxis)
        return
    for label in np.unique(colors.values[known & among]).tolist():
        look = of_class(label)
        name = colors.name(label)
        trace = points(
            among & (colors.values == label), name, name, color=look.color, symbol=look.symbol
        )
        yield trace | {"legendgroup": name}


def _lines(positions: NDArray[np.float64], links: Numbers, color: str, opacity: float) -> Trace:
    """Return edges as lines."""
    ends = np.full((links.shape[1], 3, 2), np.nan, np.float32)
    ends[:, 0], ends[:, 1] = positions[links[0]], positions[links[1]]
    x, y = ends.reshape(-1, 2).T
    return {
        "mode": "lines",
        "x": x,
        "y": y,
        "line": {"color": color, "width": 1},
        "opacity": opacity,
        "hoverinfo": "skip",
        "name": "edges",
    }


def _mark(position: NDArray[np.float64], node: int, diameter: float) -> Trace:
    """Return a ring around the selected node."""
    return {
        "mode": "markers+text",
        "x": position[:1],
        "y": position[1:],
        "customdata": [int(node)],
        "text": [f"<b>node {node}</b>"],
        "textposition": "top center",
        "hoverinfo": "skip",
        "marker": {**SELECTED.marker(float(diameter) + 9), "line": {"width": 3}},
        "name": "selected node",
    }


def _color_axis(values: Values, middle: float) -> dict[str, Any]:
    """Return a scale of colours that lies under its side."""
    known = values[np.isfinite(values)]
    low = float(known.min(initial=0))
    high = float(np.quantile(known, LAST_COLOR)) if known.size else 1.0
    return {
        "colorscale": SCALE,
        "cmin": low,
        "cmax": high if high > low else low + 1,
        "colorbar": {
            "orientation": "h",
            "x": middle,
            "xanchor": "center",
            "y": 0,
            "yanchor": "top",
            "len": 0.4,
            "thickness": 10,
            "outlinewidth": 0,
        },
    }


def _table(nodes: Numbers, columns: dict[str, Values]) -> dict[str, Any]:
    """Return the first rows of the table, by its last column."""
    *_, last = columns.values()
    order = np.argsort(-np.nan_to_num(last.astype(np.float64)), kind="stable")[:MOST_ROWS]
    rows = zip(nodes[order], *(values[order] for values in columns.values()), strict=True)
    return table(["Node", *columns], [list(row) for row in rows], nodes[order].tolist())
