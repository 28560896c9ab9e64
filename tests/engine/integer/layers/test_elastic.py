"""Elastic message passing is composed as its equations say."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from engine.integer import NUMPY
from engine.spec import Elastic, ModelSpec


@pytest.mark.parametrize("lambda1", [0.0, 0.2, 50.0])
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_float_program_is_the_equations(
    case: Callable, scored: Callable, steps: int, lambda1: float
) -> None:
    how = Elastic(lambda1=lambda1, lambda2=3)
    model = ModelSpec(operator="elastic", hidden=6, steps=steps, propagation=how)
    drawn = case(steps, model=model, nodes=20)
    x, smooth = scored(drawn)
    pairs = drawn.neighbourhoods.incidence
    scale = np.sqrt(np.diag(smooth))  # d^-1/2
    b = np.zeros((pairs.pairs, 20))
    b[np.arange(pairs.pairs), pairs.first] = scale[pairs.first]
    b[np.arange(pairs.pairs), pairs.second] = -scale[pairs.second]
    h, z = x, np.zeros((pairs.pairs, x.shape[1]))
    for _ in range(steps):
        y = how.gamma * x + (1 - how.gamma) * smooth @ h
        z = np.clip(z + how.beta * b @ (y - how.gamma * b.T @ z), -lambda1, lambda1)
        h = y - how.gamma * b.T @ z
    found = drawn.bind(drawn.reference).run()
    np.testing.assert_allclose(found, h, rtol=1e-3, atol=2e-4 * np.abs(h).max())


def test_no_dual_passes_its_bound(case: Callable) -> None:
    how = Elastic(lambda1=0.1, lambda2=3)
    model = ModelSpec(operator="elastic", hidden=6, steps=3, propagation=how)
    drawn = case(5, model=model, nodes=30, edges=90)
    program = drawn.quantized(drawn.random_quant((4, 8)))
    assert not program.float_stages
    plan = drawn.bind(program)
    for step in range(3):
        params = program.params[2 + step, "dual"]
        duals = plan.trace().real(2 + step, "dual")
        assert duals.shape[0] == drawn.neighbourhoods.incidence.pairs
        assert np.abs(duals).max() <= how.lambda1 + float(params.scale) / 2
    np.testing.assert_array_equal(plan.run(), plan.run(NUMPY))


def test_a_graph_without_edges(case: Callable) -> None:
    model = ModelSpec(operator="elastic", hidden=6, steps=3)
    drawn = case(5, model=model, nodes=7, edges=0)
    plan = drawn.bind(drawn.random_program((4,)))
    np.testing.assert_array_equal(plan.run(), plan.run(NUMPY))
