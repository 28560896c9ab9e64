"""The GCN is composed as its equations say, and refuses weights that do not fit."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from scipy.sparse import issparse

from engine.affine import qparams, quantize
from engine.integer import GcnWeights, IntArray, gcn_program
from engine.spec import ModelSpec, QuantSpec, SpecError


def weights(*widths: int) -> list[GcnWeights]:
    rng = np.random.default_rng(0)
    return [
        GcnWeights(
            rng.normal(size=(a, b)).astype(np.float32), rng.normal(size=b).astype(np.float32)
        )
        for a, b in pairwise(widths)
    ]


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("layers", [2, 4])
def test_float_program_is_the_equation(
    case: Callable, layers: int, weighted: bool, residual: bool
) -> None:
    model = ModelSpec(layers=layers, hidden=6, residual=residual)
    drawn = case(layers, model=model, weighted=weighted, nodes=20)
    neighbours = drawn.neighbours
    adjacency = np.zeros((20, 20))
    weight = np.ones(neighbours.edges) if neighbours.weight is None else neighbours.weight
    np.add.at(adjacency, (neighbours.targets(), neighbours.source), weight)
    adjacency *= np.outer(neighbours.coefficient, neighbours.coefficient)
    h = drawn.x.toarray() if issparse(drawn.x) else drawn.x
    for layer in range(layers):
        constants = drawn.reference.constants
        out = adjacency @ h @ constants[layer, "weight"] + constants[layer, "bias"]
        if layer < layers - 1:
            out = np.maximum(out, 0) + (h if residual and layer > 0 else 0)
        h = out
    np.testing.assert_allclose(drawn.bind(drawn.reference).run(), h, rtol=1e-3, atol=1e-5)


def test_weights_are_quantized_here() -> None:
    layers = weights(5, 16, 3)
    params = qparams(-1, 1, QuantSpec(bits=4))
    program = gcn_program(ModelSpec(), layers, {(0, "weight"): params, (0, "input"): None})
    held = program.constants[0, "weight"]
    assert isinstance(held, IntArray)
    np.testing.assert_array_equal(held.codes(), quantize(layers[0].weight, params))
    assert program.params == {}
    np.testing.assert_array_equal(program.constants[1, "weight"], layers[1].weight)


@pytest.mark.parametrize(
    ("widths", "field"),
    [((5, 16), "layers"), ((5, 8, 3), r"layers\[0\]\.weight"), ((5, 16, 16, 3), "layers")],
)
def test_refuses_weights_that_do_not_fit(widths: tuple[int, ...], field: str) -> None:
    with pytest.raises(SpecError, match=field):
        gcn_program(ModelSpec(layers=2, hidden=16), weights(*widths), {})


def test_refuses_a_bias_that_does_not_fit() -> None:
    first, last = weights(5, 16, 3)
    with pytest.raises(SpecError, match=r"layers\[1\]\.bias"):
        gcn_program(ModelSpec(), [first, GcnWeights(last.weight, last.bias[:2])], {})
