"""Fused steps fill what single ones fill, code by code, and there are fewer of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.integer import NUMBA, NUMPY, IntArray, Plan
from engine.integer.fusion import fuse
from engine.integer.program import ENTRY
from engine.integer.stages.stage import dense
from engine.spec import ModelSpec, scheme

SEEDS = st.integers(0, 2**32 - 1)
OPERATORS = [("gcn",), ("gat",), ("gin",), ("sage",), ("linear",), ("gcn", "gat", "gin", "sage")]


def filled(plan: Plan, kernels: Any) -> dict[Any, Any]:
    """Return what the fused steps fill, each slot kept."""
    values = {ENTRY: plan.features}
    for step in plan.schedule.steps:
        values[step.target] = step.run(values, kernels)
    return values


@pytest.mark.parametrize("kernels", [NUMBA, NUMPY], ids=["numba", "numpy"])
@pytest.mark.parametrize("widths", [(2, 3, 4, 5, 6, 7, 8), (8,), (2,), (4, 8, 32), (2, 8, 16)])
@settings(max_examples=25)
@given(seed=SEEDS, operators=st.sampled_from(OPERATORS), pool=st.booleans())
def test_every_slot_that_both_fill_is_equal(
    case: Callable,
    widths: tuple[int, ...],
    kernels: Any,
    seed: int,
    operators: tuple[str, ...],
    pool: bool,
) -> None:
    drawn = case(seed, operators=operators, pool=pool)
    plan = drawn.bind(drawn.random_program(widths))
    trace = plan.trace()
    for slot, value in filled(plan, kernels).items():
        held, value = dense(trace.value(*slot)), dense(value)
        assert type(value) is type(held)
        if isinstance(value, IntArray):
            assert value.params is held.params
            np.testing.assert_array_equal(value.words, held.words)
        elif isinstance(value, np.ndarray):
            np.testing.assert_array_equal(value, held)
    np.testing.assert_array_equal(plan.run(kernels), trace.scores)


GCN = [
    "0.feature > 0.message",
    "0.aggregate > 0.output > 1.input",
    "1.feature > 1.message",
    "1.aggregate > 1.output",
]
FUSED = {
    "gcn": GCN,
    "gin": [
        "0.message",
        "0.aggregate",
        "0.feature > 0.hidden",
        "0.hidden_feature > 0.output > 1.input > 1.message",
        "1.aggregate",
        "1.feature > 1.hidden",
        "1.hidden_feature > 1.output",
    ],
}


@pytest.mark.parametrize("bits", [8, 4, 2])
@pytest.mark.parametrize("operator", list(FUSED))
def test_which_steps_become_one(case: Callable, operator: str, bits: int) -> None:
    model = ModelSpec(operator=operator, hidden=12)
    drawn = case(3, nodes=40, features=9, model=model, sparse=False, weighted=False)
    plan = drawn.bind(drawn.quantized(scheme("ptq", bits=bits, model=model).quant))
    names = [
        " > ".join(
            f"{layer}.{name}" for layer, name in (s.target for s in (step.stage, *step.through))
        )
        for step in plan.schedule.steps
    ]
    assert names == FUSED[operator]


def test_what_two_steps_read_is_stored(case: Callable) -> None:
    """The input of a residual layer is read by its product and by what leaves it."""
    model = ModelSpec(layers=3, hidden=8, residual=True)
    drawn = case(5, nodes=30, features=6, model=model, sparse=False)
    plan = drawn.bind(drawn.quantized(scheme("ptq", bits=8, model=model).quant))
    targets = [step.target for step in plan.schedule.steps]
    assert (1, "input") in targets
    assert (2, "input") in targets, "of two summands, which is no link"
    assert (1, "output") in targets


def test_sixteen_bits_and_float_stay_single(case: Callable) -> None:
    drawn = case(6, model=ModelSpec(hidden=5), sparse=False)
    for widths in ((16,), (32,)):
        plan = drawn.bind(drawn.random_program(widths))
        assert fuse(plan.steps) == plan.steps


def test_the_work_of_all_steps_is_kept(case: Callable) -> None:
    drawn = case(7, model=ModelSpec(hidden=5), sparse=False)
    plan = drawn.bind(drawn.random_program((8,)))
    single = sum(step.operations for step in plan.steps)
    assert sum(step.operations for step in fuse(plan.steps)) == plan.schedule.operations == single
    stages = [stage for step in fuse(plan.steps) for stage in (step.stage, *step.through)]
    assert sorted(stages, key=id) == sorted((step.stage for step in plan.steps), key=id)
