"""One node: its row of numbers, and the neighbourhood its result depends on."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import ipywidgets as widgets
import numpy as np

from engine.graphs.layout import layout
from engine.graphs.neighbourhood import khop
from explorer.captions import subtitle
from explorer.fields import html, integer, row, small
from explorer.figures.chart import blank, short
from explorer.figures.neighbourhood import TITLE, neighbourhood
from explorer.plot import PlotlyView
from explorer.shown import Shown
from explorer.slots import title
from explorer.state import State

HOPS = 2
MOST_NODES = 150
FEW_LAYERS = 4
"""Layers up to which each slot has a row of its own."""
ADVICE = "Click a point above, or type a number, for a node's own numbers and its neighbourhood."


class NodePanel(widgets.VBox):
    """The picked node's numbers beside its neighbourhood.

    Args:
        state: Holds what is shown, and the node picked.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self.node = integer("Node", 0)
        self.go = widgets.Button(description="Show node")
        self.go.on_click(self._take)
        self.advice = html(ADVICE, "gb-note")
        self.numbers = html(name="gb-numbers")
        self.view = PlotlyView(height=380)
        self._body = widgets.HBox([self.numbers, self.view])
        self._body.add_class("gb-pair")
        state.observe(self._draw, ["shown", "node"])
        super().__init__([row(small(self.node), self.go, self.advice), self._body])
        self.add_class("gb-tab")
        self.view.add_class("gb-follows")
        self.view.observe(self._pick, "clicked")
        self._draw(None)

    def _take(self, _: Any) -> None:
        self._state.node = self.node.value

    def _pick(self, change: dict[str, Any]) -> None:
        picked = change["new"].get("customdata")
        picked = picked[0] if isinstance(picked, Sequence) and picked else picked
        if isinstance(picked, int) and not isinstance(picked, bool):
            self._state.node = picked

    def _draw(self, _: Any) -> None:
        shown, node = self._state.shown, self._state.node
        if shown is None or node is None:
            self._body.layout.display = "none"
            return
        self._body.layout.display = None
        if not 0 <= node < shown.graph.nodes:
            last = shown.graph.nodes - 1
            fault = f"There is no node {node}: nodes are numbered 0 to {last}."
            self.numbers.value = f'<span class="gb-fault">{fault}</span>'
            self.view.figure = blank(TITLE, "No such node.")
            return
        self.node.value = node
        self.numbers.value = numbers(shown, node)
        around = khop(shown.graph, node, HOPS, MOST_NODES)
        error = shown.analysis.error(shown.last)
        self.view.figure = neighbourhood(
            layout(around.edges, len(around.nodes)),
            around.edges,
            around.nodes,
            degree=shown.graph.in_degree[around.nodes],
            error=error[around.nodes],
            hop=around.hop,
            error_title="relative L2 error of the scores",
            complete=around.complete,
            subtitle=subtitle(shown, f"{HOPS} hops around node {node}"),
        )


def numbers(shown: Shown, node: int) -> str:
    """Return a node's numbers as HTML: what it is, and its errors slot by slot."""
    graph, analysis = shown.graph, shown.analysis
    label = int(graph.y[node])
    exact, integer_class = (
        int(np.argmax(scores[node]))
        for scores in (analysis.study.trace.scores, analysis.trace.scores)
    )
    part = next((p for p in ("train", "val", "test") if getattr(graph, p)[node]), "no split")
    facts = {
        "In-degree": f"{graph.in_degree[node]:,}",
        "Label": "none" if label < 0 else str(label),
        "Class in float": str(exact),
        "Class in integers": str(integer_class) + (" (flips)" if integer_class != exact else ""),
        "Used for": {"train": "training", "val": "validation", "test": "testing"}.get(part, part),
    }
    heads = "".join(f"<th scope=col>{kind}</th>" for kind in ("total", "own", "inherited"))
    rows = "".join(
        f"<tr><th scope=row>{at + 1} {title(slot)}</th>"
        + "".join(
            f"<td>{short(float(analysis.error(at, slot, kind)[node]))}</td>"
            for kind in ("total", "own", "inherited")
        )
        + "</tr>"
        for at, layer in enumerate(shown.layers)
        for slot in (layer.rows if len(shown.layers) <= FEW_LAYERS else ("output",))
    )
    return (
        f"<b>Node {node}</b> <span class='gb-note'>{escape(subtitle(shown))}</span>"
        "<table class=gb-facts>"
        + "".join(
            f"<tr><th scope=row>{name}</th><td>{value}</td></tr>" for name, value in facts.items()
        )
        + "</table><table><caption>Relative L2 error</caption>"
        f"<thead><tr><th scope=col>Layer</th>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    )
