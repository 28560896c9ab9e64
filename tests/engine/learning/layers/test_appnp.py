"""Personalised PageRank: PyG's own where exact, and the objective that it descends on."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_geometric.nn import APPNP

from engine.graphs import Graph, Neighbourhoods
from engine.learning.adjacency import Adjacencies
from engine.spec import NUDGE, Appnp

TELEPORTS = st.sampled_from([0.0, 0.1, 0.5, 1.0])


@settings(max_examples=150)
@given(graph=..., teleport=TELEPORTS, count=st.integers(1, 6))
def test_exact_steps_equal_pyg(
    steps, unweighted, dense_features, graph: Graph, teleport: float, count: int
) -> None:
    adjacencies, edges = unweighted(graph)
    x = dense_features(graph)
    network = steps("appnp", graph.features, count, Appnp(teleport=teleport))
    twin = APPNP(K=count, alpha=teleport)
    one, other = x.clone().requires_grad_(), x.clone().requires_grad_()
    found, expected = network(one, adjacencies), twin(other, edges)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    upstream = torch.linspace(-1, 2, found.numel()).view_as(found)
    found.backward(upstream)
    expected.backward(upstream)
    torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-5)


@settings(max_examples=60)
@given(graph=..., teleport=st.floats(0.05, 1))
def test_the_objective_falls(
    steps, undirected, smoothing, depths, dense_features, graph: Graph, teleport: float
) -> None:
    graph, mu = undirected(graph), 1 / teleport - 1
    rough = np.eye(graph.nodes) - smoothing(graph)
    network = steps("appnp", graph.features, 12, Appnp(teleport=teleport)).double()
    x = dense_features(graph).double()
    found = depths(network, x, Adjacencies(Neighbourhoods(graph)).double())

    def objective(h: np.ndarray) -> float:
        return 0.5 * np.sum((h - found[0]) ** 2) + mu / 2 * np.trace(h.T @ rough @ h)

    values = np.array([objective(h) for h in found])
    assert (np.diff(values) <= 1e-9 * (1 + values[0])).all()
    best = np.linalg.solve(np.eye(graph.nodes) + mu * rough, found[0])
    assert objective(best) <= values[-1] + 1e-9 * (1 + values[0])


@pytest.mark.parametrize("count", [1, 4])
def test_each_step_rounds_once(
    steps, record, on_grid, unweighted, dense_features, karate: Graph, count: int
) -> None:
    """What a node sends, and nothing between; at 3 bits, so that a second rounding would show."""
    adjacencies, _ = unweighted(karate)
    network, x = steps("appnp", karate.features, count, bits=3), dense_features(karate)
    network(x, adjacencies)
    network.eval()
    with network.recording() as seen:
        scores = network(x, adjacencies)
    assert list(seen) == [(0, "message"), *[(step, "output") for step in range(count)]]
    root = adjacencies.of("appnp").root
    quantizers = dict(network.quantizers())
    v = x / root
    torch.testing.assert_close(
        seen[0, "message"], on_grid(NUDGE * v, quantizers[0, "message"].qparams()), rtol=0, atol=0
    )
    v = seen[0, "message"]
    for step in range(count):
        mean = 0.9 * adjacencies.of("appnp").mean(v) + 0.1 * (x / root)
        leaves = mean if step < count - 1 else mean * root
        params = quantizers[step, "output"].qparams()
        assert torch.equal(seen[step, "output"], on_grid(NUDGE * leaves, params))
        v = seen[step, "output"]
    assert torch.equal(scores, v)
