"""A common integer scale is fine enough, and never too large for its integer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.integer.fixed_point import TOLERANCE, fixed_point

SCALES = st.floats(1e-38, 1e38)


@given(
    scales=st.lists(SCALES, min_size=1, max_size=2),
    reach=st.sampled_from([0, 1, 3, 255, 65535]),
    constant=st.one_of(st.just(0.0), SCALES),
    step=SCALES,
)
def test_sums_fit_int64(scales: list[float], reach: int, constant: float, step: float) -> None:
    point = fixed_point(scales, [reach] * len(scales), constant, step)
    assert sum(m * reach for m in point.multipliers) + round(constant / point.scale) < 2**63


@given(
    scales=st.lists(st.floats(1e-3, 1), min_size=2, max_size=2),
    reach=st.sampled_from([1, 3, 255]),
    constant=st.floats(0, 100),
)
def test_eight_bits_need_only_int32(scales: list[float], reach: int, constant: float) -> None:
    step = (sum(scales) * reach + constant) / 255
    point = fixed_point(scales, [reach] * 2, constant, step)
    error = sum(
        abs(s - m * point.scale) * reach for s, m in zip(scales, point.multipliers, strict=True)
    )
    assert error + point.scale / 2 <= TOLERANCE * step
    assert sum(m * reach for m in point.multipliers) + round(constant / point.scale) < 2**31


def test_a_fine_step_takes_int64() -> None:
    coarse = fixed_point([1.0, 0.3], [255, 255], 0.0, 1.0)
    fine = fixed_point([1.0, 0.3], [255, 255], 0.0, 1e-6)
    assert max(coarse.multipliers) * 255 < 2**31 < max(fine.multipliers)
    assert fine.multipliers[1] * fine.scale == pytest.approx(0.3, rel=1e-15)


def test_a_lone_summand_is_exact() -> None:
    point = fixed_point([0.1], [255], 0.0, 1.0)
    assert (point.scale, point.multipliers) == (0.1, (1,))
