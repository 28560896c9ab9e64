"""The graph's degrees, large, with the protection drawn over them."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from engine.graphs.graph import Graph
from engine.spec import Protection
from explorer.captions import graph_title
from explorer.figures.chart import blank
from explorer.figures.protection import TITLE, protection
from explorer.plot import PlotlyView
from explorer.state import State


class DegreesPanel(widgets.VBox):
    """The protection's probability over the histogram of in-degrees.

    Args:
        state: Holds the recipe and the graph.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self.view = PlotlyView(height=420)
        self._drawn: tuple[Graph | None, Protection] | None = None
        state.observe(self._draw, ["recipe", "graph"])
        super().__init__([self.view])
        self.add_class("gb-tab")
        self._draw(None)

    def _draw(self, _: Any) -> None:
        graph, recipe = self._state.graph, self._state.recipe
        if (graph, recipe.protection) == self._drawn:
            return
        self._drawn = graph, recipe.protection
        if graph is None:
            self.view.figure = blank(TITLE, "The graph is not loaded yet.")
            return
        self.view.figure = protection(
            graph.in_degree,
            recipe.protection,
            starts=graph.starts,
            subtitle=f"recipe · {graph_title(recipe.graph)}",
        )
