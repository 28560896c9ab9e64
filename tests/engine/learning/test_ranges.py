"""Range rules in torch: against the NumPy map and plain loops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engine.affine import magnitude, percentiles, qparams
from engine.learning.protection import ProtectedRows
from engine.learning.ranges import batch_reach, follow, remember, scale_and_zero
from engine.spec import (
    WIDTHS,
    Current,
    Ema,
    LearnedStep,
    MinMax,
    Percentile,
    QuantSpec,
    RangeRule,
)

REALS = st.just(0.0) | st.floats(-64, 64, width=32)
TAILS = st.sampled_from([0.0, 0.001, 0.01, 0.2, 0.49])
RULES = st.sampled_from([Current(), MinMax(), Ema()]) | st.builds(Percentile, tail=TAILS)


def slow_reach(x: np.ndarray, rule: RangeRule) -> list[float]:
    """Return how far one batch of rows, or one column of it, goes below and above 0."""
    if isinstance(rule, Percentile):
        low, high = percentiles(x, rule.tail)
    else:
        low, high = x.min(initial=0), x.max(initial=0)
    return [max(-low, 0), max(high, 0)]


@given(data=st.data(), rule=RULES, by_channel=st.booleans())
def test_reach_of_a_batch(data: st.DataObject, rule: RangeRule, by_channel: bool) -> None:
    x = data.draw(arrays(np.float32, (data.draw(st.integers(0, 12)), 3), elements=REALS))
    mask = data.draw(st.none() | arrays(np.bool_, len(x)))
    spec = QuantSpec(bits=8, range=rule, granularity="channel" if by_channel else "tensor")
    protected = None if mask is None else ProtectedRows(torch.from_numpy(mask))
    rows = x if mask is None else x[~mask]
    columns = list(rows.T) if by_channel else [rows]
    expected = np.array([slow_reach(column, rule) for column in columns], np.float32).T
    expected = expected if by_channel else expected[:, 0]
    found = batch_reach(torch.from_numpy(x), spec, protected)
    assert found.shape == expected.shape
    assert found.dtype == torch.float32
    np.testing.assert_array_equal(found.numpy(), expected)


@given(data=st.data(), rule=RULES)
def test_reach_of_values_without_columns(data: st.DataObject, rule: RangeRule) -> None:
    """The norm's coefficients, and the stored values of sparse features."""
    x = data.draw(arrays(np.float32, st.integers(0, 30), elements=REALS))
    found = batch_reach(torch.from_numpy(x), QuantSpec(bits=8, range=rule), None)
    assert found.tolist() == slow_reach(x, rule)


@given(x=arrays(np.float32, (40,), elements=REALS), tail=TAILS)
def test_other_precisions_go_another_way(x: np.ndarray, tail: float) -> None:
    spec = QuantSpec(bits=8, range=Percentile(tail=tail))
    double = batch_reach(torch.from_numpy(x).double(), spec, None)
    assert double.tolist() == slow_reach(x, spec.range)


@pytest.mark.parametrize("tail", [0.0, 0.001, 0.01, 0.3])
def test_a_large_batch(tail: float) -> None:
    x = np.random.default_rng(0).normal(size=(3000, 8)).astype(np.float32)
    spec = QuantSpec(bits=8, range=Percentile(tail=tail))
    for rows in (x, np.abs(x), -np.abs(x), np.maximum(x, 0), x**9):
        expected = slow_reach(rows, spec.range)
        assert batch_reach(torch.from_numpy(rows), spec, None).tolist() == expected


def test_zeros_of_a_sparse_tensor_do_not_empty_its_range() -> None:
    """The public Degree-Quant code collapses here: a 1% tail of a 0.85% dense tensor is all 0."""
    rng = np.random.default_rng(0)
    x = np.where(rng.random((500, 200)) < 0.0085, rng.random((500, 200)) + 1, 0).astype(np.float32)
    found = batch_reach(torch.from_numpy(x), QuantSpec(bits=4, range=Percentile(tail=0.01)), None)
    assert found[0] == 0
    assert 1.9 < found[1] < 2


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Ema(momentum=0.25), [0.75 * 1 + 0.25 * 3, 0.75 * 2 + 0.25 * 1]),
        (Percentile(momentum=0.25), [0.75 * 1 + 0.25 * 3, 0.75 * 2 + 0.25 * 1]),
        (Ema(momentum=1), [3, 1]),
        (MinMax(), [3, 2]),
        (Percentile(running="extremum"), [3, 2]),
    ],
)
def test_a_remembered_range_follows(rule: RangeRule, expected: list[float]) -> None:
    moved = follow(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 1.0]), rule)
    assert moved.tolist() == expected


@given(data=st.data(), rule=RULES, signed=st.booleans(), by_channel=st.booleans())
def test_a_kernel_remembers_as_torch_does(
    data: st.DataObject, rule: RangeRule, signed: bool, by_channel: bool
) -> None:
    """A reach in float64 goes torch's way; step size and zero point are float32 all the same."""
    shape = (2, 3) if by_channel else (2,)
    granularity = "channel" if by_channel else "tensor"
    spec = QuantSpec(bits=4, signed=signed, range=rule, granularity=granularity)
    held = [torch.zeros(shape), torch.ones(shape[1:]), torch.zeros(shape[1:])]
    wide = [part.double() for part in held]
    for starts in (True, False, False):
        batch = torch.from_numpy(data.draw(arrays(np.float32, shape, elements=st.floats(0, 64))))
        remember(batch, spec, starts, *held)
        remember(batch, spec, starts, *wide)
        torch.testing.assert_close(held[0].double(), wide[0], rtol=3e-7, atol=1e-30)
        torch.testing.assert_close(held[1].double(), wide[1], rtol=3e-7, atol=1e-30)
        assert (held[2] - wide[2]).abs().max() <= 1
        if isinstance(rule, Current):
            for part, other in zip(held, wide, strict=True):
                assert torch.equal(part.double(), other)


@given(
    data=st.data(),
    bits=st.sampled_from(WIDTHS[1:-1]),
    signed=st.booleans(),
    kind=st.sampled_from(["affine", "learned", "channel"]),
)
def test_scale_and_zero_equal_numpy_bit_for_bit(
    data: st.DataObject, bits: int, signed: bool, kind: str
) -> None:
    shape = (2, 3) if kind == "channel" else (2,)
    ends = st.floats(0, 2.0**100, width=32)
    reach = data.draw(arrays(np.float32, shape, elements=ends))
    spec = QuantSpec(
        bits=bits,
        signed=signed,
        granularity="channel" if kind == "channel" else "tensor",
        range=LearnedStep() if kind == "learned" else MinMax(),
    )
    scale, zero = scale_and_zero(torch.from_numpy(reach), spec)
    expected = qparams(-reach[0], reach[1], spec)
    assert scale.dtype == torch.float32
    assert scale.numpy().tobytes() == expected.scale.tobytes()
    np.testing.assert_array_equal(zero.numpy(), expected.zero)


@given(
    x=arrays(np.float32, (7, 3), elements=REALS),
    spec=st.sampled_from(
        [QuantSpec(bits=1), QuantSpec(bits=1, signed=False), QuantSpec(bits=2, ternary=True)]
    ),
    by_channel=st.booleans(),
    seed=st.integers(0, 99),
)
def test_a_mean_magnitude_equals_numpys(
    x: np.ndarray, spec: QuantSpec, by_channel: bool, seed: int
) -> None:
    x = np.round(4 * x)  # so that no number lies at the edge by rounding alone
    spec = replace(spec, granularity="channel" if by_channel else "tensor")
    mask = np.random.default_rng(seed).random(7) < 0.3
    reach = batch_reach(torch.from_numpy(x), spec, ProtectedRows(torch.from_numpy(mask)))
    wanted = magnitude(x[~mask], spec)
    np.testing.assert_allclose(reach.numpy(), np.stack([wanted, wanted]), rtol=1e-5)
