"""Degree ranks and protection probabilities against their definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.graphs import degree_cdf, expected_protected, protection_probability
from engine.graphs.degrees import degree_buckets
from engine.spec import Protection

degrees = st.lists(st.integers(0, 20), min_size=1, max_size=40).map(np.array)


@given(degrees)
def test_cdf_counts_nodes_of_at_most_the_degree(in_degree: np.ndarray) -> None:
    twin = [sum(other <= own for other in in_degree) / len(in_degree) for own in in_degree]
    np.testing.assert_array_equal(degree_cdf(in_degree), twin)


def test_cdf_is_inclusive() -> None:
    assert degree_cdf(np.array([3, 1, 1, 9])).tolist() == [0.75, 0.5, 0.5, 1.0]


def test_probability_runs_to_p_max() -> None:
    probability = protection_probability(np.array([3, 1, 1, 9]), Protection(p_min=0.1, p_max=0.2))
    np.testing.assert_allclose(probability, [0.175, 0.15, 0.15, 0.2])


@given(degrees)
def test_nobody_is_protected_when_protection_is_off(in_degree: np.ndarray) -> None:
    assert not protection_probability(in_degree, Protection()).any()
    assert expected_protected(in_degree, Protection()) == 0


def test_expected_protected_is_the_sum() -> None:
    assert expected_protected(np.zeros(10, int), Protection(p_min=0, p_max=0.1)) == pytest.approx(1)
    everyone = Protection(p_min=1, p_max=1)
    assert expected_protected(np.arange(7), everyone) == pytest.approx(7)


def test_buckets_are_powers_of_two() -> None:
    in_degree = np.array([0, 1, 2, 3, 4, 7, 8, 1023, 1024])
    assert degree_buckets(in_degree).tolist() == [0, 1, 2, 2, 3, 3, 4, 10, 11]
