"""Distances: against plain loops, dense and sparse alike, and exact where rows are equal."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse

from engine.metrics.distances import distances
from engine.metrics.pairs import PairSample

ENTRIES = st.integers(-3, 3).map(float) | st.floats(1 / 64, 100, width=32)
FORMS = [np.asarray, sparse.csr_array]
CASES = st.tuples(st.integers(1, 6), st.integers(1, 4)).flatmap(
    lambda shape: st.tuples(
        arrays(np.float32, shape, elements=ENTRIES),
        st.lists(st.tuples(st.integers(0, shape[0] - 1), st.integers(0, shape[0] - 1)), max_size=8),
    )
)


def sample(pairs) -> PairSample:
    first, second = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return PairSample(first=first, second=second, population=None)


@given(case=CASES, form=st.sampled_from(FORMS), a=st.floats(0, 4), b=st.floats(0, 4))
def test_equals_loops(case, form, a, b) -> None:
    h, pairs = case
    found = distances(form(h), sample(pairs))
    scaled = found.squared_scaled(np.full(len(pairs), a), np.full(len(pairs), b))
    cosine = found.cosine()
    for p, (i, j) in enumerate(pairs):
        x, y = [float(value) for value in h[i]], [float(value) for value in h[j]]
        assert found.squared[p] == pytest.approx(math.dist(x, y) ** 2)
        assert found.first[p] == pytest.approx(math.hypot(*x) ** 2)
        assert found.second[p] == pytest.approx(math.hypot(*y) ** 2)
        apart = math.dist([a * value for value in x], [b * value for value in y]) ** 2
        assert scaled[p] == pytest.approx(apart, rel=1e-6, abs=1e-8)
        if any(x) and any(y):
            dot = sum(s * t for s, t in zip(x, y, strict=True))
            slow = 1 - dot / (math.hypot(*x) * math.hypot(*y))
        else:
            slow = float(any(x) != any(y))
        assert cosine[p] == pytest.approx(slow, abs=1e-8)
    assert found.collapsed == sum(not (h[i].any() and h[j].any()) for i, j in pairs)


@pytest.mark.parametrize("form", FORMS, ids=["dense", "sparse"])
def test_equal_rows_are_exactly_0_apart(form) -> None:
    h = form(np.tile(np.array([0.1, 1 / 3, -7e-5, 9e9], dtype=np.float32), (2, 1)))
    found = distances(h, sample([(0, 1)]))
    assert (found.squared[0], found.cosine()[0]) == (0, 0)


@pytest.mark.parametrize("form", FORMS, ids=["dense", "sparse"])
def test_blocks_make_no_difference(form, monkeypatch) -> None:
    h = form(np.arange(12, dtype=np.float32).reshape(6, 2) ** 2)
    pairs = sample(np.stack(np.triu_indices(6), axis=1))
    whole = distances(h, pairs).squared
    monkeypatch.setattr("engine.metrics.distances.BLOCK_ENTRIES", 8)
    monkeypatch.setattr("engine.metrics.distances.BLOCK_PAIRS", 4)
    np.testing.assert_array_equal(distances(h, pairs).squared, whole)


@pytest.mark.parametrize("form", FORMS, ids=["dense", "sparse"])
def test_nan_is_refused(form) -> None:
    with pytest.raises(ValueError, match="1 of 2 rows hold nan or inf, row 1 first"):
        distances(form(np.array([[1.0], [np.nan]])), sample([(0, 1)]))
