"""The one-pass kernels: against plain NumPy, whatever the guess, the mask and the rule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engine.affine import percentiles
from engine.learning import fused

NOBODY = np.zeros(0, np.bool_)
SHAPES = st.tuples(st.integers(0, 20), st.integers(1, 5))
REALS = st.sampled_from([0.0, 1.0, -1.0]) | st.floats(-100, 100, width=32)
TAILS = st.floats(0, 0.5, exclude_max=True)


@st.composite
def masked(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    x = draw(arrays(np.float32, SHAPES, elements=REALS))
    return x, draw(st.just(NOBODY) | arrays(np.bool_, len(x)))


@given(given=masked(), tail=TAILS, low=st.floats(-100, 0), high=st.floats(0, 100))
def test_tails_whatever_the_guess(
    given: tuple[np.ndarray, np.ndarray], tail: float, low: float, high: float
) -> None:
    x, protected = given
    rows = x[~protected] if protected.size else x
    bottom, top = percentiles(rows, tail)
    expected = (True, min(bottom, 0), max(top, 0))
    guessed = fused.tails(x, protected, tail, np.float32(low), np.float32(high))
    assert guessed == expected if guessed[0] else low or high
    assert fused.tails(x, protected, tail, np.float32(0), np.float32(0)) == expected


def test_a_guess_below_the_quantile_is_found() -> None:
    x = np.random.default_rng(0).normal(size=(2000, 16)).astype(np.float32)
    bottom, top = percentiles(x, 0.001)
    good = fused.tails(x, NOBODY, 0.001, np.float32(0.93 * bottom), np.float32(0.93 * top))
    assert good == (True, bottom, top)
    wide = fused.tails(x, NOBODY, 0.001, np.float32(1.1 * bottom), np.float32(1.1 * top))
    assert not wide[0]
    loose = fused.tails(x, NOBODY, 0.001, np.float32(0), np.float32(0))
    assert not loose[0], "more entries than there is room for"


@pytest.mark.parametrize("rule", [fused.STE, fused.GC, fused.GC_ENDS])
@given(
    given=masked(),
    scale=st.floats(2.0**-10, 4, width=32),
    zero=st.integers(0, 15),
    data=st.data(),
)
def test_to_grid_equals_numpy(
    rule: int,
    given: tuple[np.ndarray, np.ndarray],
    scale: float,
    zero: int,
    data: st.DataObject,
) -> None:
    x, protected = given
    columns = x.shape[1]
    by_channel = data.draw(st.booleans())
    scales = np.full(columns if by_channel else 1, scale, np.float32)
    scales[-1] /= 3
    zeros = np.full(len(scales), zero, np.float32)
    x_hat, passes = np.full_like(x, np.nan), np.full_like(x, np.nan)
    ends = np.float32(0), np.float32(15)
    fused.to_grid(x, scales, zeros, *ends, protected, rule, x_hat, passes)
    rounded = np.rint(x / scales) + zeros
    expected = (np.clip(rounded, 0, 15) - zeros) * scales
    inside = (
        (rounded > 0) & (rounded < 15)
        if rule == fused.GC_ENDS
        else (rounded >= 0) & (rounded <= 15)
    )
    if protected.size:
        expected[protected] = x[protected]
        inside[protected] = True
    assert x_hat.view(np.int32).tolist() == expected.view(np.int32).tolist()
    if rule == fused.STE:
        assert np.isnan(passes).all()
    else:
        np.testing.assert_array_equal(passes, inside)


def test_to_grid_passes_nan_on_and_clamps_infinities() -> None:
    x = np.array([[np.nan, np.inf, -np.inf]], np.float32)
    x_hat, passes = np.empty_like(x), np.empty_like(x)
    one, zero = np.ones(1, np.float32), np.zeros(1, np.float32)
    fused.to_grid(x, one, zero, np.float32(-8), np.float32(7), NOBODY, fused.GC, x_hat, passes)
    np.testing.assert_array_equal(x_hat, [[np.nan, 7, -8]])
    assert passes.tolist() == [[0, 0, 0]]
