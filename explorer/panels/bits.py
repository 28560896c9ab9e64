"""The bits grid: a width for each component of each layer, and presets that set them all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from itertools import pairwise
from typing import Any

import ipywidgets as widgets

from engine.spec import WIDTHS, Component, LayerQuant, LayerSpec, RunSpec
from explorer.edits import with_preset
from explorer.fields import OneOf, bind, choice, close, html, integer, row, unheard
from explorer.presets import CUSTOM, PRESETS, preset_of
from explorer.rules import RANGES, with_ranges
from explorer.slots import component_meaning, components
from explorer.state import State
from explorer.widths import by_degree_text, with_bits, with_degrees

RULES = {
    "ptq": "Min/max",
    "qat": "QAT: moving average",
    "smp": "SMP: learned",
    "degree-quant": "Degree-Quant: percentile",
}
BY_DEGREE = "DEGREE:BITS, …: 4:4, 16:2 gives nodes from 4 neighbours on 4 bits, from 16 on 2"
WIDEST_GRID = 5
"""Layers beyond which those that are alike share a column."""
MOST_COLUMNS = 7
"""Columns beyond which layers of different widths share one, too."""
MIXED = 0
"""What a cell holds whose layers have several widths; a list shows None as nothing."""
BITS = [("FP32", 32), *((str(bits), bits) for bits in reversed(WIDTHS) if bits != 32)]


class BitsPanel(widgets.VBox):
    """Presets, range rules, the grid of components by layers, and widths by in-degree.

    Args:
        state: Holds the recipe.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        names = [*PRESETS, CUSTOM]
        self.preset = choice(
            "Bits preset",
            [(n, n) for n in names],
            preset_of(state.recipe),
            "Sets the widths of all components at once",
        )
        self.ranges = choice(
            "Ranges",
            [(RULES[name], name) for name in RANGES],
            state.ranges,
            "How the range is found that codes are spread over; at 2 bits, learned ones do best",
        )
        self.degrees = widgets.Text(
            description="Bits by in-degree", tooltip=BY_DEGREE, continuous_update=False
        )
        self.degrees.layout.width = "auto"
        self.degrees.add_class("gb-cell").add_class("gb-across")
        self.cells: dict[tuple[Component, range], widgets.Dropdown] = {}
        self._labels: dict[tuple[str, str], widgets.HTML] = {}
        self._takers: dict[tuple[Component, range], Callable[[Any], None]] = {}
        self._layers: tuple[LayerSpec, ...] = ()
        self._columns: list[range] = []
        self._grid = widgets.GridBox()
        self._grid.add_class("gb-bits")
        self.first = integer("From layer", 1, "The first layer to be set")
        self.last = integer("to layer", 1, "The last layer to be set")
        self.component = choice("Part", [("weight", "weight")], "weight", "What is set")
        self.width = choice("Width", BITS, 8, "To how many bits")
        self.set = widgets.Button(description="Set", tooltip="Set these layers to this width")
        self.set.on_click(self._set_range)
        self._range = row(self.first, self.last, self.component, self.width, self.set)
        self._lay_out()
        bind(self.preset, state, preset_of, _take_preset)
        bind(self.degrees, state, by_degree_text, with_degrees)
        state.follow(self._follow)
        self.ranges.observe(self._take_ranges, "value")
        state.observe(self._follow_ranges, "ranges")
        super().__init__([row(self.preset, self.ranges), self._grid, self._range])
        self.add_class("gb-panel")

    def _lay_out(self) -> None:
        """Lay the cells out: a row a component, a column a layer or a group of them.

        What was there stays: to make a grid anew took half of the time of a change of network.
        """
        before, self._layers = len(self._layers), self._state.recipe.model.layer_specs(1, 1)
        self._columns = columns(self._layers, self._state.recipe.quant)
        old, self.cells = self.cells, {}
        labels, self._labels = self._labels, {}

        def label(text: str, name: str) -> widgets.HTML:
            """Return a label, of those that were there where one is the same."""
            at = text, name
            self._labels[at] = self._labels.get(at) or labels.pop(at, None) or html(text, name)
            return self._labels[at]

        children: list[widgets.Widget] = [
            label("Layer" * (len(self._columns) >= WIDEST_GRID), "gb-side")
        ]
        children += [label(self._heading(column), "gb-head") for column in self._columns]
        held = components(self._layers)
        for component in held:
            meaning = component_meaning(component, self._layers)
            side = f'<span title="{escape(meaning)}">{component}</span>'
            children.append(label(side, "gb-side"))
            for column in self._columns:
                if not any(component in self._layers[layer].components for layer in column):
                    children.append(label("", ""))
                    continue
                cell = old.pop((component, column), None) or self._cell(component, column)
                cell.tooltip = meaning
                self.cells[component, column] = cell
                self._fill(component, column)
                children.append(cell)
        side = f'<span title="{escape(BY_DEGREE)}">by in-degree</span>'
        self._grid.children = [*children, label(side, "gb-side"), self.degrees]
        for gone in (*old.values(), *labels.values()):
            close(gone)
        self._grid.layout.grid_template_columns = f"76px repeat({len(self._columns)}, 1fr)"
        deep = len(self._layers) > WIDEST_GRID
        self._range.layout.display = None if deep else "none"
        kept = self.component.value
        with self.component.hold_sync():
            self.component.options = [(component, component) for component in held]
            self.component.value = kept if kept in held else held[0]
        if len(self._layers) != before:
            self.last.value = len(self._layers)

    def _heading(self, column: range) -> str:
        """Return what stands over a column; where there are many, numbers alone."""
        many = len(self._columns) >= WIDEST_GRID
        title = f"Layer{'s' * (len(column) > 1)} {column_title(column)}"
        return column_title(column, "–") if many else title

    def _set_range(self, _: Any) -> None:
        """Set one component of the layers from the first to the last named."""
        first, last, deepest = self.first.value, self.last.value, len(self._layers)
        if not 1 <= first <= last <= deepest:
            fault = (
                f"Layers {first} to {last}: name layers from 1 to {deepest}, the lower one first."
            )
            self._state.problem = fault
            return
        layers, component, bits = range(first - 1, last), self.component.value, self.width.value
        self._state.edit(
            lambda recipe: with_bits(recipe, layers, component, bits, self._state.ranges)
        )

    def _cell(self, component: Component, column: range) -> OneOf:
        """Return a control of a component in a column that is not filled yet."""
        label = f"Bits of {component}, layer {column_title(column)}"
        cell = OneOf(description=label)
        cell.layout.width = "auto"
        cell.add_class("gb-cell")
        self._takers[component, column] = take = self._taker(component, column)
        cell.observe(take, "value")
        return cell

    def _fill(self, component: Component, column: range) -> None:
        cell = self.cells[component, column]
        widths = {
            self._state.recipe.quant[layer][component].bits
            for layer in column
            if component in self._layers[layer].components
        }
        bits = widths.pop() if len(widths) == 1 else MIXED
        accepted = [
            (name, width)
            for name, width in BITS
            if all(width in self._layers[layer].widths(component) for layer in column)
        ]
        options = accepted if bits != MIXED else [("mixed", MIXED), *accepted]
        with unheard(cell, self._takers[component, column]), cell.hold_sync():
            if list(cell.options) != options:
                cell.options = options
            cell.value = bits
            for width in WIDTHS:
                cell.remove_class(f"gb-width-{width}")
            cell.add_class(f"gb-width-{bits}" if bits else "gb-width-mixed")

    def _taker(self, component: Component, column: range) -> Any:
        def take(change: dict[str, Any]) -> None:
            bits = change["new"]
            if bits != MIXED:
                self._state.edit(
                    lambda recipe: with_bits(recipe, column, component, bits, self._state.ranges)
                )

        return take

    def _follow(self, _: Any) -> None:
        recipe = self._state.recipe
        layers = recipe.model.layer_specs(1, 1)
        shapes = [(layer.slots, layer.operator) for layer in layers]
        if (
            shapes != [(layer.slots, layer.operator) for layer in self._layers]
            or columns(layers, recipe.quant) != self._columns
        ):
            self._lay_out()
        else:
            for component, column in self.cells:
                self._fill(component, column)

    def _take_ranges(self, change: dict[str, Any]) -> None:
        if change["new"] != self._state.ranges:
            self._state.ranges = change["new"]
            self._state.edit(lambda recipe: with_ranges(recipe, change["new"]))

    def _follow_ranges(self, change: dict[str, Any]) -> None:
        self.ranges.value = change["new"]


def columns(layers: Sequence[LayerSpec], quant: Sequence[LayerQuant]) -> list[range]:
    """Return the layers of each column of the grid.

    Few layers have one each. Of more, neighbours of one shape share one where their widths are the
    same, but for the first and the last; where that leaves too many, all of one shape do.

    Args:
        layers: The layers' shapes.
        quant: Their widths.
    """
    if len(layers) <= WIDEST_GRID:
        return [range(at, at + 1) for at in range(len(layers))]
    last = len(layers) - 1
    shapes = [(layer.operator, layer.slots, at in (0, last)) for at, layer in enumerate(layers)]
    widths = [tuple(spec.bits for _, spec in held.items()) for held in quant]
    exact = _runs(list(zip(shapes, widths, strict=True)))
    return exact if len(exact) <= MOST_COLUMNS else _runs(shapes)


def _runs(keys: Sequence[Any]) -> list[range]:
    """Return the ranges of neighbouring equal keys."""
    cuts = [at for at, (a, b) in enumerate(pairwise(keys), start=1) if a != b]
    return [range(start, end) for start, end in pairwise([0, *cuts, len(keys)])]


def column_title(column: range, between: str = " to ") -> str:
    """Return the layers of a column as people count them, from 1."""
    first, last = column[0] + 1, column[-1] + 1
    return str(first) if first == last else f"{first}{between}{last}"


def _take_preset(recipe: RunSpec, name: str) -> RunSpec:
    return recipe if name == CUSTOM else with_preset(recipe, name)
