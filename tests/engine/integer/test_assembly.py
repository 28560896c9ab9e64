"""Programs are assembled from layers that follow each other, and from their constants alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engine.affine import qparams, quantize
from engine.integer import IntArray, assemble, program_of
from engine.spec import LayerSpec, ModelSpec, QuantSpec, SpecError

PARAMS = qparams(-1, 1, QuantSpec(bits=4))


@pytest.mark.parametrize("operator", ["gcn", "gat", "gin", "sage"])
def test_constants_are_quantized_here(case: Callable, operator: str) -> None:
    model = ModelSpec(operator=operator)
    reference = case(0, model=model).reference
    for name in set(reference.layers[0].slots) & set(reference.layers[0].constants):
        params = {(0, name): PARAMS, (0, "input"): None}
        program = program_of(reference.layers, reference.constants, params)
        held = program.constants[0, name]
        assert isinstance(held, IntArray)
        real = reference.constants[0, name]
        np.testing.assert_array_equal(held.codes(), quantize(real, PARAMS))
        assert program.params == {}
        np.testing.assert_array_equal(program.constants[1, name], reference.constants[1, name])
        again = assemble(program.layers, program.constants, {(0, "input"): PARAMS})
        assert again.constants[0, name] is held
        assert again.stages == program.stages
        assert set(again.params) == {(0, "input")}


@pytest.mark.parametrize("operator", ["gcn", "gat", "gin", "sage"])
def test_every_slot_has_a_stage(case: Callable, operator: str) -> None:
    model = ModelSpec(operator=operator, pool="sum", layers=3)
    program = case(1, model=model, pool=True).reference
    filled = [(0, "input"), *[stage.target for stage in program.stages]]
    read = {slot for stage in program.stages for slot in stage.sources}
    assert len(filled) == len(set(filled))
    slots = {(layer, name) for layer, spec in enumerate(program.layers) for name in spec.slots}
    assert slots == (set(filled) | read) - {(0, "edge_weight"), (1, "edge_weight")}
    assert read - set(filled) <= {s for s in slots if s in program.constants or s[1] == "norm"}
    assert set(filled) - read == {program.scores}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda c: c.pop((1, "own_weight")), r"layers\[1\]\.own_weight: got 'nothing'"),
        (lambda c: c.update({(0, "colour"): np.zeros(2)}), r"constants: got '0\.colour'"),
        (lambda c: c.update({(2, "bias"): np.zeros(2)}), r"constants: got '2\.bias'"),
        (lambda c: c.update({(0, "bias"): np.zeros(2)}), r"layers\[0\]\.bias: got 'shape \(2,\)'"),
        (lambda c: c.update({(1, "weight"): np.zeros((16, 9))}), r"layers\[1\]\.weight"),
        (lambda c: c.update({(1, "weight"): np.full((16, 3), np.nan)}), r"1\.weight"),
    ],
)
def test_refuses_constants(change: Callable[[dict], Any], says: str) -> None:
    layers = ModelSpec(operator="sage").layer_specs(5, 3)
    constants = {
        (layer, name): np.zeros(shape)
        for layer, spec in enumerate(layers)
        for name, shape in spec.constants.items()
    }
    program_of(layers, constants, {})
    change(constants)
    with pytest.raises(SpecError, match=says):
        program_of(layers, constants, {})


NODES = LayerSpec(operator="gcn", inputs=3, outputs=3)
HEAD = LayerSpec(operator="linear", inputs=3, outputs=3, pool="mean")


@pytest.mark.parametrize(
    ("layers", "says"),
    [
        ((), "at least one"),
        ((NODES, replace(NODES, inputs=4)), r"layers\[1\]\.inputs: got 4"),
        ((HEAD, NODES), r"layers\[1\]: got 'gcn"),
        ((HEAD, HEAD), r"layers\[1\]: got 'linear, pool mean"),
        ((NODES, replace(NODES, activation="relu")), r"layers\[1\]\.activation"),
        ((NODES, replace(NODES, batch_norm="after")), r"layers\[1\]\.batch_norm"),
        ((NODES, replace(NODES, residual=True)), r"layers\[1\]\.residual"),
    ],
)
def test_refuses_layers_that_do_not_follow(layers: tuple[LayerSpec, ...], says: str) -> None:
    with pytest.raises(SpecError, match=says):
        program_of(layers, {}, {})
