"""One graph of a set: what it is taken for, its errors, and its nodes."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets
import numpy as np
from numpy.typing import NDArray

from engine.graphs.graph import Graph
from engine.graphs.layout import layout
from explorer.captions import subtitle
from explorer.fields import html, integer, row, small
from explorer.figures.member import MOST_NODES, member
from explorer.panels.node import of_output, predicted, told
from explorer.plot import PlotlyView, picked_number
from explorer.shown import Shown
from explorer.slots import last_of_nodes
from explorer.state import State

ADVICE = "Click a graph's point, or type a number, for its own numbers and its nodes."


class MemberPanel(widgets.VBox):
    """The picked graph's numbers beside its nodes; there is nothing of it where none are many.

    Args:
        state: Holds what is shown, and the graph picked.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self.member = integer("Graph of the set", 0, "Whose numbers and nodes are shown")
        self.go = widgets.Button(description="Show graph", tooltip="Show the graph of this number")
        self.go.on_click(self._take)
        self.numbers = html(name="gb-numbers")
        self.view = PlotlyView(height=380)
        self._body = widgets.HBox([self.numbers, self.view])
        self._body.add_class("gb-pair")
        state.observe(self._draw, ["shown", "member", "chosen"])
        super().__init__([row(small(self.member), self.go, html(ADVICE, "gb-note")), self._body])
        self.add_class("gb-tab")
        self.view.add_class("gb-follows")
        self.view.observe(self._pick, "clicked")
        self._draw(None)

    def _take(self, _: Any) -> None:
        self._state.member = self.member.value

    def _pick(self, change: dict[str, Any]) -> None:
        picked = picked_number(change["new"])
        if picked is not None:
            self._state.node = picked

    def _draw(self, _: Any) -> None:
        shown, number = self._state.shown, self._state.member
        of_set = shown is not None and shown.measured.is_set
        self.layout.display = None if of_set else "none"
        self._body.layout.display = None if of_set and number is not None else "none"
        if shown is None or number is None or not of_set:
            return
        if not 0 <= number < shown.measured.units:
            last = shown.measured.units - 1
            fault = f"There is no graph {number}: those tested on are numbered 0 to {last}."
            self.numbers.value = f'<span class="gb-fault">{fault}</span>'
            self.view.layout.display = "none"
            return
        self.view.layout.display = None
        self.member.value = number
        self.numbers.value = numbers(shown, number)
        nodes = nodes_of(shown.measured, number)
        edges = edges_between(shown.measured, nodes)
        last = last_of_nodes(shown.layers)
        chosen = self._state.chosen
        self.view.figure = member(
            layout(edges, len(nodes)),
            edges,
            nodes,
            number=number,
            degree=shown.measured.in_degree[nodes],
            error=shown.analysis.error(last)[nodes],
            error_title=f"relative L2 error {of_output(shown, last)}",
            total=int(shown.sizes[number]),
            chosen=None if chosen is None else chosen.nodes(shown)[nodes],
            subtitle=subtitle(shown),
        )


def numbers(shown: Shown, number: int) -> str:
    """Return a graph's numbers as HTML: what it is, and its errors slot by slot."""
    facts = {"Nodes": f"{shown.sizes[number]:,}", **predicted(shown, number)}
    return f"<b>Graph {number}</b> " + told(shown, facts, number, of_graphs=True)


def nodes_of(graph: Graph, number: int) -> NDArray[np.int64]:
    """Return the nodes of one graph of a set, of a large one those of highest in-degree."""
    assert graph.starts is not None
    nodes = np.arange(graph.starts[number], graph.starts[number + 1])
    if nodes.size <= MOST_NODES:
        return nodes
    first = np.argsort(-graph.in_degree[nodes], kind="stable")[:MOST_NODES]
    return np.sort(nodes[first])


def edges_between(graph: Graph, nodes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the edges between some nodes, given in ascending order, as places among them."""
    place = np.full(graph.nodes, -1, dtype=np.int64)
    place[nodes] = np.arange(nodes.size)
    ends = place[graph.edge_index]
    return ends[:, (ends >= 0).all(axis=0)]
