"""The grid's columns, and its rows: the components that the network has."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ipywidgets.widgets.widget import _instances

from engine.spec import Bucket, ModelSpec, Operator, scheme, usual_buckets, vary
from explorer.edits import with_model
from explorer.panels.bits import MOST_COLUMNS, BitsPanel, columns
from explorer.state import State
from explorer.widths import SEVERAL, with_bits


@given(st.integers(2, 64), st.lists(st.integers(0, 63), max_size=6))
def test_columns_hold_each_layer_once_and_layers_alike(layers: int, other: list[int]) -> None:
    recipe = scheme("degree-quant", bits=4, model=ModelSpec(layers=layers))
    for layer in other:
        recipe = (
            with_bits(recipe, range(layer, layer + 1), "message", 8, "qat")
            if (layer < layers)
            else recipe
        )
    held = columns(recipe.model.layer_specs(1, 1), recipe.quant)
    assert [layer for column in held for layer in column] == list(range(layers))
    assert len(held) <= MOST_COLUMNS
    assert held[0] == range(1)
    assert held[-1] == range(layers - 1, layers)
    widths = [layer.message.bits for layer in recipe.quant]
    if len(held) > 3:
        assert all(len({widths[layer] for layer in column}) == 1 for column in held)


def test_steps_of_a_propagation_share_columns_apart_from_its_linear_layers() -> None:
    recipe = scheme("qat", bits=4, model=ModelSpec(operator="smp", steps=64))
    panel = BitsPanel(State(recipe))
    heads = [child.value for child in panel._grid.children if "gb-head" in child._dom_classes]
    assert heads == ["1", "2", "3", "4–65", "66"]
    panel.cells["output", range(3, 65)].value = 8
    assert [layer.output.bits for layer in panel._state.recipe.quant][3:65] == [8] * 62


def test_a_range_of_layers_is_set_at_once_and_becomes_a_column() -> None:
    state = State(scheme("qat", bits=8, model=ModelSpec(layers=12)))
    panel = BitsPanel(state)
    assert panel._range.layout.display is None
    panel.first.value, panel.last.value = 3, 5
    panel.component.value, panel.width.value = "message", 2
    panel.set.click()
    assert [layer.message.bits for layer in state.recipe.quant] == [8, 8, 2, 2, 2, *[8] * 7]
    assert panel.cells["message", range(2, 5)].value == 2
    panel.first.value = 13
    panel.set.click()
    assert "Layers 13 to 5" in state.problem
    state.undo()
    assert ("message", range(1, 11)) in panel.cells
    state.edit(lambda recipe: with_model(recipe, layers=3))
    assert panel._range.layout.display == "none"


@pytest.mark.parametrize("operator", get_args(Operator))
def test_rows_are_the_components_of_the_network(operator: Operator) -> None:
    model = ModelSpec(operator=operator)
    panel = BitsPanel(State(scheme("degree-quant", bits=4, model=model)))
    components = model.layer_specs(1, 1)[0].components
    assert list(panel.cells) == [(c, range(at, at + 1)) for c in components for at in range(2)]
    assert panel.preset.value == "Degree-Quant 4"


def test_rows_follow_the_operator() -> None:
    state = State(scheme("degree-quant", bits=4))
    panel = BitsPanel(state)
    state.edit(lambda recipe: with_model(recipe, operator="gat"))
    assert ("norm", range(1)) not in panel.cells
    panel.cells["coefficient", range(1)].value = 8
    assert [layer.coefficient.bits for layer in state.recipe.quant] == [8, 4]
    state.edit(lambda recipe: with_model(recipe, operator="gcn"))
    assert ("coefficient", range(1)) not in panel.cells
    assert panel.preset.value == "Degree-Quant 4"


def test_columns_of_layers_without_a_component_are_blank() -> None:
    model = ModelSpec(operator="gin", pool="sum")
    panel = BitsPanel(State(scheme("qat", bits=8, model=model)))
    aggregates = {column[0] for component, column in panel.cells if component == "aggregate"}
    messages = {column[0] for component, column in panel.cells if component == "message"}
    assert (aggregates, messages) == ({0, 1, 2}, {0, 1})
    assert len(panel._grid.children) == (1 + 6) * (1 + 4) + 2, "the last row holds one field"


def test_each_row_says_what_its_component_is() -> None:
    panel = BitsPanel(State(scheme("qat", bits=8, model=ModelSpec(operator="gat"))))
    sides = [child.value for child in panel._grid.children if "gb-side" in child._dom_classes]
    assert len(sides) == 1 + 9 + 1
    assert "neighbours" in sides[-1]
    assert any("softmax" in side and ">coefficient<" in side for side in sides)


def test_a_menu_has_the_widths_that_its_component_accepts() -> None:
    panel = BitsPanel(State(scheme("qat", bits=8, model=ModelSpec(operator="gin", pool="sum"))))
    menus = {key: [width for _, width in cell.options] for key, cell in panel.cells.items()}
    assert 1 in menus["weight", range(1)]
    assert 1 in menus["input", range(1)]
    assert 1 not in menus["message", range(1)]
    assert 1 not in menus["input", range(2, 3)], "what is pooled"
    panel.cells["weight", range(1)].value = 1
    assert panel._state.recipe.quant[0].weight.bits == 1


def test_bits_by_in_degree_are_of_everything_that_nodes_hold() -> None:
    state = State(scheme("degree-quant", bits=8))
    panel = BitsPanel(state)
    assert panel.degrees.value == ""
    panel.degrees.value = "4:4,16:2"
    assert state.recipe == vary(scheme("degree-quant", bits=8), buckets=usual_buckets(8))
    assert panel.degrees.value == "4:4, 16:2"
    panel.cells["message", range(1)].value = 4
    assert state.recipe.quant[0].message.buckets == (Bucket(degree=16, bits=2),)
    assert panel.degrees.value == "4:4, 16:2"
    panel.cells["message", range(1)].value = 8
    panel.ranges.value = "qat"
    assert state.recipe.quant == scheme("sgquant").quant
    panel.degrees.value = "some"
    assert "DEGREE:BITS" in state.problem
    assert panel.degrees.value == "4:4, 16:2"
    panel.degrees.value = ""
    assert state.recipe.quant == scheme("qat").quant
    panel.preset.value = "SGQuant 8"
    assert state.recipe == scheme("sgquant")
    assert panel.degrees.value == "4:4, 16:2"


def test_widths_by_in_degree_that_differ_are_several() -> None:
    recipe = scheme("sgquant", bits=8)
    first = replace(recipe.quant[0], output=replace(recipe.quant[0].output, buckets=()))
    recipe = replace(recipe, quant=(first, recipe.quant[1]))
    panel = BitsPanel(State(recipe))
    assert panel.degrees.value == SEVERAL
    panel.cells["feature", range(1)].value = 4
    held = panel._state.recipe.quant[0]
    assert held.output.buckets == ()
    assert held.feature.buckets == (Bucket(degree=16, bits=2),)
    panel.degrees.value = " several "
    assert panel._state.recipe.quant[0] == held
    panel.degrees.value = "2:3"
    assert panel._state.recipe.quant[0].output.buckets == (Bucket(degree=2, bits=3),)


def test_a_cell_that_goes_leaves_nothing_behind() -> None:
    state = State(scheme("qat", bits=8))
    panel = BitsPanel(state)
    few = set(_instances)
    state.edit(lambda recipe: with_model(recipe, layers=4))
    assert set(_instances) > few
    state.edit(lambda recipe: with_model(recipe, layers=2))
    assert set(_instances) <= few
    assert panel.cells
