"""Degree ranks and protection probabilities against their definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.graphs import (
    degree_cdf,
    expected_protected,
    mean_probability,
    protection_probability,
)
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


@given(st.lists(st.lists(st.integers(0, 20), max_size=12), min_size=1, max_size=8).filter(any))
def test_cdf_of_a_set_is_that_of_each_graph(degrees_of: list[list[int]]) -> None:
    in_degree = np.array([degree for graph in degrees_of for degree in graph])
    starts = np.concatenate([[0], np.cumsum([len(graph) for graph in degrees_of])])
    twin = np.concatenate([degree_cdf(np.array(graph)) for graph in degrees_of if graph])
    np.testing.assert_array_equal(degree_cdf(in_degree, starts), twin)

    half = Protection(p_min=0.1, p_max=0.5)
    probability = protection_probability(in_degree, half, starts)
    np.testing.assert_allclose(probability, 0.1 + 0.4 * twin)
    assert expected_protected(in_degree, half, starts) == pytest.approx(probability.sum())


def test_the_largest_of_each_graph_is_protected_most() -> None:
    probability = protection_probability(
        np.array([1, 2, 50, 70]), Protection(p_min=0, p_max=1), np.array([0, 2, 2, 4])
    )
    assert probability.tolist() == [0.5, 1, 0.5, 1]


def test_one_graph_of_a_set_is_as_alone() -> None:
    in_degree = np.array([3, 1, 1, 9])
    np.testing.assert_array_equal(degree_cdf(in_degree, np.array([0, 4])), degree_cdf(in_degree))


@given(st.lists(st.lists(st.integers(0, 6), max_size=8), min_size=1, max_size=6).filter(any))
def test_mean_probability_of_a_degree_is_over_all_its_nodes(degrees_of: list[list[int]]) -> None:
    in_degree = np.array([degree for graph in degrees_of for degree in graph])
    starts = np.concatenate([[0], np.cumsum([len(graph) for graph in degrees_of])])
    half = Protection(p_min=0.1, p_max=0.5)
    probability = protection_probability(in_degree, half, starts)
    degree, mean = mean_probability(in_degree, half, starts)
    assert degree.tolist() == sorted(set(in_degree.tolist()))
    for held, found in zip(degree, mean, strict=True):
        assert found == pytest.approx(probability[in_degree == held].mean())


@given(degrees)
def test_in_a_single_graph_a_degree_has_one_probability(in_degree: np.ndarray) -> None:
    half = Protection(p_min=0.1, p_max=0.5)
    degree, mean = mean_probability(in_degree, half)
    probability = protection_probability(in_degree, half)
    np.testing.assert_allclose(mean[np.searchsorted(degree, in_degree)], probability)
