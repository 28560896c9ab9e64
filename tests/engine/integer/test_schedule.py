"""A run holds the bytes it says, the same ones again and again, and each run its own."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.integer import Plan
from engine.integer.kernels.memory import ALIGNMENT
from engine.integer.stages.stage import size_bytes
from engine.spec import ModelSpec, scheme

SEEDS = st.integers(0, 2**32 - 1)


def bound(case: Callable, bits: int = 4, nodes: int = 3000, operator: str = "gcn") -> Plan:
    model = ModelSpec(operator=operator, hidden=64)
    drawn = case(
        1, nodes=nodes, edges=4 * nodes, features=60, model=model, sparse=False, weighted=False
    )
    return drawn.bind(drawn.quantized(scheme("ptq", bits=bits, model=model).quant))


def held_bytes(run: Callable[[], Any]) -> tuple[int, int]:
    """Return the most that a run allocates beyond what there was, and what is left of it."""
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    result = run()
    left, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del result
    return most - before, left - before


@pytest.mark.parametrize("bits", [8, 4, 2])
@pytest.mark.parametrize("operator", ["gcn", "gin", "sage"])
def test_a_run_holds_what_the_plan_says(case: Callable, operator: str, bits: int) -> None:
    nodes = 12_000
    plan = bound(case, bits, nodes, operator)
    plan.run()  # compiles
    plan._recordings._free.clear()
    said = plan.buffer_bytes - size_bytes(plan.features)
    most, _ = held_bytes(plan.run)
    small = 50_000  # what the works are told
    assert said - small < most < said + small
    again, left = held_bytes(plan.run)
    scores = 4 * nodes * plan.program.classes
    assert again < scores + small, "the block of the run before is taken again"
    assert left < scores + small


def test_buffers_of_a_gcn(case: Callable) -> None:
    plan = bound(case, bits=4)
    aligned = -(-3000 * 32 // ALIGNMENT) * ALIGNMENT
    scores = 4 * 3000 * plan.program.classes
    entry, hidden = 3000 * 30, 2 * aligned  # a message, and the input made of its sums
    assert plan.buffer_bytes == entry + hidden + scores


@settings(max_examples=30)
@given(seed=SEEDS)
def test_the_block_holds_every_slot_that_is_still_read(case: Callable, seed: int) -> None:
    drawn = case(seed, operators=("gcn", "gat", "gin", "sage"), pool=True)
    plan = drawn.bind(drawn.random_program((2, 4, 8, 32)))
    steps = plan.schedule.steps
    sizes = {step.target: plan.bytes_of(step.target) for step in steps}
    for index, step in enumerate(steps):
        later = {slot for other in steps[index + 1 :] for slot in other.sources}
        live = (later | {step.target, *step.sources}) & {s.target for s in steps[: index + 1]}
        assert sum(sizes[slot] for slot in live) <= plan.schedule.peak_bytes
    released = [slot for done in plan.schedule.releases for slot in done]
    assert len(released) == len(set(released))
    assert plan.program.scores not in released


def test_scores_stay_as_they_are_when_the_plan_runs_again(case: Callable) -> None:
    for bits in (8, 16):
        plan = bound(case, bits, nodes=50)
        scores = plan.run()
        kept = scores.copy()
        assert plan.run() is not scores
        np.testing.assert_array_equal(scores, kept)


def test_scores_in_codes_are_handed_on_in_float(case: Callable) -> None:
    model = ModelSpec(hidden=6)
    drawn = case(4, nodes=30, features=5, model=model, sparse=False)
    quant = drawn.random_quant((8,))
    plan = drawn.bind(drawn.quantized(quant))
    assert plan.program.params_of(plan.program.scores) is not None
    scores = plan.run()
    np.testing.assert_array_equal(scores, plan.trace().scores)
    assert scores.dtype == np.float32
    assert not np.shares_memory(scores, plan._recordings._free[0].block)


def test_runs_at_once_do_not_meet(case: Callable) -> None:
    plan = bound(case, bits=8, nodes=400)
    wanted = plan.trace().scores
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: plan.run(), range(24)))
    for scores in found:
        np.testing.assert_array_equal(scores, wanted)
    assert 1 <= len(plan._recordings._free) <= 4
