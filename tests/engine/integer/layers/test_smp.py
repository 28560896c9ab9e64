"""Smoothness-aware propagation is composed as its equations say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from engine.integer import Program
from engine.spec import ModelSpec, Smp


def with_multipliers(program: Program, multiplier: float) -> Program:
    held = {
        slot: np.float32([multiplier]) if slot[1] == "multiplier" else constant
        for slot, constant in program.constants.items()
    }
    return replace(program, constants=held)


@pytest.mark.parametrize("multiplier", [0.0, 0.3, 2.0])
@pytest.mark.parametrize("steps", [1, 4])
@pytest.mark.parametrize("how", [Smp(), Smp(eta=0.05, mu=4)])
def test_float_program_is_the_equations(
    case: Callable, scored: Callable, steps: int, multiplier: float, how: Smp
) -> None:
    model = ModelSpec(operator="smp", hidden=6, steps=steps, propagation=how)
    drawn = case(steps, model=model, nodes=20)
    x, smooth = scored(drawn)
    rough = np.eye(20) - smooth
    h = x
    for _ in range(steps):
        change = -how.eta * ((h - x) + how.mu * rough @ h)
        h = h + change - 2 * how.eta * np.float64(np.float32(multiplier)) * rough @ change
    program = with_multipliers(drawn.reference, multiplier)
    np.testing.assert_allclose(drawn.bind(program).run(), h, rtol=1e-3, atol=1e-4)


def test_the_multiplier_is_folded_into_the_factors(case: Callable) -> None:
    """A constant in float32 beside codes: no stage is in float for it, and it counts."""
    drawn = case(6, model=ModelSpec(operator="smp", hidden=6, steps=3), nodes=30, edges=90)
    program = drawn.quantized(drawn.random_quant((8,)))
    small, large = with_multipliers(program, 0.01), with_multipliers(program, 2.0)
    assert not small.float_stages
    assert not np.array_equal(drawn.bind(small).run(), drawn.bind(large).run())
