"""A run on stored entries alone gives what all entries give, number for number."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from engine.integer import SparseIntArray
from engine.integer.kernels.table import NUMBA, NUMPY
from engine.integer.plan import bind
from engine.integer.program import ENTRY
from engine.integer.sparsity import sparse_steps
from engine.spec import LayerSpec

WIDTHS = (2, 3, 4, 8, 16)
GATHERING: tuple[LayerSpec, ...] = (
    LayerSpec(operator="gin", inputs=60, outputs=5, hidden=6, eps=0.3),
    LayerSpec(operator="gin", inputs=60, outputs=5, hidden=6, eps=-1.0),
    LayerSpec(operator="sage", inputs=60, outputs=5, aggregation="mean"),
    LayerSpec(operator="sage", inputs=60, outputs=5, aggregation="max"),
    LayerSpec(operator="gcn", inputs=60, outputs=5),
)


def few(rng: np.random.Generator, nodes: int, width: int) -> csr_array:
    """Return features of which few are stored, some of them 0."""
    x = rng.normal(size=(nodes, width)) * (rng.random((nodes, width)) < 0.04)
    stored = csr_array(x.astype(np.float32))
    stored.data[rng.random(stored.nnz) < 0.1] = 0
    return stored


@pytest.mark.parametrize("layer", GATHERING, ids=lambda layer: f"{layer.operator}, {layer.eps}")
@given(seed=st.integers(0, 10_000))
def test_scores_are_those_of_all_entries(case: Callable, layer: LayerSpec, seed: int) -> None:
    drawn = case(seed, layers=(layer,), edges=int(seed % 60), weighted=False, features=60)
    program = drawn.random_program(WIDTHS)
    plan = bind(program, drawn.neighbourhoods, few(drawn.rng, *drawn.x.shape))
    scores = plan.run()
    np.testing.assert_array_equal(scores, plan.trace().scores)
    np.testing.assert_array_equal(scores, plan.run(NUMPY))
    np.testing.assert_array_equal(scores, plan.run())


def test_stored_codes_are_those_among_all(case: Callable) -> None:
    for layer, slots in zip(GATHERING, (2, 2, 2, 0, 0), strict=True):
        drawn = case(3, layers=(layer,), nodes=80, edges=90, weighted=False, features=60)
        program = drawn.quantized(drawn.random_quant((4, 8)))
        plan = bind(program, drawn.neighbourhoods, few(drawn.rng, 80, 60))
        steps = sparse_steps(plan.steps, ENTRY, plan.features)
        assert sum(step.places is not None for step in steps) == slots
        values, trace = {ENTRY: plan.features}, plan.trace()
        for step in steps:
            values[step.target] = value = step.run(values, NUMBA)
            if isinstance(value, SparseIntArray):
                np.testing.assert_array_equal(value.dense().codes(), trace.codes(*step.target))


def test_many_neighbours_leave_nothing_to_skip(case: Callable) -> None:
    drawn = case(3, layers=GATHERING[:1], nodes=40, edges=4000, weighted=False, features=60)
    plan = bind(
        drawn.quantized(drawn.random_quant((8,))), drawn.neighbourhoods, few(drawn.rng, 40, 60)
    )
    assert sparse_steps(plan.steps, ENTRY, plan.features) == plan.steps


def test_a_run_holds_less_of_what_it_stores_in_part(case: Callable) -> None:
    drawn = case(3, layers=GATHERING[:1], nodes=300, edges=300, weighted=False, features=60)
    program = drawn.quantized(drawn.random_quant((8,)))
    x = few(drawn.rng, 300, 60)
    plan = bind(program, drawn.neighbourhoods, x)
    message, aggregate = (plan.bytes_of((0, slot)) for slot in ("message", "aggregate"))
    assert message == -(-x.nnz // 128) * 128
    assert message < aggregate < 300 * 60
    many = bind(program, drawn.neighbourhoods, np.ones((300, 60), np.float32))
    assert plan.buffer_bytes < many.buffer_bytes
