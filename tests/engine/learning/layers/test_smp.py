"""Smoothness-aware propagation: its equations on H, its constraint, its multipliers."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from engine.graphs import Graph, Neighbourhoods
from engine.learning.adjacency import Adjacencies
from engine.spec import NUDGE, Appnp, Smp

STRONG = Smp(eta=0.08, mu=8, lambda0=0.5, eta_lambda=0.02, eta_slack=0.01, slack0=0.1)
CONSTANTS = st.builds(
    Smp,
    eta=st.floats(0.01, 0.2),
    mu=st.floats(0, 9),
    epsilon=st.floats(0, 1),
    lambda0=st.floats(0, 1),
    slack0=st.floats(0, 1),
    eta_lambda=st.floats(0, 0.1),
    eta_slack=st.floats(0, 0.1),
)


def on_h(
    x: np.ndarray, smooth: np.ndarray, edges: float, how: Smp, count: int
) -> tuple[list[np.ndarray], list[float], list[np.ndarray]]:
    """Return H after each step, multipliers and proposed changes, by the equations as written."""
    rough = np.eye(len(x)) - smooth
    h, slack = x, how.slack0
    multiplier = min(how.lambda0, 1 / (4 * how.eta))
    found, multipliers, changes = [h], [], []
    for _ in range(count):
        multipliers.append(multiplier)
        gradient = (h - x) + how.mu * rough @ h
        proposal = h - how.eta * gradient
        change = proposal - h
        changes.append(change)
        h = proposal - how.eta * multiplier * 2 * rough @ change
        slack = slack - how.eta_slack * multiplier * 2 * slack
        violated = np.trace(change.T @ rough @ change) + slack**2 - how.epsilon * edges
        multiplier = min(max(0.0, multiplier + how.eta_lambda * violated), 1 / (4 * how.eta))
        found.append(h)
    return found, multipliers, changes


def exact(steps: Any, graph: Graph, how: Smp, count: int) -> tuple[Any, Adjacencies]:
    """Return steps in float64, and the graph's edges."""
    network = steps("smp", graph.features, count, how).double()
    return network, Adjacencies(Neighbourhoods(graph)).double()


@settings(max_examples=150)
@given(graph=..., how=CONSTANTS, count=st.integers(1, 5))
def test_steps_on_v_are_the_equations_on_h(
    steps, depths, smoothing, dense_features, graph: Graph, how: Smp, count: int
) -> None:
    graph = replace(graph, edge_weight=None)
    network, adjacencies = exact(steps, graph, how, count)
    x = dense_features(graph).double()
    edges = (graph.edge_index[0] != graph.edge_index[1]).sum() / 2
    expected, multipliers, _ = on_h(x.numpy(), smoothing(graph), edges, how, count)
    size = 1 + max(np.abs(h).max() for h in expected)
    trained = depths(network, x, adjacencies)
    kept = [float(layer.multiplier) for layer in network.layers]
    np.testing.assert_allclose(kept, multipliers, rtol=1e-9)
    network.eval()
    for found in (trained, depths(network, x, adjacencies)):
        for one, wanted in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, wanted, rtol=1e-9, atol=1e-10 * size)


@settings(max_examples=60)
@given(graph=..., how=CONSTANTS)
def test_the_objective_falls(
    steps, undirected, smoothing, depths, dense_features, graph: Graph, how: Smp
) -> None:
    """For steps below 2 over the objective's largest curvature, ``1 + 2 mu``."""
    assume(how.eta * (1 + 2 * how.mu) < 2)
    graph = undirected(graph)
    rough = np.eye(graph.nodes) - smoothing(graph)
    network, adjacencies = exact(steps, graph, how, 10)
    found = depths(network, dense_features(graph).double(), adjacencies)
    values = np.array(
        [0.5 * np.sum((h - found[0]) ** 2) + how.mu / 2 * np.trace(h.T @ rough @ h) for h in found]
    )
    assert (np.diff(values) <= 1e-9 * (1 + values[0])).all()


@settings(max_examples=60)
@given(graph=..., multiplier=st.floats(0.01, 3))
def test_a_multiplier_lowers_the_constraint(
    steps, undirected, smoothing, depths, dense_features, graph: Graph, multiplier: float
) -> None:
    """The same step of the same scores changes them more smoothly than with lambda 0."""
    graph = undirected(graph)
    rough = np.eye(graph.nodes) - smoothing(graph)
    x = dense_features(graph).double()

    def constraint(lambda0: float) -> float:
        how = replace(STRONG, lambda0=lambda0)
        network, adjacencies = exact(steps, graph, how, 1)
        before, after = depths(network, x, adjacencies)
        return float(np.trace((after - before).T @ rough @ (after - before)))

    free, held = constraint(0), constraint(multiplier)
    assert held <= free
    assume(free > 1e-6)
    assert held < free * (1 - 1e-3 * multiplier)


@settings(max_examples=60)
@given(graph=..., epsilon=st.sampled_from([0.0, 1e-3, 1.0, 1000.0]))
def test_the_multiplier_rises_on_violation_and_falls_else(
    steps, undirected, smoothing, dense_features, graph: Graph, epsilon: float
) -> None:
    graph, how = undirected(graph), replace(STRONG, epsilon=epsilon, slack0=0)
    network, adjacencies = exact(steps, graph, how, 4)
    x = dense_features(graph).double()
    network(x, adjacencies)
    rough = np.eye(graph.nodes) - smoothing(graph)
    _, _, changes = on_h(x.numpy(), smoothing(graph), graph.edges / 2, how, 4)
    kept = [float(layer.multiplier) for layer in network.layers]
    for before, after, change in zip(kept[:-1], kept[1:], changes[:-1], strict=True):
        violated = np.trace(change.T @ rough @ change) - epsilon * graph.edges / 2
        if violated > 1e-6:
            assert after > before or after == how.largest_lambda
        elif violated < -1e-6:
            assert after < before or after == 0


@settings(max_examples=60)
@given(graph=..., count=st.integers(1, 12))
def test_without_a_multiplier_it_is_personalised_pagerank(
    steps, dense_features, graph: Graph, count: int
) -> None:
    graph = replace(graph, edge_weight=None)
    adjacencies = Adjacencies(Neighbourhoods(graph)).double()
    x = dense_features(graph).double()
    free = steps("smp", graph.features, count, Smp(lambda0=0, eta_lambda=0)).double()
    other = steps("appnp", graph.features, count, Appnp()).double()
    found, expected = free(x, adjacencies), other(x, adjacencies)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_no_multiplier_turns_a_change_round(steps, undirected, depths, karate: Graph) -> None:
    """However steep the ascent: unbounded, ``1 - 2 eta lambda l`` would leave [-1, 1]."""
    graph = undirected(karate)
    network, adjacencies = exact(steps, graph, Smp(eta_lambda=1000, lambda0=1000), 64)
    x = torch.randn(graph.nodes, graph.features, generator=torch.Generator().manual_seed(0))
    found = depths(network, x.double(), adjacencies)
    kept = [float(layer.multiplier) for layer in network.layers]
    assert kept[:3] == [Smp().largest_lambda] * 3
    assert max(kept) == Smp().largest_lambda
    assert np.isfinite(found[-1]).all()
    assert np.abs(found[-1]).max() <= np.abs(found[0]).max() * np.sqrt(18)


def test_evaluation_uses_the_multipliers_that_training_kept(
    steps, unweighted, dense_features, karate: Graph
) -> None:
    adjacencies, _ = unweighted(karate)
    x = dense_features(karate)
    network = steps("smp", karate.features, 3, STRONG, bits=8)
    network(x, adjacencies)
    kept = [layer.multiplier.clone() for layer in network.layers]
    assert len({float(multiplier) for multiplier in kept}) == 3
    network.eval()
    network(5 * x, adjacencies)
    assert [float(layer.multiplier) for layer in network.layers] == [float(one) for one in kept]
    fresh = steps("smp", karate.features, 3, STRONG, bits=8).eval()
    before = fresh(x, adjacencies)
    fresh.load_state_dict(network.state_dict())
    for twin in (fresh, pickle.loads(pickle.dumps(network))):
        assert torch.equal(twin(x, adjacencies), network(x, adjacencies))
    assert not torch.equal(before, fresh(x, adjacencies))
    assert [layer.constants()["multiplier"] for layer in network.layers] == [
        one.numpy() for one in kept
    ]


@pytest.mark.parametrize("count", [1, 3])
def test_each_step_rounds_its_change_and_what_it_sends(
    steps, on_grid, unweighted, dense_features, karate: Graph, count: int
) -> None:
    adjacencies, _ = unweighted(karate)
    x, adjacency = dense_features(karate), adjacencies.of("smp")
    network = steps("smp", karate.features, count, STRONG, bits=3)
    network(x, adjacencies)
    network.eval()
    with network.recording() as seen:
        network(x, adjacencies)
    quantizers = dict(network.quantizers())

    def rounded(slot: tuple[int, str], real: Tensor) -> Tensor:
        return on_grid(NUDGE * real, quantizers[slot].qparams())

    sent = x / adjacency.root
    v = rounded((0, "message"), sent)
    assert torch.equal(seen[0, "message"], v)
    for step, layer in enumerate(network.layers):
        descent = STRONG.eta * (STRONG.mu * adjacency.mean(v) + sent) + (STRONG.kept - 1) * v
        change = rounded((step, "change"), descent)
        assert torch.equal(seen[step, "change"], change)
        correction = 2 * STRONG.eta * layer.multiplier * (change - adjacency.mean(change))
        v = v + change - correction
        v = rounded((step, "output"), v if step < count - 1 else v * adjacency.root)
        assert torch.equal(seen[step, "output"], v)


def test_gradients_are_true(steps, unweighted, karate: Graph) -> None:
    adjacencies = unweighted(karate)[0].double()
    network = steps("smp", 2, 2, STRONG).double().eval()
    rng = torch.Generator().manual_seed(0)
    shape = (karate.nodes, 2)
    x = torch.randn(shape, generator=rng, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: network(x, adjacencies), (x,))
