"""The axis of in-degrees: places, jitter, labels."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.figures.degree_axis import degree_axis, jittered, places, span


def test_degree_zero_lies_as_far_below_one_as_two_lies_above() -> None:
    zero, one, two = np.log10(places([0, 1, 2]))
    assert one - zero == pytest.approx(two - one)


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=60))
def test_jitter_never_mixes_degrees_and_is_the_same_again(degrees: list[int]) -> None:
    x = jittered(degrees)
    assert np.array_equal(x, jittered(degrees))
    order = np.argsort(degrees, kind="stable")
    for lower, higher in pairwise(order):
        if degrees[lower] < degrees[higher]:
            assert x[lower] < x[higher]


@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_axis_holds_its_degrees_and_labels_at_least_one(a: int, b: int) -> None:
    low, high = min(a, b), max(a, b)
    axis = degree_axis(low, high)
    start, end = 10 ** np.array(axis["range"])
    assert start < places(low) <= places(high) < end
    labelled = [
        label
        for place, label in zip(axis["tickvals"], axis["ticktext"], strict=True)
        if start <= place <= end
    ]
    assert len(labelled) >= (1 if low == high else 2)
    assert ("0" in labelled) == (low == 0)


def test_labels_are_round() -> None:
    assert degree_axis(0, 60)["ticktext"][:6] == ["0", "1", "2", "5", "10", "20"]
    assert "2,000" not in degree_axis(1, 10_000)["ticktext"]


def test_span() -> None:
    assert (span(3, 3), span(3, 5)) == ("3", "3–5")
