"""The whole graph drawn, float beside integer; what a node's colour and size say is chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import ipywidgets as widgets
import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from engine.graphs.degrees import protection_probability
from engine.graphs.graph import Graph
from engine.graphs.layout import layout
from engine.integer import Trace
from explorer.captions import subtitle
from explorer.chosen import Picked, focus, inside
from explorer.fields import choice, html, offer, row
from explorer.figures.chart import blank, short
from explorer.figures.map import TITLE, Colors, Side, graph_map
from explorer.pace import Pace
from explorer.panels.error import NOTHING
from explorer.panels.member import edges_between
from explorer.panels.node import of_output
from explorer.plot import PlotlyView, picked_number
from explorer.seen import draw_when_seen
from explorer.shown import Shown
from explorer.slots import last_of_nodes
from explorer.state import State

PAGE = "Map"
"""The page it stands on."""
PREDICTED, CORRECT, LABEL = "predicted", "correct", "label"
ERROR, DEGREE, PROTECTION = "error", "degree", "protection"
ALIKE = "alike"
OF_CLASSES = (
    ("Predicted class", PREDICTED),
    ("Right or wrong", CORRECT),
    ("Class", LABEL),
)
OF_TARGETS = (("Predicted number", PREDICTED), ("Target", LABEL))
OF_NODES = (("In-degree", DEGREE), ("Probability of protection", PROTECTION))
OF_ERROR = (("Error", ERROR),)
ADVICE = (
    "Look for large nodes of the last colour: hubs that pay. Click a node for its numbers; drag "
    "a box, and every view follows the nodes in it."
)


class MapPanel(widgets.VBox):
    """The graph, or the picked graph of a set, with what its colours and sizes say.

    Args:
        state: Holds what is shown, what is chosen, and the node and the graph picked.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self.left = choice(
            "Colour, float",
            (*OF_CLASSES, *OF_NODES),
            PREDICTED,
            "What the colours of the left drawing say",
        )
        self.right = choice(
            "Colour, integers",
            (*OF_ERROR, *OF_CLASSES, *OF_NODES),
            ERROR,
            "What the colours of the right drawing say",
        )
        self.size = choice(
            "Size",
            (("All alike", ALIKE), *OF_ERROR, *OF_NODES),
            DEGREE,
            "What the area of a node says in both drawings",
        )
        self.view = PlotlyView(height=520)
        self.view.add_class("gb-follows")
        self._laid_out: tuple[_Part, _Places] | None = None
        self._pace: Pace[_Part, _Places] = Pace(_Part.layout, self._take)
        for control in (self.left, self.right, self.size):
            control.observe(self._draw, "value")
        self.view.observe(self._pick, "clicked")
        self.view.observe(self._brush, "selected")
        controls = row(self.left, self.right, self.size)
        super().__init__([controls, html(ADVICE, "gb-note"), self.view])
        self.add_class("gb-tab")
        draw_when_seen(state, PAGE, self._draw, ["shown", "node", "member", "chosen"])

    def _draw(self, _: Any) -> None:
        shown = self._state.shown
        if shown is None:
            self.view.figure = blank(TITLE, NOTHING)
            return
        part = _Part.of(shown.measured, self._state.member)
        if self._laid_out is not None and self._laid_out[0].is_as(part):
            self.view.figure = self._figure(shown, part, self._laid_out[1])
        elif self._state.page == PAGE:
            self.view.figure = blank(TITLE, f"Laying out {part.nodes.size:,} nodes …")
            self._pace.ask(part)
        else:
            self._pace.settle(part)

    def _take(self, part: _Part, places: _Places | Exception) -> None:
        """Draw once nodes have their places."""
        if isinstance(places, Exception):
            raise places
        self._laid_out = part, places
        self._draw(None)

    def _figure(self, shown: Shown, part: _Part, places: _Places) -> go.Figure:
        self._offer(shown)
        graph, last = shown.measured, last_of_nodes(shown.layers)
        exact, integer = shown.analysis.study.trace, shown.analysis.trace
        title = f"relative L2 error {of_output(shown, last)}"
        error = shown.analysis.error(last)[part.nodes]

        def colors(what: str, trace: Trace) -> Colors:
            return Colors(title, error) if what == ERROR else _colors(shown, part, what, trace)

        columns: dict[str, NDArray[Any]] = {"In-degree": graph.in_degree[part.nodes]}
        said = ""
        if not graph.is_set and graph.targets is None:
            columns |= {"Class": graph.y, "Float": exact.classes, "Integer": integer.classes}
            flips = int((exact.classes != integer.classes).sum())
            said = f"{flips:,} have another class in integers than in float; "
        if np.isfinite(error).any():
            worst = int(np.nanargmax(np.where(np.isfinite(error), error, -np.inf)))
            said += f"the {title} is largest, {short(float(error[worst]))}, at node "
            said += f"{part.nodes[worst]}"
        columns[title[:1].upper() + title[1:]] = error
        size = self.size.value
        return graph_map(
            places.positions,
            places.links,
            part.nodes,
            (
                Side("Float", colors(self.left.value, exact)),
                Side("Integers", colors(self.right.value, integer)),
            ),
            columns=columns,
            size=None if size == ALIKE else colors(size, integer).values,
            size_title=self.size.label.lower(),
            selected=self._state.node,
            focus=focus(self._state.chosen, shown, of_graphs=False),
            said=said.removesuffix("; "),
            subtitle=subtitle(shown, *part.title),
        )

    def _offer(self, shown: Shown) -> None:
        """Offer what nodes have: a set's nodes have no classes of their own."""
        graph = shown.measured
        own = () if graph.is_set else OF_CLASSES if graph.targets is None else OF_TARGETS
        usual = DEGREE if graph.is_set else PREDICTED
        offer(self.left, (*own, *OF_NODES), usual, self._draw)
        offer(self.right, (*own, *OF_ERROR, *OF_NODES), ERROR, self._draw)

    def _pick(self, change: dict[str, Any]) -> None:
        picked = picked_number(change["new"])
        if picked is not None:
            self._state.node = picked

    def _brush(self, change: dict[str, Any]) -> None:
        """Choose the nodes in a box."""
        box = change["new"]
        if self._laid_out is None or not {"x", "y"} <= box.keys():
            return
        part, places = self._laid_out
        held = part.nodes[inside(box, *places.positions.T)]
        if held.size:
            self._state.chosen = Picked(tuple(held.tolist()))


class _Places(NamedTuple):
    """Where nodes lie.

    Args:
        positions: Of each node, [n, 2].
        links: Pairs of joined nodes, each once, [2, e].
    """

    positions: NDArray[np.float64]
    links: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """What is drawn of what was measured: a graph, or one of a set's.

    Args:
        nodes: Their numbers, [n].
        edges: Between them, as places among them, [2, e].
        title: Which graph of a set it is.
    """

    nodes: NDArray[np.int64]
    edges: NDArray[np.int64]
    title: tuple[str, ...] = ()

    @classmethod
    def of(cls, graph: Graph, member: int | None) -> _Part:
        """Return the whole graph, or of a set the graph picked, the first where none is."""
        if graph.starts is None:
            return cls(np.arange(graph.nodes), graph.edge_index)
        number = member if member is not None and 0 <= member < graph.units else 0
        nodes = np.arange(*graph.starts[number : number + 2])
        return cls(nodes, edges_between(graph, nodes), (f"graph {number}",))

    def is_as(self, other: _Part) -> bool:
        """Return whether another has the same nodes and edges."""
        return np.array_equal(self.nodes, other.nodes) and np.array_equal(self.edges, other.edges)

    def layout(self) -> _Places:
        """Return where to draw the nodes, and what joins them."""
        count = self.nodes.size
        low, high = np.sort(self.edges[:, self.edges[0] != self.edges[1]], axis=0)
        pairs = np.unique(low.astype(np.int64) * count + high)
        links = np.stack(np.divmod(pairs, max(count, 1)))
        return _Places(layout(self.edges, count), links)


def _colors(shown: Shown, part: _Part, what: str, trace: Trace) -> Colors:
    """Return what a colour or a size says of the nodes drawn, unless it is their error."""
    graph, nodes = shown.measured, part.nodes
    if what == DEGREE:
        return Colors("in-degree", graph.in_degree[nodes].astype(np.float64))
    if what == PROTECTION:
        chance = protection_probability(graph.in_degree, shown.recipe.protection, graph.starts)
        return Colors("probability of protection", chance[nodes])
    if graph.targets is not None:
        values = trace.scores if what == PREDICTED else graph.targets
        return Colors("target" if what == LABEL else "predicted number", values[:, 0])
    if what == LABEL:
        return Colors("class", graph.y)
    if what == PREDICTED:
        return Colors("predicted class", trace.classes)
    wrong = np.where(graph.y < 0, -1, trace.classes != graph.y)
    return Colors("right or wrong", wrong, ("right", "wrong"))
