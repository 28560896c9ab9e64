"""The affine map: against plain loops, exact at zero, and at the ends of every width."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import skew

from engine.affine import (
    FURTHEST,
    SMALLEST_SCALE,
    QParams,
    dequantize,
    fitted,
    lean,
    magnitude,
    percentiles,
    qparams,
    quantize,
)
from engine.spec import WIDTHS, LearnedStep, MinMax, QuantSpec

F32 = np.float32
ENDS = st.floats(-(2.0**100), 2.0**100, width=32)
REALS = st.just(0.0) | st.floats(-1e4, 1e4, width=32)
SPECS = st.builds(
    QuantSpec,
    bits=st.sampled_from(WIDTHS[1:-1]),
    signed=st.booleans(),
    range=st.sampled_from([MinMax(), LearnedStep()]),
)
ROWS = arrays(np.float32, st.tuples(st.integers(0, 12), st.integers(1, 3)), elements=REALS)


@given(low=ENDS, high=ENDS, spec=SPECS)
def test_every_range_contains_zero_and_its_ends(low: float, high: float, spec: QuantSpec) -> None:
    params = qparams(low, high, spec)
    assert params.scale.dtype == np.float32
    assert params.zero.dtype == np.int32
    assert spec.qmin <= params.zero <= spec.qmax
    assert dequantize(params.zero, params) == 0
    lowest, highest = dequantize(np.array([spec.qmin, spec.qmax], np.int32), params)
    slack = 0.51 * params.scale
    if spec.symmetric:
        assert highest >= max(-low, high, 0) * (1 - 1e-6)
    else:
        assert lowest <= min(low, 0) + slack
        assert highest >= max(high, 0) - slack
        reach = max(high, 0) - min(low, 0)
        assert params.scale * (spec.qmax - spec.qmin) <= max(
            reach * (1 + 1e-6), SMALLEST_SCALE * 2**16
        )


@pytest.mark.parametrize("bits", WIDTHS[1:-1])
@pytest.mark.parametrize("signed", [True, False])
def test_parameters_by_hand(bits: int, signed: bool) -> None:
    spec = QuantSpec(bits=bits, signed=signed)
    params = qparams(-1.0, 3.0, spec)
    steps = 2**bits - 1
    assert params.scale == F32(4) / F32(steps)
    assert params.zero == spec.qmin + round(steps / 4)
    symmetric = qparams(-1.0, 3.0, QuantSpec(bits=bits, signed=signed, range=LearnedStep()))
    assert symmetric.scale == F32(3) / F32(spec.qmax)
    assert symmetric.zero == 0


def test_parameters_of_each_channel() -> None:
    spec = QuantSpec(bits=8, granularity="channel")
    params = qparams([-1, 0, 2], [1, 0, 4], spec)
    np.testing.assert_array_equal(params.scale, F32([1, 0, 4]) / F32(127) + F32([0, 2**-64, 0]))
    assert params.zero.tolist() == [0, 0, 0]


def test_an_empty_range_has_the_smallest_scale() -> None:
    params = qparams(0, 0, QuantSpec(bits=4))
    assert params.scale == SMALLEST_SCALE
    assert quantize(np.zeros(3, np.float32), params).tolist() == [params.zero] * 3
    assert quantize(F32([1e30, -1e30]), params).tolist() == [7, -8]


@pytest.mark.parametrize(
    ("low", "high"),
    [(0, np.nan), (np.nan, 0), (-np.inf, 0), (0, np.inf), (np.inf, 1), (0, 1e300), (-3e38, 3e38)],
)
def test_a_range_beyond_float32_is_refused(low: float, high: float) -> None:
    with pytest.raises(ValueError, match="a range must be finite in float32"):
        qparams(low, high, QuantSpec(bits=8))


@given(x=ROWS, low=REALS, high=REALS, spec=SPECS)
def test_quantize_equals_a_loop(x: np.ndarray, low: float, high: float, spec: QuantSpec) -> None:
    params = qparams(low, high, spec)
    codes = quantize(x, params)
    assert codes.dtype == np.int32
    for row, of_row in zip(x.tolist(), codes.tolist(), strict=True):
        for real, code in zip(row, of_row, strict=True):
            rounded = round(real / float(params.scale))  # Python's round is half to even
            assert code == min(max(rounded + int(params.zero), spec.qmin), spec.qmax)
    np.testing.assert_array_equal(
        dequantize(codes, params), (codes - params.zero).astype(np.float32) * params.scale
    )


@pytest.mark.parametrize("bits", WIDTHS[1:-1])
@pytest.mark.parametrize("signed", [True, False])
def test_every_code_survives_the_round_trip(bits: int, signed: bool) -> None:
    spec = QuantSpec(bits=bits, signed=signed)
    codes = np.arange(spec.qmin, spec.qmax + 1, dtype=np.int32)
    for low, high in ((-1.0, 2.0), (-0.37, 0.0), (0.0, 1e-20), (-1e20, 3e19)):
        params = qparams(low, high, spec)
        np.testing.assert_array_equal(quantize(dequantize(codes, params), params), codes)


@given(x=ROWS, spec=SPECS.filter(lambda spec: spec.signed))
def test_error_inside_the_range_is_half_a_step(x: np.ndarray, spec: QuantSpec) -> None:
    params = qparams(x.min(initial=0), x.max(initial=0), spec)
    error = np.abs(dequantize(quantize(x, params), params) - x)
    whole = 0.5 if spec.symmetric else 1.0  # the zero point is rounded too
    assert (error <= params.scale * (whole + 1e-2)).all()


@pytest.mark.parametrize("shift", [-FURTHEST, -1, 0, 17, FURTHEST])
@pytest.mark.parametrize("truncation", ["none", "skewed"])
def test_no_code_in_range_is_farther_than_its_rounding(truncation: str, shift: int) -> None:
    spec = QuantSpec(bits=2, signed=False, truncation=truncation)
    params = QParams(spec, F32(0.37), np.int32(0), shift)
    steps = np.linspace(0.51, 2.49, 20_001)
    away = np.abs(quantize(steps * np.float64(params.scale), params) - steps).max()
    assert params.rounding - 0.01 < away <= params.rounding + 1e-6


@given(x=ROWS, low=REALS, high=REALS, signed=st.booleans(), shift=st.integers(-FURTHEST, FURTHEST))
def test_truncated_codes_by_their_definition(
    x: np.ndarray, low: float, high: float, signed: bool, shift: int
) -> None:
    """As published, on codes from 0 to 255: ``round((q + k) / 85)``; 0.0 keeps its code."""
    plain = qparams(low, high, QuantSpec(bits=2, signed=signed, truncation="skewed"))
    params = replace(plain, shift=shift)
    zero = int(params.zero) - params.spec.qmin
    assert params.first.scale == params.scale / F32(85)
    assert params.first.zero - params.first.spec.qmin == 85 * zero
    codes = quantize(x, params)
    for place in np.ndindex(*x.shape):
        fine = round(float(x[place]) / float(params.first.scale)) + 85 * zero
        code = round((min(max(fine, 0), 255) + shift) / 85)
        assert codes[place] - params.spec.qmin == code
    assert quantize(F32([0]), params).tolist() == [params.zero]


@given(x=arrays(np.float32, st.integers(2, 40), elements=st.floats(-100, 100, width=32)))
def test_the_shift_is_that_of_the_skewness(x: np.ndarray) -> None:
    wide = x.astype(np.float64)
    if wide.std() > 1e-3:
        assert lean(x) == pytest.approx(42 * np.tanh(skew(wide)), abs=1e-6)


def test_nothing_is_not_skewed() -> None:
    assert lean(np.zeros(0, F32)) == lean(np.zeros(5, F32)) == 0


def test_a_fitted_range_leaves_the_least_error() -> None:
    x = np.random.default_rng(0).standard_normal((500, 3)).astype(F32)
    x[0] = [30, 1, -60]
    for granularity in ("tensor", "channel"):
        axis = 0 if granularity == "channel" else None
        spec = QuantSpec(bits=2, granularity=granularity)
        whole = qparams(x.min(axis), x.max(axis), spec)
        held = fitted(x, whole)
        least = np.abs(dequantize(quantize(x, held), held) - x).mean(axis)
        for share in np.linspace(0.05, 1, 20, dtype=F32):
            tried = replace(whole, scale=np.asarray(share * whole.scale))
            error = np.abs(dequantize(quantize(x, tried), tried) - x).mean(axis)
            assert (error >= least - 1e-6).all()
        assert (held.scale < 0.5 * whole.scale).any()
    assert fitted(x[:0], whole) is whole


def test_each_channel_has_its_own_scale() -> None:
    spec = QuantSpec(bits=8, granularity="channel")
    params = QParams(spec, F32([1, 10]), np.zeros(2, np.int32))
    x = F32([[5, 5], [-3, 40]])
    assert quantize(x, params).tolist() == [[5, 0], [-3, 4]]
    assert dequantize(quantize(x, params), params).tolist() == [[5, 0], [-3, 40]]


def slow_percentiles(x: np.ndarray, tail: float) -> tuple[float, float]:
    values = sorted(value for value in x.ravel().tolist() if value != 0)
    if not values:
        return 0.0, 0.0
    cut = int(tail * (len(values) - 1))
    return values[cut], values[-1 - cut]


@given(x=ROWS, tail=st.floats(0, 0.5, exclude_max=True))
def test_percentiles_equal_a_sorted_list(x: np.ndarray, tail: float) -> None:
    assert percentiles(x, tail) == slow_percentiles(x, tail)


def test_percentiles_of_a_sparse_tensor_are_not_empty() -> None:
    """Over all entries, zeros included, a 1% tail of this tensor would be the range [0, 0]."""
    x = np.zeros((1000, 10), np.float32)
    x.flat[::120] = np.linspace(-1, 2, len(x.flat[::120]))
    assert np.quantile(x, [0.01, 0.99]).tolist() == [0, 0]
    low, high = percentiles(x, 0.01)
    assert low == -1
    assert high == 2


FEW = [
    QuantSpec(bits=1),
    QuantSpec(bits=1, signed=False),
    QuantSpec(bits=2, ternary=True),
]


def test_signs_by_hand() -> None:
    x = np.array([-3.0, -0.1, 0.0, 1e-40, 2.0])
    assert quantize(x, qparams(-2, 2, FEW[0])).tolist() == [-1, -1, -1, 1, 1]
    assert quantize(x, qparams(-2, 2, FEW[1])).tolist() == [0, 0, 0, 1, 1]
    assert quantize(x, qparams(-2, 2, FEW[2])).tolist() == [-1, 0, 0, 0, 1]
    for spec in FEW:
        params = qparams(-2, 2, spec)
        assert (params.scale, params.zero) == (2, 0)
        codes = np.array([spec.qmin, spec.qmax])
        np.testing.assert_array_equal(quantize(dequantize(codes, params), params), codes)


@given(x=ROWS, spec=st.sampled_from(FEW), by_channel=st.booleans())
def test_magnitude_by_loops(x: np.ndarray, spec: QuantSpec, by_channel: bool) -> None:
    held = replace(spec, granularity="channel" if by_channel else "tensor")
    found = magnitude(x, held)
    columns = list(x.T) if by_channel else [x.ravel()]
    assert found.shape == ((len(columns),) if by_channel else ())
    for column, got in zip(columns, found.ravel(), strict=True):
        sizes = [abs(float(value)) for value in column]
        mean = sum(sizes) / max(len(sizes), 1)
        if spec.ternary:
            counted = [size for size in sizes if size > 0.7 * mean * (1 + 1e-12)]
            edge = any(abs(size - 0.7 * mean) <= 1e-9 * mean for size in sizes)
        else:
            counted = [s for s, v in zip(sizes, column, strict=True) if spec.signed or v > 0]
            edge = False
        wanted = sum(counted) / max(len(counted), 1)
        assert edge or got == pytest.approx(wanted, rel=1e-5, abs=1e-30)


def test_a_magnitude_leaves_the_least_squared_error() -> None:
    x = np.random.default_rng(0).normal(size=5000)
    for spec in FEW:
        scale = magnitude(x, spec)

        def error(share: float, spec: QuantSpec = spec, scale: Any = scale) -> float:
            params = qparams(-share * scale, share * scale, spec)
            return float(np.square(dequantize(quantize(x, params), params) - x).mean())

        assert error(1) <= min(error(0.9), error(1.1))
