"""Degree bands: a partition of the nodes, with the quantiles of each part."""

from __future__ import annotations

import json
import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.metrics.bands import degree_bands, extremes

VALUES = st.floats(allow_nan=True, allow_infinity=True, width=16)
NODES = st.lists(st.tuples(VALUES, st.integers(0, 300) | st.integers(0, 3)), max_size=60)


def slow_quantile(values: list[float], share: float) -> float:
    values, place = sorted(values), share * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (place - low) * (values[high] - values[low])


@given(nodes=NODES, bands=st.integers(1, 12))
def test_bands_are_a_partition_with_the_numbers_of_each_part(nodes, bands) -> None:
    values = np.array([value for value, _ in nodes])
    degree = np.array([degree for _, degree in nodes], dtype=np.int64)
    found = degree_bands(values, degree, bands)
    assert len(found) <= bands + 1
    assert sum(band.count for band in found) == len(nodes)
    for left, right in pairwise(found):
        assert left.high < right.low
    for band in found:
        assert (band.low == 0) == (band.high == 0)
        assert band.low <= band.centre + 1e-9
        assert band.centre <= band.high + 1e-9
        inside = [value for value, degree in nodes if band.low <= degree <= band.high]
        finite = [value for value in inside if math.isfinite(value)]
        assert {band.low, band.high} <= set(degree.tolist())
        assert (band.count, band.left_out) == (len(inside), len(inside) - len(finite))
        numbers = [band.q05, band.median, band.q95, band.mean]
        if not finite:
            assert all(map(math.isnan, numbers))
            continue
        slow = [slow_quantile(finite, share) for share in (0.05, 0.5, 0.95)]
        assert numbers == pytest.approx([*slow, sum(finite) / len(finite)], rel=1e-6, abs=1e-3)


def test_bands_are_about_equally_wide_in_log_degree() -> None:
    degree = np.arange(1, 1 << 12)
    found = degree_bands(np.zeros(degree.size), degree, bands=12)
    assert [(band.low, band.high) for band in found] == [
        (1 << power, (2 << power) - 1) for power in range(12)
    ]


def test_equal_degrees_are_one_band() -> None:
    for degree in (0, 1, 7):
        (band,) = degree_bands(np.array([1.0, 2.0, 9.0]), np.full(3, degree))
        assert (band.low, band.high, band.centre) == (degree, degree, degree)
        assert (band.median, band.mean) == (2, 4)


def test_truth_values_become_a_share() -> None:
    (band,) = degree_bands(np.array([True, False, False, False]), np.ones(4, dtype=np.int64))
    assert band.mean == 0.25


def test_no_nodes_are_no_bands() -> None:
    none = np.zeros(0)
    assert degree_bands(none, none.astype(np.int64)) == ()
    assert extremes(none, none.astype(np.int64), 5).shape == (0,)


def test_a_band_is_json_with_nan_as_null() -> None:
    (band,) = degree_bands(np.array([np.nan]), np.array([3]))
    data = json.loads(json.dumps(band.to_dict(), allow_nan=False))
    assert (data["low"], data["count"], data["left_out"], data["median"]) == (3, 1, 1, None)


@given(nodes=NODES, k=st.integers(-2, 10))
def test_extremes_lie_outside_their_band_and_no_node_left_out_lies_further(nodes, k) -> None:
    values = np.array([value for value, _ in nodes])
    degree = np.array([degree for _, degree in nodes], dtype=np.int64)
    outside = {}
    for band in degree_bands(values, degree):
        for node in np.flatnonzero((band.low <= degree) & (degree <= band.high)):
            excess = max(values[node] - band.q95, band.q05 - values[node])
            if math.isfinite(values[node]) and excess > 0:
                outside[int(node)] = excess
    found = extremes(values, degree, k).tolist()
    assert len(found) == min(max(k, 0), len(outside))
    assert [outside[node] for node in found] == sorted(outside.values(), reverse=True)[: max(k, 0)]


def test_refuses() -> None:
    with pytest.raises(ValueError, match=r"\[N\]; got shapes \(2,\) and \(3,\)"):
        degree_bands(np.zeros(2), np.zeros(3, dtype=np.int64))
    with pytest.raises(ValueError, match="integers from 0; got int64 from -1"):
        degree_bands(np.zeros(1), np.array([-1]))
    with pytest.raises(ValueError, match="integers from 0; got float64"):
        extremes(np.zeros(1), np.zeros(1), 1)
    with pytest.raises(ValueError, match="at least 1 band, got 0"):
        degree_bands(np.zeros(1), np.ones(1, dtype=np.int64), bands=0)
