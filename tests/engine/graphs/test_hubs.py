"""The block model: degrees, classes, options, seed."""

from __future__ import annotations

import numpy as np
import pytest

from engine.graphs import Graph, hubs


@pytest.fixture(scope="module")
def graph() -> Graph:
    return hubs(20_000, 2.5)


def test_edges_are_simple_and_go_both_ways(graph: Graph) -> None:
    source, target = graph.edge_index
    assert (source != target).all()
    there = source * graph.nodes + target
    assert len(set(there.tolist())) == graph.edges
    np.testing.assert_array_equal(np.sort(there), np.sort(target * graph.nodes + source))


def test_mean_degree(graph: Graph) -> None:
    assert 9.5 < graph.in_degree.mean() <= 10


@pytest.mark.parametrize("exponent", [2.2, 2.5, 3.5])
def test_degrees_follow_the_power_law(exponent: float) -> None:
    degree = hubs(50_000, exponent, mean_degree=20).in_degree
    tail = degree[(degree >= 40) & (degree < 1000)]
    # Above a bound, log(d / bound) of a power law is exponential of mean 1 / (exponent - 1).
    estimate = 1 + 1 / np.log(tail / 39.5).mean()
    assert estimate == pytest.approx(exponent, abs=0.25)


def test_edges_keep_to_their_class(graph: Graph) -> None:
    source, target = graph.edge_index
    assert (graph.y[source] == graph.y[target]).mean() == pytest.approx(0.8, abs=0.02)
    assert np.bincount(graph.y).tolist() == [5000] * 4


def test_neighbours_tell_more_than_the_node(graph: Graph) -> None:
    means = np.stack([graph.x[graph.y == each].mean(axis=0) for each in range(4)])
    source, target = graph.edge_index
    pooled = graph.x.copy()
    np.add.at(pooled, target, graph.x[source])
    pooled /= (1 + graph.in_degree)[:, None]

    def accuracy(x: np.ndarray) -> float:
        return float(((x[:, None] - means) ** 2).sum(axis=2).argmin(axis=1).__eq__(graph.y).mean())

    alone, together = accuracy(graph.x), accuracy(pooled)
    assert alone < 0.7
    assert together > alone + 0.15


def test_the_seed_decides_everything() -> None:
    assert hubs(500, 3, seed=1).digest == hubs(500, 3, seed=1).digest
    assert hubs(500, 3, seed=1).digest != hubs(500, 3, seed=2).digest


@pytest.mark.parametrize("nodes", [10, 11, 25, 100])
def test_small_graphs_have_a_split_too(nodes: int) -> None:
    graph = hubs(nodes, 2.1)
    assert graph.nodes == nodes
    assert min(graph.train.sum(), graph.val.sum(), graph.test.sum()) >= 1


def test_options() -> None:
    graph = hubs(3000, 2.5, mean_degree=30, features=7)
    assert graph.features == 7
    assert 24 < graph.in_degree.mean() <= 30


@pytest.mark.parametrize("exponent", [2.001, 2.1, 2.5])
def test_no_node_knows_much_more_than_a_tenth(exponent: float) -> None:
    assert hubs(5000, exponent).in_degree.max() < 0.12 * 5000
