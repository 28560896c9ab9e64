"""Codes in use: whether a component's width is used, or most of it is empty or cut off."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from explorer.captions import subtitle
from explorer.chosen import rows_of
from explorer.fields import choice, offer, row
from explorer.figures.chart import blank
from explorer.figures.codes import TITLE, codes
from explorer.panels.error import NOTHING
from explorer.plot import PlotlyView
from explorer.seen import draw_when_seen
from explorer.slots import numbered, options, title
from explorer.state import State

PAGE = "Codes"
"""The page it stands on."""


class CodesPanel(widgets.VBox):
    """The histogram of one tensor's codes in the integer path.

    Args:
        state: Holds what is shown.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self.layer = choice("Layer of the codes", numbered(1), 0)
        self.component = choice("Component of the codes", options(["message"]), "message")
        self.view = PlotlyView(height=400)
        self.view.add_class("gb-follows")
        self.layer.observe(self._choose, "value")
        self.component.observe(self._draw, "value")
        draw_when_seen(state, PAGE, self._choose, ["shown", "chosen"])
        super().__init__([row(self.layer, self.component), self.view])
        self.add_class("gb-tab")
        self._choose(None)

    def _choose(self, _: Any) -> None:
        self._lay_out()
        self._draw(None)

    def _lay_out(self) -> None:
        """Offer the layers of the network, and what the chosen one holds."""
        shown = self._state.shown
        layers = shown.layers if shown else self._state.recipe.model.layer_specs(1, 1)
        offer(self.layer, numbered(len(layers)), len(layers) - 1, self._choose)
        slots = tuple(layers[self.layer.value].slots)
        usual = "message" if "message" in slots else "output"
        offer(self.component, options(slots), usual, self._draw)

    def _draw(self, _: Any) -> None:
        shown = self._state.shown
        if shown is None:
            self.view.figure = blank(TITLE, NOTHING)
            return
        layer, component = self.layer.value, self.component.value
        chosen, places = self._state.chosen, [f"layer {layer + 1} {title(component)}"]
        taken = shown.analysis.trace.codes(layer, component)
        among = None if chosen is None else rows_of(chosen, shown, layer, component)
        if chosen is not None and among is not None and taken is not None:
            places.append(f"only {chosen.title}")
            taken = taken[among]
        place = subtitle(shown, *places)
        params = shown.analysis.program.params_of((layer, component))
        if taken is None or params is None:
            self.view.figure = blank(
                TITLE, "This component is in float: it has no codes.", subtitle=place
            )
        else:
            self.view.figure = codes(taken, params, subtitle=place)
