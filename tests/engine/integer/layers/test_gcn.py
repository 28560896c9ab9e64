"""The GCN is composed as its equations say."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.sparse import issparse

from engine.spec import ModelSpec


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
