"""Oversmoothing: how alike nodes become with depth, in float and in integers."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from explorer.captions import subtitle
from explorer.fields import choice, row
from explorer.figures.chart import blank
from explorer.figures.depth import FIRST, METRICS, TITLE, depth
from explorer.panels.error import NOTHING
from explorer.plot import PlotlyView
from explorer.state import State

OVERVIEW = "overview"


class DepthPanel(widgets.VBox):
    """The measures of smoothness against depth.

    Args:
        state: Holds what is shown.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        options = [("Four at once", OVERVIEW), *((m.title, name) for name, m in METRICS.items())]
        self.metric = choice("Measure of smoothness", options, OVERVIEW)
        self.view = PlotlyView(height=420)
        self.metric.observe(self._draw, "value")
        state.observe(self._draw, "shown")
        super().__init__([row(self.metric), self.view])
        self.add_class("gb-tab")
        self.view.add_class("gb-follows")
        self._draw(None)

    def _draw(self, _: Any) -> None:
        shown = self._state.shown
        if shown is None:
            self.view.figure = blank(TITLE, NOTHING)
            return
        analysis = shown.analysis
        self.view.figure = depth(
            {
                "float": [measured.to_dict() for measured in analysis.study.smoothness],
                "integer": [measured.to_dict() for measured in analysis.smoothness],
            },
            metrics=FIRST if self.metric.value == OVERVIEW else (self.metric.value,),
            subtitle=subtitle(shown),
        )
