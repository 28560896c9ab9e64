"""The space that a search has around a recipe."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.search import METHODS, OF_SHAPES, Lpgnas, Space, Uniform
from engine.spec import GraphSpec, ModelSpec, Protection, SpecError, float_twin, scheme
from explorer.edits import with_model, with_training
from explorer.presets import DEFAULT
from explorer.spaces import FLOAT, SHAPES, SPACES, WIDTHS, method_of, read_widths, space_of
from explorer.widths import with_bits


def test_widths_of_the_default_are_the_usual_space() -> None:
    assert space_of(DEFAULT, WIDTHS, (8, 4, 2)) == Space()
    assert space_of(float_twin(DEFAULT), WIDTHS, (8, 4, 2)) == Space()
    assert space_of(scheme("qat", bits=8), WIDTHS, (8, 4)) == Space(scheme="qat", widths=(8, 4))


def test_a_search_keeps_to_the_rules_that_a_recipe_follows() -> None:
    ternary = scheme("ternary", bits=8)
    space = space_of(ternary, WIDTHS, (8, 2))
    assert space.scheme == "ternary"
    assert space.spec(lambda choice: 2).quant[0].weight.ternary
    learned = scheme("smp", bits=2)
    space = space_of(learned, WIDTHS, (8, 2))
    assert space.scheme == "smp"
    assert space.spec(lambda choice: 2) == learned


def test_a_run_that_was_found_leads_back_to_its_space() -> None:
    space = space_of(with_training(DEFAULT, epochs=7), WIDTHS, (8, 2))
    found = space.spec(lambda choice: choice.options[len(choice.name) % 2])
    assert space_of(found, WIDTHS, (8, 2)) == space
    mixed = with_bits(found, range(1), "weight", 8, "qat")
    assert space_of(mixed, WIDTHS, (8, 2)) == space


def test_protection_of_ones_own_and_finetuning_are_kept() -> None:
    protection = Protection(p_min=0.1, p_max=0.3)
    recipe = with_training(replace(DEFAULT, protection=protection), mode="finetune")
    space = space_of(recipe, WIDTHS, (4,))
    assert space.protection == protection
    assert space.spec(lambda choice: 4) == replace(recipe, quant=DEFAULT.quant)
    assert space_of(with_training(DEFAULT, mode="ptq"), WIDTHS, (4,)).training.mode == "retrain"


@pytest.mark.parametrize("operator", ["gcn", "gat", "gin", "sage", "appnp", "smp"])
@pytest.mark.parametrize("kind", SPACES.values())
def test_every_network_has_its_shapes(operator, kind: str) -> None:
    recipe = with_model(DEFAULT, operator=operator)
    space = space_of(recipe, kind, (8, 4))
    usual = space.spec(lambda choice: choice.options[0])
    assert usual.model == recipe.model or usual.model.activates == recipe.model.activates
    count = len(set(space.models()))
    assert (count == 1) == (kind == WIDTHS)
    assert space.widths == ((32,) if kind == FLOAT else (8, 4))


def test_networks_of_graphs_do_not_propagate() -> None:
    recipe = replace(DEFAULT, graph=GraphSpec(name="digits-superpixels"))
    pooled = with_model(recipe, operator="gin", pool="mean")
    assert "appnp" not in space_of(pooled, SHAPES, (8,)).operators


@pytest.mark.parametrize("name", METHODS)
def test_weights_of_the_size_go_to_the_methods_that_have_some(name: str) -> None:
    made = method_of(name, WIDTHS, (0.1, 2))
    assert type(made) is METHODS[name]
    assert getattr(made, "beta_high", 2) == 2
    assert method_of("lpgnas", SHAPES, (0.03, 1)) == OF_SHAPES
    assert method_of("lpgnas", WIDTHS, (0.03, 1)) == Lpgnas()
    assert method_of("uniform", SHAPES, (0, 0)) == Uniform()


def test_what_is_no_space_is_refused() -> None:
    assert read_widths("8, 4 2") == (8, 4, 2)
    for words in ("eight", "8; 4", "2.5"):
        with pytest.raises(SpecError, match="widths"):
            read_widths(words)
    for widths in ((), (9,), (4, 4)):
        with pytest.raises(SpecError, match="widths"):
            space_of(DEFAULT, WIDTHS, widths)
    with pytest.raises(SpecError, match="beta_high"):
        method_of("lpgnas", WIDTHS, (2, 1))
    assert ModelSpec() == space_of(DEFAULT, WIDTHS, (8,)).model


def test_widths_by_in_degree_are_chosen_at_those_of_the_recipe() -> None:
    recipe = scheme("sgquant")
    space = space_of(recipe, WIDTHS, (8, 4, 2))
    assert space == Space(scheme="qat", degrees=(4, 16))
    assert space_of(recipe, SHAPES, (8, 4)).degrees == space_of(recipe, FLOAT, (8,)).degrees == ()
    found = space.spec(lambda choice: 4 if choice.name.endswith(".16") else 8)
    assert space_of(found, WIDTHS, (8, 4, 2)).degrees == (16,)
