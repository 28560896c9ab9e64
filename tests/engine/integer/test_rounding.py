"""What is proven holds for every sum, and what cannot hold is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.integer.rounding import near_codes, near_sums


def rounded(x: np.ndarray, near: np.ndarray, low: int, high: int) -> np.ndarray:
    scaled = x.astype(np.float32)[:, None] * near[0] + near[1]
    return np.rint(np.clip(scaled, np.float32(low), np.float32(high)))


@settings(max_examples=150)
@given(seed=st.integers(0, 2**32 - 1), bits=st.integers(2, 8), bound=st.integers(0, 200_000))
def test_every_sum(seed: int, bits: int, bound: int) -> None:
    rng = np.random.default_rng(seed)
    zero = int(rng.integers(1 << bits))
    low, high = -zero, (1 << bits) - 1 - zero
    factor = 10.0 ** rng.uniform(-7, 1, 3) * rng.choice([1, -1], 3)
    factor[0] = rng.choice([0, 0.5, 0.25, 1 / 3, 1 / 6, 1, 1.5, 1e-12, 7e8])
    near = near_sums(factor, low, high, bound)
    if near is None:
        return
    sums = np.arange(-bound, bound + 1)
    exact = np.clip(np.rint(sums[:, None] * factor), low, high)
    np.testing.assert_array_equal(rounded(sums, near, low, high), exact)


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_one_scale_of_most_stages_is_proven(bits: int) -> None:
    rng = np.random.default_rng(bits)
    high = (1 << bits) - 1
    for _ in range(20):
        factor = np.full(128, 2.0 ** rng.uniform(-10, -5))
        assert near_sums(factor, -(high // 2), high - high // 2, 1 << 20) is not None


def test_refused() -> None:
    """Sums beyond 2^24 are no float32, so some of those next to a step would go astray."""
    factor, low, high = np.array([2.0**-18 * 1.2345]), -128, 127
    assert near_sums(factor, low, high, 1 << 25) is None
    middles = np.arange(low, high) + 0.5
    sums = np.floor(middles / factor[0]) + np.arange(2)[:, None]
    sums = sums[np.abs(sums) < 1 << 25]
    exact = np.clip(np.rint(sums * factor[0]), low, high)
    naive = np.stack([factor, [0.0]]).astype(np.float32)
    assert (rounded(sums, naive, low, high)[:, 0] != exact).any()
    assert near_sums(factor, low, high, 1 << 12) is not None, "none of those sums is met"
    assert near_sums(factor, low, high, 1 << 31) is None


def test_codes_are_all_tried() -> None:
    codes = np.arange(-5, 11)
    wanted = np.clip(np.rint(codes * 0.37 + 1.2), 0, 7)[:, None]
    near = near_codes(codes, wanted, np.array([0.37]), 0, 7)
    assert near is not None
    np.testing.assert_array_equal(rounded(codes, near, 0, 7), wanted)
    wanted[3] = 5  # not on the way from 0 to 7
    assert near_codes(codes, wanted, np.array([0.37]), 0, 7) is None
