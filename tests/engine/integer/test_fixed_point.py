"""A common integer scale is fine enough, and never too large for its integer."""

from __future__ import annotations

import numpy as np
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
    point = fixed_point(scales, [reach] * len(scales), [constant], step)
    assert sum(m * reach for m in point.multipliers) + round(constant / point.scale) < 2**63


@given(scale=st.floats(1e-3, 1), reach=st.sampled_from([1, 3, 255]), constant=st.floats(1e-3, 100))
def test_eight_bits_and_a_bias_need_only_int32(scale: float, reach: int, constant: float) -> None:
    step = (scale * reach + constant) / 255
    point = fixed_point([scale], [reach], [constant], step)
    error = abs(scale - point.multipliers[0] * point.scale) * reach
    assert error + point.scale / 2 <= TOLERANCE * step
    assert point.multipliers[0] * reach + round(constant / point.scale) < 2**31


def test_a_fine_step_takes_int64() -> None:
    coarse = fixed_point([1.0, 0.3], [255, 255], [], 100.0)
    fine = fixed_point([1.0, 0.3], [255, 255], [], 1e-6)
    assert max(coarse.multipliers) * 255 < 2**31 < max(fine.multipliers)
    assert fine.multipliers[1] * fine.scale == pytest.approx(0.3, rel=1e-15)


def test_scales_without_a_constant_stay_small() -> None:
    lone = fixed_point([0.1], [255], [], 1.0)
    assert (lone.scale, *lone.multipliers) == (0.1, 1)
    twice = fixed_point([0.25, 0.5], [1000, 255], [], 1e-9)
    assert (twice.scale, *twice.multipliers) == (0.25, 1, 2)
    assert fixed_point([0.1, 0.1], [10, 10], [], 1.0).multipliers == (1, 1)


@given(
    gains=st.lists(st.one_of(st.just(0.0), st.floats(-1e30, 1e30)), min_size=1, max_size=4),
    constant=st.one_of(st.just(0.0), SCALES),
    step=SCALES,
)
def test_columns_have_scales_of_their_own(gains: list[float], constant: float, step: float) -> None:
    scales, bias = np.array(gains), np.full(len(gains), constant)
    point = fixed_point([scales, 0.5], [255, 65535], [bias], step)
    columns, every = (m.astype(object) for m in point.multipliers)
    sums = abs(columns) * 255 + every * 65535 + int(np.rint(constant / point.scale))
    assert (sums < 2**63).all()
    size = (abs(scales) * 255 + 0.5 * 65535 + constant).max()
    close = abs(np.float64(point.multipliers[0]) * point.scale - scales)
    assert (close <= 2.0**-28 * size).all()


def test_gains_of_zero_leave_the_constant() -> None:
    nothing = fixed_point([np.zeros(3)], [255], [np.zeros(3)], 1.0)
    assert np.isfinite(nothing.scale)
    assert not nothing.multipliers[0].any()
    bias = fixed_point([np.zeros(3)], [255], [np.array([0.0, 1.0, -4.0])], 1.0)
    assert bias.scale <= 2 * TOLERANCE


def test_constants_alone_are_as_fine_as_they_can_be() -> None:
    point = fixed_point([], [], [100.0, np.array([0.0, 27.0])], 1.0)
    assert point.multipliers == ()
    assert 2**29 <= 127 / point.scale < 2**31
    fine = fixed_point([], [], [100.0, np.array([0.0, 27.0])], 1e-6)
    assert fine.scale / 2 * 2 <= TOLERANCE * 1e-6
