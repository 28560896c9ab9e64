"""The graph's degrees, large, with the protection drawn over them."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from engine.graphs.graph import Graph
from engine.spec import Protection
from explorer.captions import graph_title
from explorer.chosen import Choice, Degrees, band, focus
from explorer.fields import html
from explorer.figures.chart import blank
from explorer.figures.focus import Focus
from explorer.figures.protection import TITLE, protection
from explorer.plot import PlotlyView
from explorer.seen import draw_when_seen
from explorer.state import State

PAGE = "Degrees"
"""The page it stands on."""


ADVICE = (
    "Look for the tail: the few nodes with many times the others' neighbours, whose sums set "
    "the range, and whom the protection keeps in float more often."
)


class DegreesPanel(widgets.VBox):
    """The protection's probability over the histogram of in-degrees.

    Args:
        state: Holds the recipe and the graph.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self.view = PlotlyView(height=420)
        self._drawn: tuple[Graph | None, Protection, Choice | None] | None = None
        self.view.observe(self._brush, "selected")
        super().__init__([html(ADVICE, "gb-note"), self.view])
        self.add_class("gb-tab")
        draw_when_seen(state, PAGE, self._draw, ["recipe", "graph", "chosen"])

    def _draw(self, _: Any) -> None:
        graph, recipe = self._state.graph, self._state.recipe
        drawn = graph, recipe.protection, self._state.chosen
        if drawn == self._drawn:
            return
        self._drawn = drawn
        if graph is None:
            self.view.figure = blank(TITLE, "The graph is not loaded yet.")
            return
        self.view.figure = protection(
            graph.in_degree,
            recipe.protection,
            starts=graph.starts,
            focus=self._focus(graph),
            subtitle=f"recipe · {graph_title(recipe.graph)}",
        )

    def _focus(self, graph: Graph) -> Focus | None:
        """Return what is chosen among the graph's nodes; of a set only some are measured."""
        shown = self._state.shown
        if shown is None or shown.measured.nodes != graph.nodes:
            return None
        return focus(self._state.chosen, shown, of_graphs=False)

    def _brush(self, change: dict[str, Any]) -> None:
        graph = self._state.graph
        ends = None if graph is None else band(graph.in_degree, change["new"])
        if ends is not None:
            self._state.chosen = Degrees(*ends)
