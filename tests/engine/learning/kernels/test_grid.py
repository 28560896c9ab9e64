"""Onto the grid in one pass: NumPy's arithmetic, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engine.learning.kernels import grid

NOBODY = np.zeros(0, np.bool_)
SHAPES = st.tuples(st.integers(0, 20), st.integers(1, 5))
REALS = st.sampled_from([0.0, 1.0, -1.0]) | st.floats(-100, 100, width=32)


@st.composite
def masked(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    x = draw(arrays(np.float32, SHAPES, elements=REALS))
    return x, draw(st.just(NOBODY) | arrays(np.bool_, len(x)))


@pytest.mark.parametrize("rule", [grid.STE, grid.GC, grid.GC_ENDS, grid.WITHIN])
@given(
    given=masked(),
    scale=st.floats(2.0**-10, 4, width=32),
    zero=st.integers(0, 15),
    by_channel=st.booleans(),
)
def test_to_grid_equals_numpy(
    rule: int, given: tuple[np.ndarray, np.ndarray], scale: float, zero: int, by_channel: bool
) -> None:
    x, protected = given
    scales = np.full(x.shape[1] if by_channel else 1, scale, np.float32)
    scales[-1] /= 3
    zeros = np.full(len(scales), zero, np.float32)
    x_hat, passes = np.full_like(x, np.nan), np.zeros(x.shape, np.bool_)
    ends = np.float32(0), np.float32(15)
    grid.to_grid(x, scales, zeros, *ends, protected, rule, x_hat, passes)
    rounded = np.rint(x / scales) + zeros
    expected = (np.clip(rounded, 0, 15) - zeros) * scales
    inside = (
        (rounded > 0) & (rounded < 15) if rule == grid.GC_ENDS else (rounded >= 0) & (rounded <= 15)
    )
    if rule == grid.WITHIN:
        inside = (x / scales >= -zeros) & (x / scales <= 15 - zeros)
    if protected.size:
        expected[protected] = x[protected]
        inside[protected] = True
    assert x_hat.view(np.int32).tolist() == expected.view(np.int32).tolist()
    np.testing.assert_array_equal(passes, inside & (rule != grid.STE))


def test_to_grid_passes_nan_on_and_clamps_infinities() -> None:
    x = np.array([[np.nan, np.inf, -np.inf]], np.float32)
    x_hat, passes = np.empty_like(x), np.ones(x.shape, np.bool_)
    one, zero = np.ones(1, np.float32), np.zeros(1, np.float32)
    grid.to_grid(x, one, zero, np.float32(-8), np.float32(7), NOBODY, grid.GC, x_hat, passes)
    np.testing.assert_array_equal(x_hat, [[np.nan, 7, -8]])
    assert passes.tolist() == [[False] * 3]


@given(given=masked(), factor=st.sampled_from([1.0, 2.5]))
def test_let_pass_is_a_product(given: tuple[np.ndarray, np.ndarray], factor: float) -> None:
    upstream = given[0].ravel()
    passes = upstream > 0.5
    grad = np.full_like(upstream, np.nan)
    grid.let_pass(np.float32(factor), upstream, passes, grad)
    np.testing.assert_array_equal(grad, upstream * np.where(passes, np.float32(factor), 0))
