"""Error against degree: which nodes pay for which component's width, in which layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets
from numpy.typing import NDArray

from explorer.captions import subtitle
from explorer.fields import choice, html, offer, row
from explorer.figures.chart import blank
from explorer.figures.error_against_degree import TITLE, error_against_degree
from explorer.plot import PlotlyView
from explorer.shown import Shown
from explorer.slots import MEANING, component_meaning, components, numbered, options, title
from explorer.state import State

KINDS = (
    ("Total", "total"),
    ("Own: this layer's quantizers alone", "own"),
    ("Inherited from the layers before", "inherited"),
    ("Scores, only this component quantized", "only"),
    ("Scores, all but this one quantized", "all_but"),
)
PATHS = (("Integer", "integer"), ("Simulated", "simulated"), ("Both", "both"))
MEASURE_TITLES = (
    ("Relative L2", "relative_l2"),
    ("SQNR in dB", "sqnr_db"),
    ("Class flips", "class_flip"),
)
NOTHING = "There is nothing to show yet."


class ErrorPanel(widgets.VBox):
    """The chart, and what it shows.

    Args:
        state: Holds what is shown, and the node picked.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self.kind = choice("Error", KINDS, "total")
        last = state.recipe.model.depth - 1
        self.layer = choice("Layer", numbered(last + 1), last)
        self.component = choice("Component", options(["output"]), "output")
        self.path = choice("Path", PATHS, "integer")
        self.measure = choice("Measure", MEASURE_TITLES, "relative_l2")
        self.meaning = html(name="gb-note")
        self.note = html(name="gb-note")
        self.view = PlotlyView(height=330)
        for control in (self.kind, self.layer, self.component, self.path, self.measure):
            control.observe(self._choose, "value")
        state.observe(self._choose, "shown")
        state.observe(self._draw, "node")
        self.view.observe(self._pick, "clicked")
        super().__init__(
            [
                row(self.layer, self.component, self.kind, self.path, self.measure),
                self.meaning,
                self.note,
                self.view,
            ]
        )
        self.add_class("gb-tab")
        self.view.add_class("gb-follows")
        self._choose(None)

    @property
    def of_scores(self) -> bool:
        """Whether the error is that of the scores, with a component on or off in every layer."""
        return self.kind.value in ("only", "all_but")

    def values(self, shown: Shown) -> tuple[dict[str, NDArray[Any]], str]:
        """Return each series' value of every node, and a sentence on what is missing."""
        analysis, measure = shown.analysis, self.measure.value
        if self.of_scores:
            errors = analysis.component_error(self.component.value, self.kind.value, measure)
            return {"integer": errors}, ""
        place = (self.layer.value, self.component.value, self.kind.value, measure)
        series: dict[str, NDArray[Any]] = {}
        if self.path.value != "simulated":
            series["integer"] = analysis.error(*place)
        if self.path.value != "integer":
            simulated = shown.simulated_error(*place)
            if simulated is None:
                return {"integer": analysis.error(*place)}, _missing(shown)
            series["simulated"] = simulated
        return series, ""

    def _lay_out(self) -> None:
        """Offer what the network and the kind of error have, and say what is chosen."""
        shown = self._state.shown
        layers = shown.layers if shown else self._state.recipe.model.layer_specs(1, 1)
        offer(self.layer, numbered(len(layers)), len(layers) - 1, self._choose)
        layer = layers[self.layer.value]
        offered = options(components(layers) if self.of_scores else layer.rows)
        offer(self.component, offered, "output", self._choose)
        self.layer.disabled = self.path.disabled = self.of_scores
        chosen = self.component.value
        meaning = (
            component_meaning(chosen, layers) if self.of_scores else MEANING[layer.operator][chosen]
        )
        self.meaning.value = f"{title(chosen).capitalize()}: {meaning}."

    def _choose(self, _: Any) -> None:
        self._lay_out()
        self._draw(None)

    def _draw(self, _: Any) -> None:
        shown = self._state.shown
        if shown is None:
            self.view.figure, self.note.value = blank(TITLE, NOTHING), ""
            return
        series, missing = self.values(shown)
        place = (
            f"scores, {'only' if self.kind.value == 'only' else 'all but'} {self.component.value}"
            if self.of_scores
            else f"layer {self.layer.value + 1} {title(self.component.value)}, {self.kind.value}"
        )
        self.note.value = missing
        self.note.layout.display = None if missing else "none"
        self.view.figure = error_against_degree(
            shown.graph.in_degree,
            series,
            measure=self.measure.value,
            selected=self._state.node,
            subtitle=subtitle(shown, place),
        )

    def _pick(self, change: dict[str, Any]) -> None:
        picked = change["new"].get("customdata")
        picked = picked[0] if isinstance(picked, Sequence) and picked else picked
        if isinstance(picked, int) and not isinstance(picked, bool):
            self._state.node = picked


def _missing(shown: Shown) -> str:
    if shown.run is None:
        return "A preview has no simulation beside it; this is the integer path. Start trains both."
    return "Of the simulation only total errors are stored; this is the integer path."
