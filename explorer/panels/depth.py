"""Oversmoothing: how alike nodes become with depth, in float and in integers."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from explorer.captions import scheme_title, subtitle
from explorer.fields import choice, row
from explorer.figures.chart import blank
from explorer.figures.depth import FIRST, METRICS, TITLE, depth
from explorer.panels.error import NOTHING
from explorer.plot import PlotlyView
from explorer.seen import draw_when_seen
from explorer.state import State

OVERVIEW = "overview"

PAGE = "Depth"
"""The page it stands on."""


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
        draw_when_seen(state, PAGE, self._draw, ["shown", "chosen", "pinned"])
        super().__init__([row(self.metric), self.view])
        self.add_class("gb-tab")
        self.view.add_class("gb-follows")
        self._draw(None)

    def _draw(self, _: Any) -> None:
        shown = self._state.shown
        if shown is None:
            self.view.figure = blank(TITLE, NOTHING)
            return
        analysis, chosen = shown.analysis, self._state.chosen
        study, place = analysis.study, []
        exact, integer = study.smoothness, analysis.smoothness
        if chosen is not None:
            nodes = chosen.nodes(shown)
            if not nodes.any():
                self.view.figure = blank(TITLE, f"No node here is “{chosen.title}”.")
                return
            exact, integer = (
                study.smoothness_among(trace, nodes) for trace in (study.trace, analysis.trace)
            )
            place = [f"only {chosen.title}"]
        series = {"float": exact, "integer": integer}
        pinned = self._state.pinned
        if pinned is not None and pinned is not shown:
            held = pinned.analysis.smoothness
            if chosen is not None and pinned.recipe.graph == shown.recipe.graph:
                held = pinned.analysis.study.smoothness_among(pinned.analysis.trace, nodes)
            series[f"{scheme_title(pinned.recipe)} (pinned)"] = held
        self.view.figure = depth(
            {name: [at.to_dict() for at in measured] for name, measured in series.items()},
            metrics=FIRST if self.metric.value == OVERVIEW else (self.metric.value,),
            subtitle=subtitle(shown, *place),
        )
