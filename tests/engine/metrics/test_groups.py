"""Group distance ratio: against plain loops, at its limits, and its sample."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse

from engine.metrics.groups import group_distance_ratio, group_pairs

ROWS = st.integers(1, 12).flatmap(
    lambda nodes: st.tuples(
        arrays(np.float32, (nodes, 3), elements=st.integers(-3, 3).map(float)),
        arrays(np.int64, nodes, elements=st.integers(-1, 3)),
    )
)


def ratio(h, labels) -> float:
    return group_distance_ratio(h, labels, group_pairs(labels))


def slow_ratio(h, labels) -> float:
    distances: dict[tuple[int, int], list[float]] = {}
    for i in range(len(h)):
        for j in range(i + 1, len(h)):
            if labels[i] >= 0 and labels[j] >= 0:
                group = tuple(sorted((int(labels[i]), int(labels[j]))))
                distances.setdefault(group, []).append(math.dist(h[i], h[j]))
    within = [sum(d) / len(d) for (a, b), d in distances.items() if a == b]
    between = [sum(d) / len(d) for (a, b), d in distances.items() if a != b]
    if not within or not between:
        return math.nan
    numerator, denominator = sum(between) / len(between), sum(within) / len(within)
    if denominator == 0:
        return math.inf if numerator > 0 else math.nan
    return numerator / denominator


@given(rows=ROWS, form=st.sampled_from([np.asarray, sparse.csr_array]))
def test_equals_loops(rows, form) -> None:
    h, labels = rows
    assert ratio(form(h), labels) == pytest.approx(slow_ratio(h, labels), nan_ok=True)


def test_known_values() -> None:
    labels = np.array([0, 0, 1, 1])
    assert ratio(np.array([[0.0], [1.0], [0.0], [1.0]]), labels) == 0.5
    assert ratio(np.array([[0.0], [0.0], [1.0], [1.0]]), labels) == math.inf
    assert math.isnan(ratio(np.ones((4, 2)), labels))
    assert math.isnan(ratio(np.eye(4), np.zeros(4, dtype=np.int64)))
    assert math.isnan(ratio(np.eye(4), np.arange(4)))
    assert math.isnan(ratio(np.eye(4), np.full(4, -1)))


def test_sample_is_near_the_whole_and_small_classes_are_in_it() -> None:
    random = np.random.default_rng(0)
    labels = random.permutation(np.repeat([0, 1, 2, -1, 7], [900, 600, 60, 200, 2]))
    h = random.standard_normal((labels.size, 4)) + np.maximum(labels, 0)[:, None]
    sample = group_pairs(labels, seed=1, sample=8192)
    assert (sample.count, sample.is_exact) == (8192, False)
    a, b = labels[sample.first], labels[sample.second]
    assert (sample.first != sample.second).all()
    assert min(a.min(), b.min()) == 0
    assert (a == b).sum() == 4096
    assert [(a[a == b] == c).sum() for c in (0, 1, 2, 7)] == [1024] * 4
    whole = group_distance_ratio(h, labels, group_pairs(labels, sample=2_000_000))
    assert group_distance_ratio(h, labels, sample) == pytest.approx(whole, rel=0.02)
    again = group_pairs(labels, seed=1, sample=8192)
    np.testing.assert_array_equal(again.first, sample.first)
    np.testing.assert_array_equal(again.second, sample.second)


def test_sample_of_one_class_or_of_classes_of_one_node() -> None:
    labels = np.zeros(300, dtype=np.int64)
    assert math.isnan(group_distance_ratio(np.eye(300), labels, group_pairs(labels, sample=100)))
    labels = np.arange(300)
    assert math.isnan(group_distance_ratio(np.eye(300), labels, group_pairs(labels, sample=100)))


def test_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="row 1 first"):
        ratio(np.array([[0.0], [np.nan]]), np.array([0, 1]))
