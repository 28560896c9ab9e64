"""Predictions one by one: each test node, or test graph, in float and in integers."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets
import numpy as np

from engine.graphs.graph import Graph
from explorer.captions import subtitle
from explorer.chosen import Picked, focus, inside
from explorer.fields import choice, html, offer, row
from explorer.figures.chart import blank
from explorer.figures.predictions import (
    TITLE,
    margins,
    predicted_classes,
    predicted_targets,
)
from explorer.panels.error import NOTHING
from explorer.plot import PlotlyView, picked_number
from explorer.seen import draw_when_seen
from explorer.state import State

PAGE = "Predictions"
"""The page it stands on."""


ADVICE = (
    "Look at what leaves the diagonal: rounding changed it. What was near 0 in float is the "
    "first to have another class."
)
OF_TARGETS = "Look at what leaves the diagonal in integers, but not in float: rounding changed it."


class PredictionsPanel(widgets.VBox):
    """The chart of predictions; a click picks its node or graph.

    Args:
        state: Holds what is shown, and the node and the graph picked.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self.target = choice("Target", [("1", 0)], 0, "Which of the numbers learned")
        self.advice = html(ADVICE, "gb-note")
        self.view = PlotlyView(height=420)
        self.view.add_class("gb-follows")
        self.target.observe(self._draw, "value")
        self.view.observe(self._pick, "clicked")
        self.view.observe(self._brush, "selected")
        super().__init__([row(self.target), self.advice, self.view])
        self.add_class("gb-tab")
        draw_when_seen(state, PAGE, self._draw, ["shown", "node", "member", "chosen"])

    @property
    def _picks(self) -> str:
        """The trait of the state that a prediction picks."""
        shown = self._state.shown
        return "member" if shown is not None and shown.measured.is_set else "node"

    def _draw(self, _: Any) -> None:
        shown = self._state.shown
        if shown is None:
            self.view.figure = blank(TITLE, NOTHING)
            return
        graph = shown.measured
        self._offer(graph)
        self.advice.value = ADVICE if graph.targets is None else OF_TARGETS
        tested = np.flatnonzero(graph.test)
        exact, integer = (
            trace.scores[tested] for trace in (shown.analysis.study.trace, shown.analysis.trace)
        )
        words = {
            "one": "graph" if graph.is_set else "node",
            "selected": getattr(self._state, self._picks),
            "focus": focus(self._state.chosen, shown, of_graphs=graph.is_set),
            "subtitle": subtitle(shown),
        }
        if graph.targets is None:
            self.view.figure = predicted_classes(tested, graph.y[tested], exact, integer, **words)
        else:
            at = self.target.value
            self.view.figure = predicted_targets(
                tested, graph.targets[tested, at], exact[:, at], integer[:, at], **words
            )

    def _offer(self, graph: Graph) -> None:
        """Offer the targets, where there is a choice."""
        count = 1 if graph.targets is None else graph.outputs
        self.target.layout.display = None if count > 1 else "none"
        offer(self.target, [(str(at + 1), at) for at in range(count)], 0, self._draw)

    def _pick(self, change: dict[str, Any]) -> None:
        picked = picked_number(change["new"])
        if picked is not None:
            self._state.set_trait(self._picks, picked)

    def _brush(self, change: dict[str, Any]) -> None:
        """Choose what a box around its points holds."""
        shown, box = self._state.shown, change["new"]
        if shown is None or not {"x", "y"} <= box.keys():
            return
        graph = shown.measured
        tested = np.flatnonzero(graph.test)
        exact, integer = (
            trace.scores[tested] for trace in (shown.analysis.study.trace, shown.analysis.trace)
        )
        held = np.zeros(tested.size, dtype=np.bool_)
        if graph.targets is None:
            label = graph.y[tested]
            held |= inside(box, margins(exact, label), margins(integer, label))
        else:
            at = self.target.value
            for predicted in (exact, integer):
                held |= inside(box, graph.targets[tested, at], predicted[:, at])
        if held.any():
            self._state.chosen = Picked(tuple(tested[held].tolist()), graph.is_set)
