"""The digits graph: its numbers, its hubs, and the same one every time."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from engine.graphs import Graph
from engine.graphs.digits import NEIGHBOURS, digits_knn


@pytest.fixture(scope="module")
def graph() -> Graph:
    return digits_knn()


def test_pixels_and_labels_are_those_of_scikit_learn(graph: Graph) -> None:
    digits = load_digits()
    np.testing.assert_array_equal(graph.x * 16, digits.data)
    np.testing.assert_array_equal(graph.y, digits.target)


def test_edges_go_to_the_nearest(graph: Graph) -> None:
    points = load_digits().data
    for node in range(0, graph.nodes, 100):
        distance = ((points - points[node]) ** 2).sum(axis=1)
        distance[node] = np.inf
        nearest = np.argsort(distance, kind="stable")[:NEIGHBOURS]
        found = graph.edge_index[1, graph.edge_index[0] == node]
        assert sorted(found) == sorted(nearest)


def test_hubs_and_orphans(graph: Graph) -> None:
    in_degree = graph.in_degree
    assert (np.bincount(graph.edge_index[0]) == NEIGHBOURS).all()
    assert (in_degree.max(), np.median(in_degree), (in_degree == 0).sum()) == (35, 9, 16)


def test_split(graph: Graph) -> None:
    assert np.bincount(graph.y[graph.train]).tolist() == [20] * 10
    assert np.bincount(graph.y[graph.val]).tolist() == [50] * 10
    assert (graph.train | graph.val | graph.test).all()


def test_released_graph_never_changes(graph: Graph) -> None:
    assert graph.digest == "6a7a81765f86f4b1a3446641a704f03e6b4dfecdd21e3ff2210fc792a14f89da"
