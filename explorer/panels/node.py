"""One node: its row of numbers, and the neighbourhood its result depends on."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import ipywidgets as widgets
import numpy as np
from numpy.typing import NDArray

from engine.graphs.layout import layout
from engine.graphs.neighbourhood import khop
from explorer.captions import subtitle
from explorer.fields import html, integer, row, small
from explorer.figures.chart import blank, short
from explorer.figures.neighbourhood import TITLE, neighbourhood
from explorer.plot import PlotlyView, picked_number
from explorer.shown import Shown
from explorer.slots import is_of_graphs, last_of_nodes, title
from explorer.state import State

HOPS = 2
MOST_NODES = 150
FEW_LAYERS = 4
"""Layers up to which each slot has a row of its own."""
USES = {"train": "training", "val": "validation", "test": "testing"}
ADVICE = (
    "Click a point above, or type a number: its own numbers and neighbourhood are shown here, its "
    "sums on the page Arithmetic."
)


class NodePanel(widgets.VBox):
    """The picked node's numbers beside its neighbourhood.

    Args:
        state: Holds what is shown, and the node picked.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self.node = integer("Node", 0, "Whose numbers and neighbourhood are shown")
        self.go = widgets.Button(description="Show node", tooltip="Show the node of this number")
        self.go.on_click(self._take)
        self.advice = html(ADVICE, "gb-note")
        self.numbers = html(name="gb-numbers")
        self.view = PlotlyView(height=380)
        self._body = widgets.HBox([self.numbers, self.view])
        self._body.add_class("gb-pair")
        state.observe(self._draw, ["shown", "node", "chosen"])
        super().__init__([row(small(self.node), self.go, self.advice), self._body])
        self.add_class("gb-tab")
        self.view.add_class("gb-follows")
        self.view.observe(self._pick, "clicked")
        self._draw(None)

    def _take(self, _: Any) -> None:
        self._state.node = self.node.value

    def _pick(self, change: dict[str, Any]) -> None:
        picked = picked_number(change["new"])
        if picked is not None:
            self._state.node = picked

    def _draw(self, _: Any) -> None:
        shown, node = self._state.shown, self._state.node
        if shown is None or node is None:
            self._body.layout.display = "none"
            return
        self._body.layout.display = None
        if not 0 <= node < shown.measured.nodes:
            last = shown.measured.nodes - 1
            fault = f"There is no node {node}: nodes are numbered 0 to {last}."
            self.numbers.value = f'<span class="gb-fault">{fault}</span>'
            self.view.figure = blank(TITLE, "No such node.")
            return
        self.node.value = node
        self.numbers.value = numbers(shown, node)
        around = khop(shown.measured, node, HOPS, MOST_NODES)
        last = last_of_nodes(shown.layers)
        error = shown.analysis.error(last, rows=around.nodes)
        chosen = self._state.chosen
        self.view.figure = neighbourhood(
            layout(around.edges, len(around.nodes)),
            around.edges,
            around.nodes,
            degree=shown.measured.in_degree[around.nodes],
            error=error,
            hop=around.hop,
            error_title=f"relative L2 error {of_output(shown, last)}",
            complete=around.complete,
            chosen=None if chosen is None else chosen.nodes(shown)[around.nodes],
            subtitle=subtitle(shown, f"{HOPS} hops around node {node}"),
        )


def of_output(shown: Shown, layer: int) -> str:
    """Return what a layer's output is in a sentence on its error."""
    return "of the scores" if layer == shown.last else f"of layer {layer + 1}"


def numbers(shown: Shown, node: int) -> str:
    """Return a node's numbers as HTML: what it is, and its errors slot by slot."""
    facts = _of_set(shown, node) if shown.measured.is_set else _of_graph(shown, node)
    return f"<b>Node {node}</b> " + told(shown, facts, node, of_graphs=False)


def told(shown: Shown, facts: Mapping[str, str], row: int, *, of_graphs: bool) -> str:
    """Return facts of a node or graph as HTML, and its errors in the slots that have a row for it.

    Args:
        shown: What is shown.
        facts: Each with its name.
        row: The number of the node or graph.
        of_graphs: Which of the two it is.
    """
    heads = "".join(f"<th scope=col>{kind}</th>" for kind in ("total", "own", "inherited"))
    few = len(shown.layers) <= FEW_LAYERS
    which = np.array([row])
    rows = "".join(
        f"<tr><th scope=row>{at + 1} {title(slot)}</th>"
        + "".join(
            f"<td>{short(float(shown.analysis.error(at, slot, kind, rows=which)[0]))}</td>"
            for kind in ("total", "own", "inherited")
        )
        + "</tr>"
        for at, layer in enumerate(shown.layers)
        for slot in (layer.rows if few else ("output",))
        if is_of_graphs(shown.layers, at, slot) == of_graphs
    )
    return (
        f"<span class='gb-note'>{escape(subtitle(shown))}</span>"
        "<table class=gb-facts>"
        + "".join(
            f"<tr><th scope=row>{name}</th><td>{value}</td></tr>" for name, value in facts.items()
        )
        + "</table><table><caption>Relative L2 error</caption>"
        f"<thead><tr><th scope=col>Layer</th>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    )


def predicted(shown: Shown, unit: int) -> dict[str, str]:
    """Return what a node or graph is, and is taken for in float and in integers."""
    targets = shown.measured.targets
    if targets is not None:
        return {
            "Target": _numbers(targets[unit]),
            "Float says": _numbers(shown.analysis.study.trace.scores[unit]),
            "Integers say": _numbers(shown.analysis.trace.scores[unit]),
        }
    label = int(shown.measured.y[unit])
    exact, integer_class = (
        int(np.argmax(scores[unit]))
        for scores in (shown.analysis.study.trace.scores, shown.analysis.trace.scores)
    )
    return {
        "Label": "none" if label < 0 else str(label),
        "Class in float": str(exact),
        "Class in integers": str(integer_class) + (" (flips)" if integer_class != exact else ""),
    }


def _numbers(values: NDArray[np.floating[Any]]) -> str:
    return ", ".join(short(float(value)) for value in values)


def _of_graph(shown: Shown, node: int) -> dict[str, str]:
    graph = shown.measured
    part = next((name for name in USES if getattr(graph, name)[node]), "")
    return {
        "In-degree": f"{graph.in_degree[node]:,}",
        **predicted(shown, node),
        "Used for": USES.get(part, "no split"),
    }


def _of_set(shown: Shown, node: int) -> dict[str, str]:
    graph = shown.measured
    return {
        "In-degree": f"{graph.in_degree[node]:,}",
        "In graph": f"{graph.graph_of_node[node]:,} of those tested on",
    }
