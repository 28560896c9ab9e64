"""The Python of a recipe makes that very recipe."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.spec import GraphSpec, ModelSpec, RunSpec, TrainingSpec, scheme
from explorer.edits import with_model, with_preset, with_protection
from explorer.panels.recipe import python_for
from explorer.presets import PRESETS
from explorer.widths import with_bits

BASE = scheme("degree-quant", bits=4)
OTHER = scheme(
    "qat",
    bits=8,
    graph=GraphSpec(name="hubs", nodes=500),
    model=ModelSpec(layers=5, residual=True),
    training=TrainingSpec(epochs=31, lr=0.02),
    seed=4,
)


@pytest.mark.parametrize(
    "recipe",
    [
        *(with_preset(base, name) for base in (BASE, OTHER) for name in PRESETS),
        replace(OTHER, training=replace(OTHER.training, mode="finetune")),
        replace(BASE, training=replace(BASE.training, mode="ptq")),
        with_bits(OTHER, range(1, 4), "message", 2, "qat"),
        with_protection(BASE, p_max=0.3),
        with_model(with_model(BASE, operator="gat"), heads=2, activation="relu"),
        with_model(with_model(OTHER, operator="sage"), aggregation="max", batch_norm=True),
        with_bits(with_model(BASE, operator="gin"), range(1), "aggregate", 8, "qat"),
        replace(BASE, graph=GraphSpec(name="quotes ' \" \\ and a new\nline")),
    ],
)
def test_python_makes_the_recipe(recipe: RunSpec) -> None:
    source = python_for(recipe)
    made, _, loop = source.partition("for event in")
    names: dict[str, object] = {}
    exec(made.replace("from engine import experiment\n", ""), names)
    assert names["recipe"] == recipe
    compile("for event in" + loop, "loop", "exec")
