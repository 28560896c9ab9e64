"""The presets: a recipe's own is recognised, and leaves what it does not set."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.spec import (
    RunSpec,
    float_twin,
    scheme,
)
from explorer.edits import (
    with_model,
    with_preset,
    with_protection,
    with_training,
)
from explorer.presets import CUSTOM, PRESETS, preset_of

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


def test_custom_is_what_no_preset_is() -> None:
    assert preset_of(with_protection(DQ4, p_max=0.2)) == CUSTOM
    assert preset_of(RunSpec()) == "FP32"


def test_float_twin_is_the_same_for_all_schemes() -> None:
    recipes = [with_preset(with_protection(DQ4, p_max=0.5), name) for name in PRESETS]
    assert len({float_twin(recipe).key for recipe in recipes}) == 1
