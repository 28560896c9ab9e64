"""The bits grid: a width for each component of each layer, and presets that set them all."""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets as widgets

from engine.spec import WIDTHS, Component, LayerSpec, RunSpec
from explorer.fields import bind, choice, html, row
from explorer.slots import component_meaning, components
from explorer.state import (
    CUSTOM,
    PRESETS,
    RANGES,
    State,
    preset_of,
    with_bits,
    with_preset,
    with_ranges,
)

RULES = {
    "ptq": "Min/max",
    "qat": "QAT: moving average",
    "degree-quant": "Degree-Quant: percentile",
}
WIDEST_GRID = 5
"""Layers beyond which the hidden ones share a column."""
MIXED = None
BITS = [("FP32", 32), *((str(bits), bits) for bits in reversed(WIDTHS) if bits != 32)]


class BitsPanel(widgets.VBox):
    """Presets, range rules and the grid of components by layers.

    Args:
        state: Holds the recipe.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        names = [*PRESETS, CUSTOM]
        self.preset = choice("Bits preset", [(n, n) for n in names], preset_of(state.recipe))
        self.ranges = choice("Ranges", [(RULES[name], name) for name in RANGES], state.ranges)
        self.cells: dict[tuple[Component, range], widgets.Dropdown] = {}
        self._layers: tuple[LayerSpec, ...] = ()
        self._grid = widgets.GridBox()
        self._grid.add_class("gb-bits")
        self._lay_out()
        bind(self.preset, state, preset_of, _take_preset)
        state.observe(self._follow, "recipe")
        self.ranges.observe(self._take_ranges, "value")
        state.observe(self._follow_ranges, "ranges")
        super().__init__([row(self.preset, self.ranges), self._grid])
        self.add_class("gb-panel")

    def _lay_out(self) -> None:
        """Make the cells anew: a row a component, a column a layer or a group of them."""
        self._layers = self._state.recipe.model.layer_specs(1, 1)
        for cell in self.cells.values():
            cell.close()
        self.cells = {}
        places = columns(len(self._layers))
        children: list[widgets.Widget] = [html("", "gb-corner")]
        children += [html(f"Layer {column_title(column)}", "gb-head") for column in places]
        for component in components(self._layers):
            meaning = component_meaning(component, self._layers)
            side = f'<span title="{escape(meaning)}">{component}</span>'
            children.append(html(side, "gb-side"))
            children += [self._cell(component, column, meaning) for column in places]
        self._grid.children = children
        self._grid.layout.grid_template_columns = f"76px repeat({len(places)}, 1fr)"

    def _cell(self, component: Component, column: range, meaning: str) -> widgets.Widget:
        """Return the control of a component in a column, blank where no layer of it has one."""
        if not any(component in self._layers[layer].components for layer in column):
            return html()
        label = f"Bits of {component}, layer {column_title(column)}"
        cell = widgets.Dropdown(description=label, tooltip=meaning)
        cell.layout.width = "auto"
        cell.add_class("gb-cell")
        self.cells[component, column] = cell
        self._fill(component, column)
        cell.observe(self._taker(component, column), "value")
        return cell

    def _fill(self, component: Component, column: range) -> None:
        cell = self.cells[component, column]
        widths = {
            self._state.recipe.quant[layer][component].bits
            for layer in column
            if component in self._layers[layer].components
        }
        bits = widths.pop() if len(widths) == 1 else MIXED
        options = BITS if bits is not MIXED else [("mixed", MIXED), *BITS]
        if list(cell.options) != options:
            cell.options = options
        cell.value = bits
        for width in WIDTHS:
            cell.remove_class(f"gb-width-{width}")
        cell.add_class(f"gb-width-{bits}" if bits else "gb-width-mixed")

    def _taker(self, component: Component, column: range) -> Any:
        def take(change: dict[str, Any]) -> None:
            bits = change["new"]
            if bits is not MIXED:
                self._state.edit(
                    lambda recipe: with_bits(recipe, column, component, bits, self._state.ranges)
                )

        return take

    def _follow(self, _: Any) -> None:
        layers = self._state.recipe.model.layer_specs(1, 1)
        if [layer.slots for layer in layers] != [layer.slots for layer in self._layers]:
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


def columns(layers: int) -> list[range]:
    """Return the layers of each column of the grid; many hidden layers share one."""
    if layers <= WIDEST_GRID:
        return [range(layer, layer + 1) for layer in range(layers)]
    return [range(1), range(1, layers - 1), range(layers - 1, layers)]


def column_title(column: range) -> str:
    """Return the layers of a column as people count them, from 1."""
    first, last = column[0] + 1, column[-1] + 1
    return str(first) if first == last else f"{first} to {last}"


def _take_preset(recipe: RunSpec, name: str) -> RunSpec:
    return recipe if name == CUSTOM else with_preset(recipe, name)
