"""The controls of the network: which appear with which operator, and what they make."""

from __future__ import annotations

from typing import get_args

import pytest

from engine.spec import ModelSpec, Operator, scheme
from explorer.panels.model import ModelPanel
from explorer.state import State, preset_of

OWN = {"heads": "gat", "aggregation": "sage"}


def hidden(panel: ModelPanel) -> set[str]:
    return {name for name in OWN if getattr(panel, name).layout.display == "none"}


@pytest.mark.parametrize("operator", get_args(Operator))
def test_controls_of_one_operator_appear_with_it(operator: Operator) -> None:
    state = State(scheme("degree-quant", bits=4))
    panel = ModelPanel(state)
    panel.operator.value = operator
    assert state.recipe.model == ModelSpec(operator=operator)
    assert hidden(panel) == {name for name, owner in OWN.items() if owner != operator}
    assert panel.activation.value == ("elu" if operator == "gat" else "relu")
    assert panel.batch_norm.value == (operator == "gin")
    assert preset_of(state.recipe) == "Degree-Quant 4"


def test_heads_bring_the_hidden_features_they_need() -> None:
    state = State(scheme("float"))
    panel = ModelPanel(state)
    panel.operator.value = "gat"
    assert panel.heads.value == 8
    panel.heads.value = 3
    assert (panel.hidden.value, state.problem) == (18, "")
    panel.hidden.value = 16
    assert "a multiple of the 3 heads" in state.problem
    assert (panel.hidden.value, state.recipe.model.hidden) == (18, 18)
    panel.heads.value = 0
    assert "model.heads: got 0" in state.problem
    assert panel.heads.value == 3


def test_choices_reach_the_recipe_and_come_back() -> None:
    state = State(scheme("float", model=ModelSpec(operator="sage")))
    panel = ModelPanel(state)
    panel.aggregation.value = "max"
    panel.activation.value = "elu"
    panel.batch_norm.value = True
    assert state.recipe.model == ModelSpec(
        operator="sage", aggregation="max", activation="elu", batch_norm=True
    )
    for _ in range(3):
        state.undo()
    assert (panel.aggregation.value, panel.activation.value) == ("mean", "relu")
    assert not panel.batch_norm.value
    assert state.recipe.model == ModelSpec(operator="sage")
