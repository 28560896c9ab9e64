"""Edits of the recipe: each gives a valid recipe or a sentence, and can be undone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.spec import COMPONENTS, FP32, WIDTHS, ModelSpec, RunSpec, float_twin, scheme
from engine.spec.schemes import component_spec
from explorer.state import (
    CUSTOM,
    PRESETS,
    RANGES,
    State,
    preset_of,
    ranges_of,
    with_bits,
    with_graph,
    with_model,
    with_preset,
    with_protection,
    with_ranges,
    with_training,
)

DQ4 = scheme("degree-quant", bits=4)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("layers", [2, 3, 7])
def test_preset_is_recognised(name: str, layers: int) -> None:
    recipe = with_preset(with_model(DQ4, layers=layers), name)
    assert preset_of(recipe) == name
    assert (recipe.training.mode == "float") == (name == "FP32")


def test_preset_keeps_what_it_does_not_set() -> None:
    recipe = with_training(replace(DQ4, seed=7), epochs=31, mode="finetune")
    after = with_preset(recipe, "INT8")
    assert (after.seed, after.training) == (7, recipe.training)
    assert with_preset(with_preset(recipe, "FP32"), "INT8").training.mode == "retrain"


@given(
    st.integers(2, 9),
    st.sampled_from(COMPONENTS),
    st.sampled_from(WIDTHS),
    st.sampled_from(RANGES),
    st.data(),
)
def test_one_width_changes_one_component(
    layers: int, component: str, bits: int, ranges: str, data: st.DataObject
) -> None:
    recipe = scheme(ranges, bits=8, model=ModelSpec(layers=layers))
    layer = data.draw(st.integers(0, layers - 1))
    after = with_bits(recipe, range(layer, layer + 1), component, bits, ranges)
    for at, (old, new) in enumerate(zip(recipe.quant, after.quant, strict=True)):
        for place in COMPONENTS:
            if (at, place) == (layer, component):
                expected = FP32 if bits == 32 else component_spec(ranges, component, bits, layer=at)
                assert new[place] == expected
            else:
                assert new[place] == old[place]


def test_foreign_rule_is_kept_when_its_width_changes() -> None:
    weight = replace(DQ4.quant[0].weight, gradient="gc-ends")
    recipe = replace(DQ4, quant=(replace(DQ4.quant[0], weight=weight), DQ4.quant[1]))
    after = with_bits(recipe, range(1), "weight", 8, "degree-quant")
    assert after.quant[0].weight == replace(weight, bits=8)


def test_quantizing_a_float_recipe_trains_it() -> None:
    recipe = with_bits(scheme("float"), range(1), "message", 4, "qat")
    assert recipe.training.mode == "retrain"
    assert recipe.quant[0].message == component_spec("qat", "message", 4, layer=0)


@given(st.integers(2, 12), st.integers(2, 12))
def test_depth_keeps_first_and_last(before: int, after: int) -> None:
    recipe = scheme("degree-quant", bits=4, model=ModelSpec(layers=before))
    assert with_model(recipe, layers=after) == scheme(
        "degree-quant", bits=4, model=ModelSpec(layers=after)
    )


@pytest.mark.parametrize("name", RANGES)
def test_ranges_are_recognised(name: str) -> None:
    assert ranges_of(with_ranges(DQ4, name)) == name
    widths = [[s.bits for _, s in layer.items()] for layer in with_ranges(DQ4, name).quant]
    assert widths == [[s.bits for _, s in layer.items()] for layer in DQ4.quant]
    assert ranges_of(scheme("float")) is None


def test_other_graph_drops_what_it_lacks() -> None:
    hubs = with_graph(with_graph(DQ4, name="hubs"), nodes=500, exponent=3.0)
    assert (hubs.graph.nodes, hubs.graph.exponent) == (500, 3.0)
    assert with_graph(hubs, name="Cora").graph.nodes is None


def test_float_twin_is_the_same_for_all_schemes() -> None:
    recipes = [with_preset(with_protection(DQ4, p_max=0.5), name) for name in PRESETS]
    assert len({float_twin(recipe).key for recipe in recipes}) == 1


def test_refused_edit_says_why_and_changes_nothing() -> None:
    state = State(DQ4)
    assert not state.edit(lambda recipe: with_model(recipe, hidden=0))
    assert state.recipe is DQ4
    assert "model.hidden" in state.problem
    assert "1 to 4096" in state.problem
    assert not state.can_undo
    assert state.edit(lambda recipe: with_model(recipe, hidden=8))
    assert state.problem == ""


def test_undo_goes_back_one_edit_at_a_time() -> None:
    state = State(DQ4)
    state.edit(lambda recipe: with_model(recipe, hidden=8))
    state.edit(lambda recipe: recipe)
    state.edit(lambda recipe: with_preset(recipe, "INT8"))
    state.undo()
    assert preset_of(state.recipe) == "Degree-Quant 4"
    assert state.recipe.model.hidden == 8
    state.undo()
    assert state.recipe == DQ4
    assert not state.can_undo
    state.undo()
    assert state.recipe == DQ4


def test_other_graph_forgets_the_node() -> None:
    state = State(DQ4)
    state.node = 5
    state.edit(lambda recipe: with_model(recipe, hidden=8))
    assert state.node == 5
    state.edit(lambda recipe: with_graph(recipe, name="karate"))
    assert state.node is None


def test_custom_is_what_no_preset_is() -> None:
    assert preset_of(with_protection(DQ4, p_max=0.2)) == CUSTOM
    assert preset_of(RunSpec()) == "FP32"
