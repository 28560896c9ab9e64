"""Edits of widths: each gives a valid recipe or a sentence."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from engine.spec import (
    COMPONENTS,
    ModelSpec,
    Operator,
    accepted_widths,
    component_spec,
    scheme,
)
from explorer.rules import RANGES
from explorer.state import State
from explorer.widths import with_bits

DQ4 = scheme("degree-quant", bits=4)
OPERATORS = get_args(Operator)


@given(
    st.sampled_from(OPERATORS),
    st.integers(2, 9),
    st.sampled_from(RANGES),
    st.data(),
)
def test_one_width_changes_one_component(
    operator: Operator, layers: int, ranges: str, data: st.DataObject
) -> None:
    model = ModelSpec(operator=operator, layers=layers)
    recipe = scheme(ranges, bits=8, model=model)
    layer = data.draw(st.integers(0, layers - 1))
    component = data.draw(st.sampled_from(model.layer_specs(1, 1)[0].components))
    bits = data.draw(st.sampled_from(accepted_widths(component)))
    after = with_bits(recipe, range(layer, layer + 1), component, bits, ranges)
    for at, (old, new) in enumerate(zip(recipe.quant, after.quant, strict=True)):
        for place in COMPONENTS:
            if (at, place) == (layer, component):
                signed = at == 0 or operator == "gat"
                assert new[place] == component_spec(ranges, component, bits, signed=signed)
            else:
                assert new[place] == old[place]


def test_a_width_passes_over_layers_without_the_component() -> None:
    recipe = scheme("qat", bits=8, model=ModelSpec(operator="gin", layers=3, pool="sum"))
    after = with_bits(recipe, range(5), "message", 4, "qat")
    assert [layer.message.bits for layer in after.quant] == [4, 4, 4, 32, 32]


def test_a_width_passes_over_layers_that_are_no_more() -> None:
    """A cell of a deeper network may be chosen while the page still shows it."""
    narrow = with_bits(scheme("qat", bits=4), range(1, 9), "message", 2, "qat")
    assert [layer.message.bits for layer in narrow.quant] == [4, 2]


def test_foreign_rule_is_kept_when_its_width_changes() -> None:
    weight = replace(DQ4.quant[0].weight, gradient="gc-ends")
    recipe = replace(DQ4, quant=(replace(DQ4.quant[0], weight=weight), DQ4.quant[1]))
    after = with_bits(recipe, range(1), "weight", 8, "degree-quant")
    assert after.quant[0].weight == replace(weight, bits=8)


def test_what_only_two_bits_have_goes_with_them() -> None:
    recipe = scheme("ternary", bits=8)
    kept = with_bits(recipe, range(1), "weight", 2, "qat")
    assert kept.quant[0].weight.ternary
    assert not with_bits(recipe, range(1), "weight", 4, "qat").quant[0].weight.ternary
    assert with_bits(recipe, range(1), "weight", 1, "qat").quant[0].weight.bits == 1


def test_signs_of_a_sum_are_refused_in_a_sentence() -> None:
    state = State(DQ4)
    assert not state.edit(lambda recipe: with_bits(recipe, range(1), "message", 1, "qat"))
    assert "message.bits" in state.problem
    assert state.recipe == DQ4


def test_quantizing_a_float_recipe_trains_it() -> None:
    recipe = with_bits(scheme("float"), range(1), "message", 4, "qat")
    assert recipe.training.mode == "retrain"
    assert recipe.quant[0].message == component_spec("qat", "message", 4, signed=True)
