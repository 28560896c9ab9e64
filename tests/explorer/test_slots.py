"""Every slot of every operator has words."""

from __future__ import annotations

from typing import get_args

import pytest

from engine.spec import DiffGroupNorm, LayerOperator, LayerSpec, ModelSpec
from explorer.slots import (
    MEANING,
    NORMALIZED,
    TITLES,
    component_meaning,
    components,
    is_of_graphs,
    last_of_nodes,
    meaning,
    numbered,
    options,
    title,
)

LAYERS = {o: LayerSpec(operator=o, inputs=4, outputs=4) for o in get_args(LayerOperator)}
POOLED = LayerSpec(operator="linear", inputs=4, outputs=4, pool="sum")
GROUPED = LayerSpec(operator="gcn", inputs=4, outputs=4, normalization=DiffGroupNorm())
LATER = LayerSpec(operator="elastic", inputs=4, outputs=4, step=2, steps=2)


@pytest.mark.parametrize(
    "layer", [*LAYERS.values(), POOLED, LATER, GROUPED], ids=lambda layer: layer.operator
)
def test_every_slot_has_a_meaning_and_a_title_of_its_own(layer: LayerSpec) -> None:
    slots = tuple(layer.slots)
    assert len({meaning(layer, slot) for slot in slots}) == len(slots)
    assert len({title(slot) for slot in slots}) == len(slots)
    assert options(slots) == [(title(slot), slot) for slot in slots]


def test_no_word_is_left_over() -> None:
    for operator, layer in LAYERS.items():
        more = {"linear": POOLED.slots, "elastic": LATER.slots}.get(operator, {})
        assert MEANING[operator].keys() == layer.slots.keys() | more.keys()
    assert NORMALIZED.keys() == GROUPED.slots.keys() - LAYERS["gcn"].slots.keys()
    every = {slot for layer in (*LAYERS.values(), GROUPED) for slot in layer.slots}
    assert TITLES.keys() <= every


def test_a_component_means_all_its_slots() -> None:
    layer = LAYERS["gin"]
    assert component_meaning("weight", [layer]) == "the first linear map; the second linear map"
    assert "softmax" in component_meaning("coefficient", [LAYERS["gat"]])
    headed = ModelSpec(operator="sage", pool="max").layer_specs(4, 2)
    assert "maximum" in component_meaning("aggregate", headed)


def test_components_of_a_network() -> None:
    headed = ModelSpec(operator="gin", pool="sum").layer_specs(4, 2)
    assert components(headed) == ("input", "weight", "feature", "message", "aggregate", "output")


def test_layers_are_numbered_from_one() -> None:
    assert numbered(2) == [("1", 0), ("2", 1)]


def test_what_a_pool_gathered_is_of_graphs() -> None:
    headed = ModelSpec(operator="gin", pool="sum").layer_specs(4, 2)
    of_graphs = [
        (at, slot)
        for at, layer in enumerate(headed)
        for slot in layer.rows
        if is_of_graphs(headed, at, slot)
    ]
    assert of_graphs == [
        *((2, slot) for slot in ("aggregate", "feature", "output")),
        *((3, slot) for slot in ("input", "feature", "output")),
    ]
    assert last_of_nodes(headed) == 1


def test_a_network_for_nodes_holds_rows_of_nodes_alone() -> None:
    layers = ModelSpec(layers=3).layer_specs(4, 2)
    assert not any(is_of_graphs(layers, at, s) for at, of in enumerate(layers) for s in of.rows)
    assert last_of_nodes(layers) == 2
