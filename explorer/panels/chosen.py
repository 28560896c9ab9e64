"""What all charts look at: everything, or the nodes brushed in one of them."""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets as widgets
import numpy as np

from engine.metrics.merit import result
from explorer.captions import told
from explorer.chosen import Choice, suggestions
from explorer.fields import OneOf, html, unheard
from explorer.figures.chart import short
from explorer.shown import Shown
from explorer.state import State

ADVICE = "Drag across a chart, or choose here: every view follows."
ALL = ""
"""The list's value where nothing is chosen; None would leave it blank."""


class ChosenPanel(widgets.HBox):
    """A list of what is worth looking at, a chip that says what is, and a button that clears it.

    Args:
        state: Holds what is shown and what is chosen.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self.list = OneOf(
            description="Look at",
            options=[("Everything", ALL)],
            value=ALL,
            tooltip="What every view shows",
        )
        self.chip = html(name="gb-chip")
        self.clear = widgets.Button(description="Clear", tooltip="Look at everything again")
        self.clear.on_click(lambda _: state.set_trait("chosen", None))
        self.note = html(name="gb-note")
        self.list.observe(self._take, "value")
        state.observe(self._follow, ["shown", "chosen"])
        super().__init__([self.list, self.chip, self.clear, self.note])
        self.add_class("gb-chosen")
        self._follow(None)

    def _take(self, change: dict[str, Any]) -> None:
        self._state.chosen = change["new"] or None

    def _follow(self, _: Any) -> None:
        shown, chosen = self._state.shown, self._state.chosen
        offered = [] if shown is None else suggestions(shown)
        if chosen is not None and chosen not in [each for _, each in offered]:
            title = f"{chosen.title[:1].upper()}{chosen.title[1:]}"
            offered.insert(0, (title, chosen))
        options: list[tuple[str, Any]] = [("Everything", ALL), *offered]
        with unheard(self.list, self._take), self.list.hold_sync():
            if list(self.list.options) != options:
                self.list.options = options
            self.list.value = chosen or ALL
        for widget in (self.chip, self.clear):
            widget.layout.display = "none" if chosen is None else None
        self.chip.value = "" if chosen is None else escape(chosen.title)
        self.note.value = ADVICE if chosen is None or shown is None else sentence(chosen, shown)


def sentence(chosen: Choice, shown: Shown) -> str:
    """Return how many are chosen, and how they fare, in one line of HTML."""
    units, graph, merit = chosen.units(shown), shown.measured, shown.merit
    if units is None:
        nodes = chosen.nodes(shown)
        return f"{nodes.sum():,} of {nodes.size:,} nodes, in graphs that are predicted as a whole."
    one = "graph" if graph.is_set else "node"
    parts = [f"{units.sum():,} of {units.size:,} {one}s"]
    tested = units & graph.test
    if tested.any():
        float_, integer = (
            result(trace.scores[tested], graph.labels[tested])
            for trace in (shown.analysis.study.trace, shown.analysis.trace)
        )
        parts.append(
            f"{tested.sum():,} tested: integer {told(merit, integer)}, float {told(merit, float_)}"
        )
    if units.any():
        error = float(np.median(shown.analysis.error(shown.last)[units]))
        parts.append(f"scores' median error {short(error)}")
    return " · ".join(parts)
