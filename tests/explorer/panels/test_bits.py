"""The grid's columns, and its rows: the components that the network has."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.spec import ModelSpec, Operator, scheme
from explorer.panels.bits import WIDEST_GRID, BitsPanel, column_title, columns
from explorer.state import State, with_model


@given(st.integers(2, 64))
def test_columns_hold_each_layer_once(layers: int) -> None:
    held = columns(layers)
    assert [layer for column in held for layer in column] == list(range(layers))
    assert len(held) <= WIDEST_GRID
    assert held[0] == range(1)
    assert held[-1] == range(layers - 1, layers)


def test_titles_count_from_one() -> None:
    assert [column_title(column) for column in columns(9)] == ["1", "2 to 8", "9"]


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
    assert len(panel._grid.children) == (1 + 6) * (1 + 4)


def test_each_row_says_what_its_component_is() -> None:
    panel = BitsPanel(State(scheme("qat", bits=8, model=ModelSpec(operator="gat"))))
    sides = [child.value for child in panel._grid.children if "gb-side" in child._dom_classes]
    assert len(sides) == 9
    assert any("softmax" in side and ">coefficient<" in side for side in sides)
