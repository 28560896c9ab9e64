"""Personalised PageRank is composed as its equation says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from engine.integer import NUMPY
from engine.spec import Appnp, ModelSpec


@pytest.mark.parametrize("teleport", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("steps", [1, 5])
def test_float_program_is_the_equation(
    case: Callable, scored: Callable, steps: int, teleport: float
) -> None:
    how = Appnp(teleport=teleport)
    model = ModelSpec(operator="appnp", hidden=6, steps=steps, propagation=how)
    drawn = case(steps, model=model, nodes=20)
    x, smooth = scored(drawn)
    h = x
    for _ in range(steps):
        h = (1 - teleport) * smooth @ h + teleport * x
    np.testing.assert_allclose(drawn.bind(drawn.reference).run(), h, rtol=1e-3, atol=1e-4)


def test_no_norm_is_rounded_and_no_stage_is_in_float(case: Callable) -> None:
    drawn = case(3, model=ModelSpec(operator="appnp", hidden=6, steps=3), nodes=20)
    program = drawn.random_program((8,))
    assert not program.float_stages
    plan = drawn.bind(program)
    assert all(proof.accumulator == np.int64 for proof in plan.proofs if proof.wide)
    names = [proof.stage for proof in plan.proofs if proof.wide]
    assert names == ["2.message", "2.output", "3.output", "4.output"]


@pytest.mark.parametrize("bits", [2, 8, 16])
def test_a_hub_is_summed_exactly(case: Callable, bits: int) -> None:
    """A node with 60,000 neighbours, whose sums the row's factors make large."""
    model = ModelSpec(operator="appnp", layers=1, steps=3)
    drawn = case(1, model=model, nodes=300, edges=60_000, sparse=False)
    plan = drawn.bind(drawn.random_program((bits,)))
    np.testing.assert_array_equal(plan.run(), plan.run(NUMPY))
