"""Positions of graphs of any size."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from engine.graphs import layout
from engine.graphs.layout import FEW, _push, _push_on_grid


def edges_of(graph: nx.Graph) -> np.ndarray:
    return np.array(nx.convert_node_labels_to_integers(graph).edges).T


@pytest.mark.parametrize("nodes", [20, FEW + 100])
def test_neighbours_are_near(nodes: int) -> None:
    ring = np.array([np.arange(nodes), (np.arange(nodes) + 1) % nodes])
    position = layout(ring, nodes, seed=1)
    assert position.shape == (nodes, 2)
    near = np.linalg.norm(position[ring[0]] - position[ring[1]], axis=1)
    across = np.linalg.norm(position - np.roll(position, nodes // 2, axis=0), axis=1)
    assert near.mean() < across.mean() / 2


def test_a_lattice_fills_a_disc() -> None:
    size = 6
    edges = edges_of(nx.grid_2d_graph(size, size))
    position = layout(edges, size**2)
    length = np.linalg.norm(position[edges[0]] - position[edges[1]], axis=1)
    assert np.quantile(length, 0.9) < 4 / size, "few edges go across"
    radius = np.linalg.norm(position, axis=1)
    assert 0.7 < radius.max() < 1.2
    assert np.linalg.norm(position.mean(axis=0)) < 0.1


@pytest.mark.parametrize("members", [10, 300])
def test_groups_lie_apart(members: int) -> None:
    graph = nx.random_partition_graph([members] * 3, 8 / members, 0.2 / members, seed=0)
    position = layout(edges_of(graph), 3 * members)
    group = np.repeat(np.arange(3), members)
    middles = np.array([position[group == each].mean(axis=0) for each in range(3)])
    nearest = np.linalg.norm(position[:, None] - middles, axis=2).argmin(axis=1)
    assert (nearest == group).mean() > 0.9


def test_the_seed_decides() -> None:
    edges = np.array([[0, 1, 2], [1, 2, 0]])
    for nodes in (5, FEW + 1):
        np.testing.assert_array_equal(layout(edges, nodes, seed=1), layout(edges, nodes, seed=1))
        assert (layout(edges, nodes, seed=1) != layout(edges, nodes, seed=2)).any()


def test_directions_repeats_and_loops_do_not_count() -> None:
    edges = edges_of(nx.balanced_tree(3, 3))
    loops = np.array([[5, 7], [5, 7]])
    again = np.concatenate([edges[::-1], edges, loops], axis=1)
    np.testing.assert_allclose(layout(again, 40), layout(edges, 40))


@pytest.mark.parametrize("nodes", [0, 1, 2, 5, 600])
def test_odd_graphs(nodes: int) -> None:
    loops = np.zeros((2, 3 * (nodes > 0)), dtype=np.int64)
    for edges in (loops, loops[:, :0]):
        position = layout(edges, nodes)
        assert position.shape == (nodes, 2)
        assert np.isfinite(position).all()
        assert len(np.unique(position, axis=0)) == nodes, "no two lie on each other"


def test_two_that_are_joined_lie_apart() -> None:
    one, other = layout(np.array([[0], [1]]), 2)
    assert np.linalg.norm(one - other) > 0.1


def test_on_a_grid_the_push_is_nearly_that_of_every_pair() -> None:
    rng = np.random.default_rng(0)
    position = rng.normal(size=(500, 2))
    charge = rng.random(500)
    charge /= charge.sum()
    exact = _push(position, charge)
    before = np.inf
    for cells in (64, 256, 1024):
        far = np.linalg.norm(_push_on_grid(position, charge, cells) - exact, axis=1)
        error = float(np.median(far / np.linalg.norm(exact, axis=1)))
        assert error < before, "finer is nearer"
        before = error
    assert before < 0.02


def test_pushes_add_up_to_nothing() -> None:
    rng = np.random.default_rng(1)
    position, charge = rng.normal(size=(400, 2)), rng.random(400)
    for push in (_push(position, charge), _push_on_grid(position, charge, 128)):
        np.testing.assert_allclose(charge @ push, 0, atol=1e-2 * charge.sum())
