"""Edits of the recipe: each keeps what it does not concern."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.spec import (
    COMPONENTS,
    FP32,
    LayerQuant,
    LayerSpec,
    ModelSpec,
    Operator,
    OwnModel,
    Percentile,
    Protection,
    QuantSpec,
    SpecError,
    component_spec,
    scheme,
    with_buckets,
)
from explorer.edits import (
    habits,
    with_graph,
    with_model,
    with_network,
    with_preset,
    with_protection,
    with_task,
    with_training,
)
from explorer.presets import PRESETS, preset_of
from explorer.rules import RANGES, ranges_of, with_ranges
from explorer.widths import by_degree_text, with_bits, with_degrees

DQ4 = scheme("degree-quant", bits=4)
OPERATORS = get_args(Operator)
MODELS = {operator: ModelSpec(operator=operator, layers=3) for operator in OPERATORS}
OWN = OwnModel(
    name=f"own:{'0a' * 32}",
    layers=(
        LayerSpec(operator="gat", inputs=64, outputs=12, heads=3, activation="elu"),
        LayerSpec(operator="gin", inputs=12, outputs=10, hidden=5),
    ),
)


def test_what_is_not_trained_is_not_taught() -> None:
    taught = with_preset(DQ4, "SMP INT2")
    assert taught.training.distillation == 0.5
    assert with_preset(taught, "INT8").training.distillation == 0
    narrowed = with_training(taught, narrowing=(8, 4))
    for after in (with_training(narrowed, mode="ptq"), with_preset(narrowed, "FP32")):
        assert (after.training.distillation, after.training.narrowing) == (0, ())
    assert with_preset(narrowed, "SMP INT4").training.narrowing == (8, 4)


@given(st.integers(2, 12), st.integers(2, 12))
def test_depth_keeps_first_and_last(before: int, after: int) -> None:
    recipe = scheme("degree-quant", bits=4, model=ModelSpec(layers=before))
    assert with_model(recipe, layers=after) == scheme(
        "degree-quant", bits=4, model=ModelSpec(layers=after)
    )


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("before", OPERATORS)
@pytest.mark.parametrize("after", OPERATORS)
def test_another_operator_keeps_the_preset(name: str, before: Operator, after: Operator) -> None:
    recipe = with_preset(replace(DQ4, model=MODELS[before], quant=(LayerQuant(),) * 3), name)
    switched = with_model(recipe, operator=after)
    assert preset_of(switched) == name
    assert switched == replace(recipe, model=MODELS[after], quant=switched.quant)


def test_another_operator_keeps_widths_and_protection() -> None:
    recipe = with_protection(DQ4, p_min=0.1, p_max=0.3)
    recipe = with_bits(recipe, range(2), "weight", 2, "degree-quant")
    recipe = with_bits(recipe, range(1), "message", 8, "degree-quant")
    switched = with_model(recipe, operator="gat")
    first, last = switched.quant
    assert switched.protection == Protection(p_min=0.1, p_max=0.3)
    assert [layer.weight.bits for layer in switched.quant] == [2, 2]
    assert [layer.message.bits for layer in switched.quant] == [8, 4]
    assert first.norm == FP32
    assert (first.coefficient.bits, last.coefficient.bits) == (8, 4), "as wide as the messages"
    assert first.attention == component_spec("degree-quant", "attention", 8, signed=True)
    assert ranges_of(switched) == "degree-quant"


def test_another_operator_keeps_a_float_part_in_float() -> None:
    recipe = scheme("qat", bits=8, component_bits={"message": 32, "norm": 32})
    first, _ = with_model(recipe, operator="gat").quant
    assert {c for c in COMPONENTS if not first[c].is_float} == {
        *("input", "weight", "feature", "aggregate", "output")
    }


def test_an_input_is_signed_where_no_relu_precedes_it() -> None:
    own = QuantSpec(bits=4, signed=False, range=Percentile(tail=0.2))
    recipe = replace(DQ4, quant=(DQ4.quant[0], replace(DQ4.quant[1], input=own)))
    attending = with_model(recipe, operator="gat")
    assert attending.quant[1].input == replace(own, signed=True)
    assert with_model(attending, activation="relu").quant[1].input == own
    assert with_model(recipe, activation="none").quant[1].input.signed
    assert with_model(recipe, layers=3).quant[2].input == own


def test_another_operator_comes_with_its_habits() -> None:
    odd = with_model(DQ4, batch_norm=True, activation="elu", residual=True, hidden=12)
    attending = with_model(odd, operator="gat")
    assert attending.model == ModelSpec(operator="gat", hidden=16, residual=True)
    four = with_model(attending, heads=4)
    assert with_model(four, operator="sage").model == ModelSpec(
        operator="sage", hidden=16, residual=True
    )


def test_hidden_features_follow_the_heads() -> None:
    recipe = with_model(DQ4, operator="gat")
    assert with_model(recipe, heads=3).model.hidden == 18
    assert with_model(recipe, heads=4).model.hidden == 16
    with pytest.raises(SpecError, match=r"model\.hidden: got 20, .* multiple of the 8 heads"):
        with_model(recipe, hidden=20)
    for heads in (0, -3, 65):
        with pytest.raises(SpecError, match=r"model\.heads"):
            with_model(recipe, heads=heads)


@pytest.mark.parametrize(
    ("operator", "field", "other"),
    [
        ("gat", "heads", 2),
        ("sage", "aggregation", "max"),
        ("gat", "activation", "relu"),
        ("gcn", "activation", "elu"),
        ("gin", "batch_norm", False),
        ("sage", "batch_norm", True),
    ],
)
def test_a_habit_chosen_again_is_the_same_run(operator: Operator, field: str, other: Any) -> None:
    recipe = with_model(DQ4, operator=operator)
    changed = with_model(recipe, **{field: other})
    assert getattr(changed.model, field) == other
    assert with_model(changed, **{field: habits(operator)[field]}).key == recipe.key


@given(st.integers(2, 6), st.integers(2, 6))
def test_depth_leaves_the_head_of_a_network_for_graphs(before: int, after: int) -> None:
    models = [ModelSpec(operator="gin", layers=layers, pool="mean") for layers in (before, after)]
    recipe, expected = (scheme("qat", bits=4, model=model) for model in models)
    assert with_model(recipe, layers=after) == expected


@pytest.mark.parametrize("name", RANGES)
@given(operator=st.sampled_from(OPERATORS), layers=st.integers(2, 5), bits=st.integers(2, 8))
def test_a_head_for_graphs_is_quantized_like_its_scheme(
    name: str, operator: Operator, layers: int, bits: int
) -> None:
    models = (
        ModelSpec(operator=operator, layers=layers),
        ModelSpec(operator=operator, layers=layers, pool="mean", dropout=0.0),
    )
    of_nodes, of_graphs = (scheme(name, bits=bits, model=model) for model in models)
    assert with_task(of_nodes, True) == of_graphs
    assert with_task(of_graphs, False) == of_nodes
    assert with_task(of_nodes, False) is of_nodes
    assert with_model(of_graphs, pool="max").quant == of_graphs.quant


def test_dropout_that_was_chosen_stays_with_another_task() -> None:
    recipe = with_model(DQ4, dropout=0.3)
    assert with_task(recipe, True).model.dropout == 0.3
    assert with_task(with_task(recipe, True), False) == recipe


def test_a_head_leaves_the_scores_as_they_are_quantized() -> None:
    recipe = scheme("qat", bits=8, component_bits={"output": 4})
    headed = with_task(recipe, True)
    assert [layer.output.bits for layer in headed.quant] == [4, 4, 4, 4]
    assert with_task(headed, False) == recipe


def test_other_graph_drops_what_it_lacks() -> None:
    hubs = with_graph(with_graph(DQ4, name="hubs"), nodes=500, exponent=3.0)
    assert (hubs.graph.nodes, hubs.graph.exponent) == (500, 3.0)
    assert with_graph(hubs, name="Cora").graph.nodes is None
    folded = with_graph(with_graph(DQ4, name="MUTAG"), fold=4)
    assert with_graph(folded, name="PROTEINS").graph.fold is None


@pytest.mark.parametrize("name", PRESETS)
def test_a_persons_own_model_takes_the_preset(name: str) -> None:
    recipe = with_network(with_preset(DQ4, name), OWN)
    assert (preset_of(recipe), recipe.model) == (name, OWN)
    assert recipe.training.mode == ("float" if name == "FP32" else "finetune")
    back = with_network(recipe, ModelSpec(operator="sage"))
    assert preset_of(back) == name
    assert back.training.mode == ("float" if name == "FP32" else "retrain")


def test_a_persons_own_model_is_as_wide_as_what_no_preset_is() -> None:
    recipe = with_protection(scheme("qat", bits=3), p_max=0.2)
    taken = with_network(with_training(recipe, mode="ptq"), OWN)
    assert taken.quant == scheme("qat", bits=3, model=OWN).quant
    assert (taken.protection, taken.training.mode) == (recipe.protection, "ptq")
    assert with_bits(taken, range(2), "coefficient", 8, "qat").quant[0].coefficient.bits == 8
    assert ranges_of(with_ranges(taken, "degree-quant")) == "degree-quant"


def test_a_persons_own_model_keeps_its_shape() -> None:
    recipe = with_network(DQ4, OWN)
    with pytest.raises(SpecError, match="a model of your own"):
        with_model(recipe, hidden=8)
    assert with_task(recipe, True) is recipe
    assert with_graph(recipe, name="karate").model is OWN


@pytest.mark.parametrize(
    "fields",
    [
        {"layers": 4},
        {"operator": "gat"},
        {"operator": "appnp"},
        {"operator": "elastic"},
        {"operator": "gin", "pool": "sum"},
    ],
)
def test_widths_by_in_degree_stay_with_another_network(fields: dict[str, Any]) -> None:
    recipe = with_degrees(scheme("degree-quant", bits=8), "4:4, 16:2")
    changed = with_model(recipe, **fields)
    assert by_degree_text(changed) == "4:4, 16:2"
    assert with_buckets(changed, ()) == with_model(scheme("degree-quant", bits=8), **fields)
    assert with_task(with_task(recipe, True), False).quant == recipe.quant
    assert ranges_of(recipe) == "degree-quant"
