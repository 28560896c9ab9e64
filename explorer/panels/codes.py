"""Values and codes: whether a width is used well, what its range cuts off, what sums need."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import ipywidgets as widgets
import plotly.graph_objects as go
from numpy.typing import NDArray

from engine.integer import IntArray, SparseIntArray
from explorer.captions import subtitle
from explorer.chosen import Degrees, Sizes, band, focus, rows_of
from explorer.fields import choice, html, offer, row
from explorer.figures.chart import blank
from explorer.figures.codes import codes
from explorer.figures.error_against import DEGREE, SIZE, error_against
from explorer.figures.values import values
from explorer.panels.error import NOTHING
from explorer.plot import PlotlyView, picked_number
from explorer.seen import draw_when_seen
from explorer.shown import Shown
from explorer.slots import is_of_graphs, numbered, options, title
from explorer.state import State

PAGE = "Codes"
"""The page it stands on."""
CHARTS = {
    "values": (
        "Values on the grid",
        "Orange handles are the ends of the range, and what lies beyond is cut off; each line is a "
        "level: the wider apart they are under the hill, the larger the rounding error.",
    ),
    "codes": (
        "Codes in use",
        "Empty codes are bits that are paid for and not used; tall bars at the ends are values "
        "that were cut off.",
    ),
    "saturation": (
        "Cut off, by degree",
        "Where hubs rise, their sums are larger than the range that suits all others.",
    ),
    "headroom": (
        "Head-room, by degree",
        "Bits of the accumulator that no input can make a node's sum need; 0 would be the limit.",
    ),
}
"""Title of each chart, and what to look for in it."""
IN_FLOAT = "This component is in float: it has no codes."
OF_NO_NODE = "This component holds no row for each node."
NO_SUM = "This component is no sum of integers."


class CodesPanel(widgets.VBox):
    """One tensor's values, its codes, or by degree what is cut off and what its sums need.

    Args:
        state: Holds what is shown and what is chosen.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        charts = [(name, kind) for kind, (name, _) in CHARTS.items()]
        self.chart = choice(
            "Chart of the codes", charts, "values", "What is drawn of this component's numbers"
        )
        self.layer = choice("Layer of the codes", numbered(1), 0, "Whose numbers are drawn")
        self.component = choice(
            "Component of the codes",
            options(["message"]),
            "message",
            "Which of the layer's tensors is drawn",
        )
        self.advice = html(name="gb-note")
        self.view = PlotlyView(height=370)
        self.view.add_class("gb-follows")
        self.chart.observe(self._draw, "value")
        self.layer.observe(self._choose, "value")
        self.component.observe(self._draw, "value")
        self.view.observe(self._pick, "clicked")
        self.view.observe(self._brush, "selected")
        super().__init__([row(self.chart, self.layer, self.component), self.advice, self.view])
        self.add_class("gb-tab")
        draw_when_seen(state, PAGE, self._choose, ["shown", "chosen"])

    @property
    def _by_degree(self) -> bool:
        return self.chart.value in ("saturation", "headroom")

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
        shown, (name, advice) = self._state.shown, CHARTS[self.chart.value]
        self.advice.value = advice
        if shown is None:
            self.view.figure = blank(name, NOTHING)
        elif self._by_degree:
            self.view.figure = self._against_degree(shown, name)
        else:
            self.view.figure = self._histogram(shown, name)

    def _histogram(self, shown: Shown, name: str) -> go.Figure:
        """Return the chart of the tensor's values or of its codes."""
        layer, component = self.layer.value, self.component.value
        chosen, places = self._state.chosen, [f"layer {layer + 1} {title(component)}"]
        held = shown.analysis.trace.value(layer, component)
        exact = shown.analysis.study.trace.real(layer, component)
        if not isinstance(held, IntArray | SparseIntArray):
            return blank(name, IN_FLOAT, subtitle=subtitle(shown, *places))
        taken, params = held.codes(), held.params
        exact = exact.data if isinstance(held, SparseIntArray) else exact
        among = None if chosen is None else rows_of(chosen, shown, layer, component)
        if chosen is not None and among is not None:
            places.append(f"only {chosen.title}")
            taken, exact = taken[among], exact[among]
        place = subtitle(shown, *places)
        if self.chart.value == "codes":
            return codes(taken, params, subtitle=place)
        return values(exact, params, subtitle=place)

    def _against_degree(self, shown: Shown, name: str) -> go.Figure:
        """Return the chart of a number of each node's, against its degree."""
        layer, slot = self.layer.value, self.component.value
        place = subtitle(shown, f"layer {layer + 1} {title(slot)}")
        if slot not in shown.layers[layer].rows:
            return blank(name, OF_NO_NODE, subtitle=place)
        measured: NDArray[Any] | None
        if self.chart.value == "headroom":
            measured = shown.analysis.headroom(layer, slot)
            if measured is None:
                return blank(name, NO_SUM, subtitle=place)
        elif shown.analysis.trace.codes(layer, slot) is None:
            return blank(name, IN_FLOAT, subtitle=place)
        else:
            measured = 100 * shown.analysis.saturation(layer, slot)
        of_graphs = is_of_graphs(shown.layers, layer, slot)
        against = SIZE if of_graphs else DEGREE
        return error_against(
            self._counts(shown),
            {"integer": measured},
            against=replace(against, title=name.replace("degree", "size") if of_graphs else name),
            measure=self.chart.value,
            selected=self._state.member if of_graphs else self._state.node,
            focus=focus(self._state.chosen, shown, of_graphs=of_graphs),
            subtitle=place,
        )

    def _of_graphs(self, shown: Shown) -> bool:
        return is_of_graphs(shown.layers, self.layer.value, self.component.value)

    def _counts(self, shown: Shown) -> NDArray[Any]:
        return shown.sizes if self._of_graphs(shown) else shown.measured.in_degree

    def _pick(self, change: dict[str, Any]) -> None:
        shown, picked = self._state.shown, picked_number(change["new"])
        if shown is not None and picked is not None and self._by_degree:
            self._state.set_trait("member" if self._of_graphs(shown) else "node", picked)

    def _brush(self, change: dict[str, Any]) -> None:
        shown = self._state.shown
        if shown is None or not self._by_degree:
            return
        ends = band(self._counts(shown), change["new"])
        if ends is not None:
            self._state.chosen = (Sizes if self._of_graphs(shown) else Degrees)(*ends)
