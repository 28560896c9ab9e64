"""Pairs: every kind against a search of the whole graph by hand, and its samples."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.metrics.pairs import REMOTE_ORDER, PairSample, any_pairs
from engine.metrics.pairs import pairs as find_pairs

GRAPHS = st.integers(1, 12).flatmap(
    lambda nodes: st.tuples(
        st.just(nodes),
        st.lists(st.tuples(st.integers(0, nodes - 1), st.integers(0, nodes - 1)), max_size=20),
    )
)


def edge_index(edges) -> np.ndarray:
    return np.array(edges, dtype=np.int64).reshape(-1, 2).T


def path(nodes: int) -> np.ndarray:
    return np.stack((np.arange(nodes - 1), np.arange(1, nodes)))


def held(sample: PairSample) -> list[tuple[int, int]]:
    return list(zip(sample.first.tolist(), sample.second.tolist(), strict=True))


def slow_distances(nodes: int, edges) -> list[list[float]]:
    distance = [[0 if i == j else float("inf") for j in range(nodes)] for i in range(nodes)]
    for i, j in edges:
        if i != j:
            distance[i][j] = distance[j][i] = 1
    for k in range(nodes):
        for i in range(nodes):
            for j in range(nodes):
                distance[i][j] = min(distance[i][j], distance[i][k] + distance[k][j])
    return distance


@given(graph=GRAPHS)
def test_small_graph_has_exactly_its_pairs(graph) -> None:
    nodes, edges = graph
    found = find_pairs(edge_index(edges), nodes)
    distance = slow_distances(nodes, edges)
    every = [(i, j) for i in range(nodes) for j in range(i + 1, nodes)]
    assert held(found.all) == every
    assert held(found.neighbours) == [(i, j) for i, j in every if distance[i][j] == 1]
    assert Counter(held(found.remote)) == Counter(
        (i, j) for i, j in every if distance[i][j] >= REMOTE_ORDER
    )
    assert found.degree.tolist() == [row.count(1) for row in distance]
    assert found.searches == nodes
    assert all(kind.is_exact for kind in (found.neighbours, found.remote, found.all))


def test_remote_begins_at_eight_steps() -> None:
    found = find_pairs(path(12), 12)
    assert sorted(held(found.remote)) == [(i, j) for i in range(12) for j in range(i + 8, 12)]


def test_direction_self_loops_and_repetitions_change_nothing() -> None:
    plain = find_pairs(path(12), 12)
    odd = np.concatenate((path(12), path(12)[::-1], path(12), [[3], [3]]), axis=1)
    again = find_pairs(odd, 12)
    for kind in ("neighbours", "remote", "all"):
        assert held(getattr(again, kind)) == held(getattr(plain, kind))
    assert again.degree.tolist() == plain.degree.tolist()


@pytest.mark.parametrize("nodes", [0, 1])
def test_smallest_graphs(nodes) -> None:
    found = find_pairs(np.zeros((2, 0), dtype=np.int64), nodes)
    assert found.degree.shape == (nodes,)
    for sample in (found.neighbours, found.remote, found.all):
        assert (sample.count, sample.is_exact) == (0, True)


def test_graph_with_few_steps_between_any_two_nodes_has_no_remote_pairs() -> None:
    found = find_pairs(path(8), 8)
    assert (found.remote.count, found.remote.is_exact) == (0, True)


def test_samples_are_pairs_of_their_kind_and_repeatable() -> None:
    nodes = 400
    found = find_pairs(path(nodes), nodes, seed=3, limit=50, sample=200)
    assert (found.neighbours.count, found.neighbours.population) == (50, nodes - 1)
    assert (found.remote.count, found.remote.population) == (200, None)
    assert (found.all.count, found.all.population) == (200, nodes * (nodes - 1) // 2)
    assert not any(kind.is_exact for kind in (found.neighbours, found.remote, found.all))
    assert len(set(held(found.neighbours))) == 50
    assert all(j == i + 1 for i, j in held(found.neighbours))
    assert all(j - i >= REMOTE_ORDER for i, j in held(found.remote))
    assert all(0 <= i < j < nodes for i, j in held(found.all))
    for seed, same in ((3, True), (4, False)):
        again = find_pairs(path(nodes), nodes, seed=seed, limit=50, sample=200)
        for kind in ("neighbours", "remote", "all"):
            assert (held(getattr(again, kind)) == held(getattr(found, kind))) is same


def test_remote_pairs_of_two_search_starts_are_met_once(monkeypatch) -> None:
    monkeypatch.setattr("engine.metrics.pairs.SEARCHES", 30)
    found = find_pairs(path(40), 40)
    assert found.searches == 30
    assert len(held(found.remote)) == len(set(held(found.remote)))
    starts = {node for pair in held(found.remote) for node in pair}
    assert len(starts) == 40  # both ends of a pair need not be starts
    assert found.remote.population is None


def test_a_large_graph_is_searched_from_fewer_nodes(monkeypatch) -> None:
    monkeypatch.setattr("engine.metrics.pairs.SEARCH_VISITS", 10 * (40 + 2 * 39))
    assert find_pairs(path(40), 40).searches == 10
    monkeypatch.setattr("engine.metrics.pairs.SEARCH_VISITS", 1)
    assert find_pairs(path(40), 40).searches == 4


def test_sampled_pairs_of_any_two_nodes_are_uniform() -> None:
    count = Counter(held(any_pairs(7, 20, np.random.default_rng(0))))
    for seed in range(1, 1500):
        count.update(held(any_pairs(7, 20, np.random.default_rng(seed))))
    assert len(count) == 21
    expected = 1500 * 20 / 21
    assert sum((n - expected) ** 2 / expected for n in count.values()) < 45.3  # chi2, 20 df, 0.1%


def test_refuses() -> None:
    with pytest.raises(ValueError, match="edges name nodes 0 to 2; got 0 to 3"):
        find_pairs(np.array([[0], [3]]), 3)
    with pytest.raises(ValueError, match="edges name nodes 0 to 2; got -1 to 0"):
        find_pairs(np.array([[0], [-1]]), 3)
    for edges in (np.zeros((2, 1)), np.zeros((3, 1), dtype=int), np.zeros(2, dtype=int)):
        with pytest.raises(ValueError, match=r"edges are integers \[2, E\]"):
            find_pairs(edges, 3)
    with pytest.raises(ValueError, match="at least 1 pair"):
        find_pairs(path(3), 3, sample=0)
