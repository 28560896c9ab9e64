"""Error against degree or size: who pays for which component's width, in which layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ipywidgets as widgets
from numpy.typing import NDArray

from engine.analysis import Kind
from engine.metrics.merit import ACCURACY
from engine.spec import Bucket, LayerSpec
from explorer.captions import scheme_title, subtitle
from explorer.chosen import Degrees, Sizes, band, focus
from explorer.fields import choice, html, offer, row, unheard
from explorer.figures.chart import blank
from explorer.figures.error_against import DEGREE, SIZE, error_against
from explorer.plot import PlotlyView, picked_number
from explorer.seen import draw_when_seen
from explorer.shown import Shown
from explorer.slots import (
    component_meaning,
    components,
    is_of_graphs,
    meaning,
    numbered,
    options,
    title,
)
from explorer.state import State

PARTS = "parts"
OWN_INHERITED: tuple[Kind, Kind] = ("own", "inherited")
KINDS = (
    ("Total", "total"),
    ("Own beside inherited", PARTS),
    ("Own: this layer's quantizers alone", "own"),
    ("Inherited from the layers before", "inherited"),
    ("Scores, only this component quantized", "only"),
    ("Scores, all but this one quantized", "all_but"),
)
PATHS = (("Integer", "integer"), ("Simulated", "simulated"), ("Both", "both"))
MEASURE_TITLES = (
    ("Relative L2", "relative_l2"),
    ("Absolute L2", "absolute_l2"),
    ("SQNR in dB", "sqnr_db"),
)
FLIPS = ("Class flips", "class_flip")
"""A measure of what has classes."""
AGAINST = (("In-degree", DEGREE), ("Graph size", SIZE))
NOTHING = "There is nothing to show yet."

LOOK = (
    "Look for errors that rise with the degree: hubs add up many rounded messages, or their "
    "sums are cut off."
)
PICKED = ("node", "member", "chosen", "pinned")
"""What only marks what there is to choose from."""

PAGE = "Error × degree"
"""The page it stands on."""


class ErrorPanel(widgets.VBox):
    """The chart, and what it shows.

    Args:
        state: Holds what is shown, and the node and the graph picked.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self.against = choice("Against", AGAINST, DEGREE, "What each point is, and stands by")
        self.kind = choice(
            "Error",
            KINDS,
            "total",
            "A tensor's error, its own or what it inherits, or what one component costs the scores",
        )
        last = state.recipe.model.depth - 1
        self.layer = choice(
            "Layer", numbered(last + 1), last, "Where in the network the error is taken"
        )
        self.component = choice(
            "Component",
            options(["output"]),
            "output",
            "Which of the layer's tensors, or the one component that is quantized or left in float",
        )
        self.path = choice(
            "Path", PATHS, "integer", "Real integers, their simulation in training, or both"
        )
        self.measure = choice(
            "Measure",
            (*MEASURE_TITLES, FLIPS),
            "relative_l2",
            "How far two rows of numbers are apart",
        )
        self.meaning = html(name="gb-note")
        self.note = html(name="gb-note")
        self.view = PlotlyView(height=330)
        for control in (
            *(self.against, self.kind, self.layer),
            *(self.component, self.path, self.measure),
        ):
            control.observe(self._choose, "value")
        self.view.observe(self._pick, "clicked")
        self.view.observe(self._brush, "selected")
        super().__init__(
            [
                row(
                    *(self.against, self.layer, self.component),
                    *(self.kind, self.path, self.measure),
                ),
                self.meaning,
                self.note,
                self.view,
            ]
        )
        self.add_class("gb-tab")
        self.view.add_class("gb-follows")
        draw_when_seen(state, PAGE, self._follow, ["shown", *PICKED])

    @property
    def of_graphs(self) -> bool:
        """Whether the errors are those of graphs, not of nodes."""
        return self.against.value is SIZE

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
        if self.kind.value == PARTS:
            slot = self.layer.value, self.component.value
            own, inherited = (analysis.error(*slot, kind, measure) for kind in OWN_INHERITED)
            return {"own": own, "inherited": inherited}, ""
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

    def _follow(self, change: Any) -> None:
        if change is not None and change["name"] in PICKED:
            self._draw(change)
        else:
            self._choose(change)

    def _lay_out(self) -> None:
        """Offer what the network and the kind of error have, and say what is chosen."""
        shown = self._state.shown
        layers = shown.layers if shown else self._state.recipe.model.layer_specs(1, 1)
        self._settle_against(layers)
        rows = {
            at: [slot for slot in layer.rows if is_of_graphs(layers, at, slot) == self.of_graphs]
            for at, layer in enumerate(layers)
        }
        offered = [option for option in numbered(len(layers)) if rows[option[1]]]
        offer(self.layer, offered, last_with(rows, "output"), self._choose)
        layer = layers[self.layer.value]
        slots = components(layers) if self.of_scores else rows[self.layer.value]
        usual = "output" if "output" in slots else slots[-1]
        offer(self.component, options(slots), usual, self._choose)
        self.layer.disabled = self.of_scores
        self.path.disabled = self.of_scores or self.kind.value == PARTS
        has_classes = shown is None or shown.merit is ACCURACY
        measures = (*MEASURE_TITLES, *[FLIPS] * has_classes)
        offer(self.measure, measures, "relative_l2", self._choose)
        chosen = self.component.value
        held = component_meaning(chosen, layers) if self.of_scores else meaning(layer, chosen)
        self.meaning.value = f"{title(chosen).capitalize()}: {held}. {LOOK}"

    def _settle_against(self, layers: Sequence[LayerSpec]) -> None:
        """Leave a choice of what errors stand by where the network has errors of both."""
        pools = is_of_graphs(layers, len(layers) - 1, "output")
        self.against.layout.display = None if pools else "none"
        self.against.disabled = self.of_scores
        if not pools or self.of_scores:
            with unheard(self.against, self._choose):
                self.against.value = SIZE if pools else DEGREE

    def _choose(self, _: Any) -> None:
        self._lay_out()
        self._draw(None)

    def _draw(self, _: Any) -> None:
        shown = self._state.shown
        if shown is None:
            self.view.figure, self.note.value = blank(DEGREE.title, NOTHING), ""
            return
        series, missing = self.values(shown)
        place = (
            f"scores, {'only' if self.kind.value == 'only' else 'all but'} {self.component.value}"
            if self.of_scores
            else f"layer {self.layer.value + 1} {title(self.component.value)}, "
            + ("own beside inherited" if self.kind.value == PARTS else self.kind.value)
        )
        self.note.value = missing
        self.note.layout.display = None if missing else "none"
        self.view.figure = error_against(
            self._counts(shown),
            series,
            against=self.against.value,
            measure=self.measure.value,
            selected=self._state.member if self.of_graphs else self._state.node,
            pinned=self._pinned(shown),
            focus=focus(self._state.chosen, shown, of_graphs=self.of_graphs),
            buckets=self._buckets(shown),
            subtitle=subtitle(shown, place),
        )

    def _buckets(self, shown: Shown) -> tuple[Bucket, ...]:
        """Return where widths change with the in-degree: its own, or else those of its layer."""
        if self.of_scores or self.of_graphs:
            return ()
        layer: int = self.layer.value
        slot: str = self.component.value
        quant = shown.recipe.quant[layer]
        own = shown.layers[layer].quant_of(slot, quant).buckets
        return own or max((spec.buckets for _, spec in quant.items()), key=len)

    def _pinned(self, shown: Shown) -> dict[str, NDArray[Any]]:
        """Return the same values of what is pinned, where it is of the same graph and has them."""
        pinned = self._state.pinned
        if pinned is None or pinned is shown or pinned.recipe.graph != shown.recipe.graph:
            return {}
        if [layer.slots for layer in pinned.layers] != [layer.slots for layer in shown.layers]:
            return {}
        series, _ = self.values(pinned)
        title = scheme_title(pinned.recipe)
        return {
            title if name == "integer" else f"{title}, {name}": values
            for name, values in series.items()
        }

    def _counts(self, shown: Shown) -> NDArray[Any]:
        """Return what the points stand by."""
        return shown.sizes if self.of_graphs else shown.measured.in_degree

    def _brush(self, change: dict[str, Any]) -> None:
        shown = self._state.shown
        ends = None if shown is None else band(self._counts(shown), change["new"])
        if ends is not None:
            self._state.chosen = (Sizes if self.of_graphs else Degrees)(*ends)

    def _pick(self, change: dict[str, Any]) -> None:
        picked = picked_number(change["new"])
        if picked is not None:
            self._state.set_trait("member" if self.of_graphs else "node", picked)


def last_with(rows: Mapping[int, Sequence[str]], slot: str) -> int:
    """Return the last layer that has a slot among those offered."""
    return max(at for at, offered in rows.items() if slot in offered)


def _missing(shown: Shown) -> str:
    if shown.run is None:
        return "A preview has no simulation beside it; this is the integer path. Start trains both."
    return "Of the simulation only total relative errors are stored; this is the integer path."
