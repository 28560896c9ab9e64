"""Positions of a few hundred nodes."""

from __future__ import annotations

import numpy as np
import pytest

from engine.graphs import layout


def test_neighbours_are_near() -> None:
    ring = np.array([np.arange(20), (np.arange(20) + 1) % 20])
    position = layout(ring, 20, seed=1)
    assert position.shape == (20, 2)
    assert np.abs(position).max() <= 1 + 1e-9
    near = np.linalg.norm(position[ring[0]] - position[ring[1]], axis=1)
    across = np.linalg.norm(position - np.roll(position, 10, axis=0), axis=1)
    assert near.mean() < across.mean() / 2


def test_the_seed_decides() -> None:
    edges = np.array([[0, 1, 2], [1, 2, 0]])
    np.testing.assert_array_equal(layout(edges, 5, seed=1), layout(edges, 5, seed=1))
    assert (layout(edges, 5, seed=1) != layout(edges, 5, seed=2)).any()


@pytest.mark.parametrize("nodes", [1, 2, 5, 600])
def test_odd_graphs(nodes: int) -> None:
    loops = np.zeros((2, 3), dtype=np.int64)
    for edges in (loops, loops[:, :0]):
        position = layout(edges, nodes)
        assert position.shape == (nodes, 2)
        assert np.isfinite(position).all()
