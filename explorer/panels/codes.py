"""Codes in use: whether a component's width is used, or most of it is empty or cut off."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from engine.analysis import NODE_COMPONENTS
from explorer.captions import subtitle
from explorer.fields import choice, row
from explorer.figures.chart import blank
from explorer.figures.codes import TITLE, codes
from explorer.panels.error import NOTHING
from explorer.plot import PlotlyView
from explorer.state import State

COMPONENTS = (*NODE_COMPONENTS, "weight")


class CodesPanel(widgets.VBox):
    """The histogram of one tensor's codes in the integer path.

    Args:
        state: Holds what is shown.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self.layer = choice("Layer of the codes", [("1", 0)], 0)
        self.component = choice(
            "Component of the codes", [(name, name) for name in COMPONENTS], "message"
        )
        self.view = PlotlyView(height=400)
        self.view.add_class("gb-follows")
        self.layer.observe(self._draw, "value")
        self.component.observe(self._draw, "value")
        state.observe(self._show, "shown")
        super().__init__([row(self.layer, self.component), self.view])
        self.add_class("gb-tab")
        self._draw(None)

    def _show(self, _: Any) -> None:
        shown = self._state.shown
        layers = shown.recipe.model.layers if shown else 1
        if len(self.layer.options) != layers:
            self.layer.options = [(str(layer + 1), layer) for layer in range(layers)]
        self._draw(None)

    def _draw(self, _: Any) -> None:
        shown = self._state.shown
        if shown is None:
            self.view.figure = blank(TITLE, NOTHING)
            return
        layer, component = self.layer.value, self.component.value
        place = subtitle(shown, f"layer {layer + 1} {component}")
        taken = shown.analysis.trace.codes(layer, component)
        params = shown.analysis.program.params_of((layer, component))
        if taken is None or params is None:
            self.view.figure = blank(
                TITLE, "This component is in float: it has no codes.", subtitle=place
            )
        else:
            self.view.figure = codes(taken, params, subtitle=place)
