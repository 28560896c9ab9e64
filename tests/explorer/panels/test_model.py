"""The controls of the network: which appear with which operator, and what they make."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from engine.spec import (
    DiffGroupNorm,
    LayerOperator,
    LayerSpec,
    ModelSpec,
    Operator,
    OwnModel,
    PairNorm,
    scheme,
)
from explorer.edits import with_network, with_task
from explorer.panels.codes import CodesPanel
from explorer.panels.model import ModelPanel
from explorer.presets import preset_of
from explorer.state import State

OF_ONE = {"heads": "gat", "aggregation": "sage"}


def hidden(panel: ModelPanel) -> set[str]:
    return {name for name in OF_ONE if getattr(panel, name).layout.display == "none"}


@pytest.mark.parametrize("operator", get_args(Operator))
def test_controls_of_one_operator_appear_with_it(operator: Operator) -> None:
    state = State(scheme("degree-quant", bits=4))
    panel = ModelPanel(state)
    panel.operator.value = operator
    assert state.recipe.model == ModelSpec(operator=operator)
    assert hidden(panel) == {name for name, owner in OF_ONE.items() if owner != operator}
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


def test_normalisations_over_the_nodes_are_offered_where_there_are_some() -> None:
    state = State(scheme("degree-quant", bits=4))
    panel = ModelPanel(state)
    titles = [title for title, _ in panel.normalization.options]
    assert titles == ["None", "PairNorm", "PairNorm by node", "Group norm"]
    panel.normalization.value = DiffGroupNorm()
    model = ModelSpec(normalization=DiffGroupNorm())
    assert state.recipe == scheme("degree-quant", bits=4, model=model)
    panel.layers.value = 5
    model = replace(model, layers=5)
    assert state.recipe == scheme("degree-quant", bits=4, model=model)
    of_two = ModelSpec(normalization=DiffGroupNorm(groups=2))
    assert state.edit(lambda recipe: scheme("float", model=of_two))
    assert panel.normalization.options[0] == ("2 groups", of_two.normalization)
    assert panel.normalization.value == of_two.normalization
    panel.normalization.value = PairNorm()
    assert state.recipe.model.normalization == PairNorm()
    panel.batch_norm.value = True
    assert "batch_norm: got True" in state.problem
    panel.operator.value = "appnp"
    assert state.recipe.model.normalization is None
    assert panel.normalization.layout.display == "none"


def test_a_network_for_graphs_has_a_choice_of_pool() -> None:
    state = State(scheme("degree-quant", bits=4))
    panel = ModelPanel(state)
    assert panel.pool.layout.display == "none"
    state.edit(lambda recipe: with_task(recipe, True))
    assert (panel.pool.layout.display, panel.pool.value) == (None, "mean")
    panel.pool.value = "sum"
    assert state.recipe == scheme("degree-quant", bits=4, model=ModelSpec(pool="sum", dropout=0.0))


GIVEN = OwnModel(
    name=f"own:{'0a' * 32}",
    layers=(
        LayerSpec(operator="gat", inputs=64, outputs=12, heads=3, activation="elu", dropout=0.25),
        LayerSpec(operator="sage", inputs=12, outputs=10, aggregation="max"),
    ),
)
SHAPE = ("layers", "hidden", "dropout", "heads", "activation", "batch_norm", "residual", "pool")


def test_controls_say_what_an_own_model_is_and_cannot_change_it() -> None:
    state = State(scheme("degree-quant", bits=4))
    panel = ModelPanel(state, [GIVEN])
    assert panel.operator.options[0] == ("Own model 0a0a0a", GIVEN)
    assert panel.note.layout.display == "none"
    panel.operator.value = GIVEN
    assert state.recipe.model == GIVEN
    assert all(getattr(panel, name).disabled for name in SHAPE)
    assert (panel.layers.value, panel.hidden.value, panel.dropout.value) == (2, 12, 0.25)
    assert (panel.heads.value, panel.activation.value) == (3, "elu")
    assert "GAT 64→12, GraphSAGE 12→10" in panel.note.value
    assert "keeps its shape" in panel.note.value
    assert hidden(panel) == set()
    panel.operator.value = "gin"
    assert state.recipe.model == ModelSpec(operator="gin")
    assert not any(getattr(panel, name).disabled for name in SHAPE)
    assert panel.note.layout.display == "none"
    state.undo()
    assert panel.operator.value == GIVEN


def test_an_own_model_that_only_the_recipe_names_is_offered() -> None:
    state = State(scheme("float"))
    panel = ModelPanel(state)
    assert len(panel.operator.options) == 7
    state.edit(lambda recipe: with_network(recipe, GIVEN))
    assert (len(panel.operator.options), panel.operator.value) == (8, GIVEN)


def test_propagations_are_offered_for_nodes_alone() -> None:
    state = State(scheme("qat", bits=4))
    panel = ModelPanel(state)
    panel.operator.value = "smp"
    assert state.recipe == scheme("qat", bits=4, model=ModelSpec(operator="smp"))
    of_graphs = State(scheme("qat", bits=4, model=ModelSpec(operator="gin", pool="mean")))
    assert "smp" not in dict(ModelPanel(of_graphs).operator.options).values()


@pytest.mark.parametrize("operator", ["appnp", "elastic", "smp"])
def test_a_propagation_that_the_recipe_names(operator: LayerOperator) -> None:
    model = ModelSpec(operator=operator, hidden=64)
    state = State(scheme("qat", bits=4, model=model))
    panel = ModelPanel(state)
    assert (panel.operator.value, panel.steps.value) == (operator, 10)
    assert panel.steps.layout.display is None
    panel.steps.value = 3
    assert state.recipe == scheme("qat", bits=4, model=replace(model, steps=3))
    panel.steps.value = 65
    assert "model.steps: got 65" in state.problem
    panel.operator.value = "gcn"
    assert state.recipe == scheme("qat", bits=4, model=ModelSpec(hidden=64))
    assert panel.steps.layout.display == "none"
    state.undo()
    assert (panel.operator.value, panel.steps.value) == (operator, 3)


def test_every_slot_of_a_propagation_has_its_codes() -> None:
    state = State(scheme("qat", bits=4, model=ModelSpec(operator="smp", steps=2)))
    panel = CodesPanel(state)
    offered = []
    for panel.layer.value in range(4):
        offered.append([slot for _, slot in panel.component.options])
    assert offered[2:] == [["message", "change", "output"], ["change", "output"]]
    assert panel.component.value == "output"
