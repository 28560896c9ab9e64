"""Elastic message passing: its equations on H, the optimum of its objective, its duals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from engine.graphs import Graph, Neighbourhoods
from engine.learning.adjacency import Adjacencies
from engine.learning.layers.state import State
from engine.learning.protection import ProtectedRows
from engine.spec import NUDGE, Appnp, Elastic

CONSTANTS = st.builds(Elastic, lambda1=st.floats(0, 2), lambda2=st.floats(0, 9))


def normalised_incidence(graph: Graph, smooth: np.ndarray) -> np.ndarray:
    """Return B, a row an undirected edge: ``h_i / sqrt(d_i) - h_j / sqrt(d_j)``."""
    root = 1 / np.sqrt(np.diag(smooth))  # a node's own entry of A_hat is 1 / d
    pairs = Neighbourhoods(graph).incidence
    rows = np.zeros((pairs.pairs, graph.nodes))
    for pair, (first, second) in enumerate(zip(pairs.first, pairs.second, strict=True)):
        rows[pair, first], rows[pair, second] = 1 / root[first], -1 / root[second]
    return rows


def on_h(
    x: np.ndarray, smooth: np.ndarray, b: np.ndarray, how: Elastic, count: int
) -> tuple[list[np.ndarray], np.ndarray]:
    """Return H after each step and the last duals, by the equations as they are written."""
    gamma = 1 / (1 + how.lambda2)
    beta = 1 / (2 * gamma)
    h, z = x, np.zeros((len(b), x.shape[1]))
    found = [h]
    for _ in range(count):
        y = gamma * x + (1 - gamma) * smooth @ h
        proposal = y - gamma * b.T @ z
        z = np.clip(z + beta * b @ proposal, -how.lambda1, how.lambda1)
        h = y - gamma * b.T @ z
        found.append(h)
    return found, z


@settings(max_examples=150)
@given(graph=..., how=CONSTANTS, count=st.integers(1, 5))
def test_steps_on_v_are_the_equations_on_h(
    steps, depths, smoothing, undirected, dense_features, graph: Graph, how: Elastic, count: int
) -> None:
    graph = replace(graph, edge_weight=None)
    smooth = smoothing(undirected(graph))
    x = dense_features(graph).double()
    network = steps("elastic", graph.features, count, how).double()
    adjacencies = Adjacencies(Neighbourhoods(graph)).double()
    b = normalised_incidence(graph, smooth)
    expected, _ = on_h(x.numpy(), smooth, b, how, count)
    size = 1 + max(np.abs(h).max() for h in expected)
    for one, wanted in zip(depths(network, x, adjacencies), expected, strict=True):
        np.testing.assert_allclose(one, wanted, rtol=1e-9, atol=1e-10 * size)


@settings(max_examples=12)
@given(graph=..., how=CONSTANTS)
def test_steps_approach_the_optimum_of_the_objective(
    steps, undirected, smoothing, depths, dense_features, graph: Graph, how: Elastic
) -> None:
    """With duals that prove it: no H has a lower objective than the dual's value."""
    graph = undirected(graph)
    smooth, x = smoothing(graph), dense_features(graph).double()
    b, start = normalised_incidence(graph, smooth), x.numpy()
    curved = (1 + how.lambda2) * np.eye(graph.nodes) - how.lambda2 * smooth

    def objective(h: np.ndarray) -> float:
        quadratic = 0.5 * np.sum((h - start) ** 2) + how.lambda2 / 2 * np.sum((b @ h) ** 2)
        return float(how.lambda1 * np.abs(b @ h).sum() + quadratic)

    def lowest(z: np.ndarray) -> float:
        pulled = start - b.T @ z
        best = np.linalg.solve(curved, pulled)
        return float(0.5 * np.sum(start**2) - 0.5 * np.sum(pulled * best))

    _, z = on_h(start, smooth, b, how, 2000)
    assert np.abs(z).max(initial=0) <= how.lambda1
    optimum = lowest(z)
    network = steps("elastic", graph.features, 64, how).double()
    found = depths(network, x, Adjacencies(Neighbourhoods(graph)).double())
    values = np.array([objective(h) for h in found])
    scale = 1e-6 + values[0] - optimum
    assert (values >= optimum - 1e-6 * scale).all()
    assert values[-1] - optimum <= 1e-2 * scale
    last, _ = on_h(start, smooth, b, how, 2000)
    assert objective(last[-1]) - optimum <= 1e-5 * scale


@settings(max_examples=60)
@given(graph=..., count=st.integers(1, 8), lambda2=st.floats(0, 9))
def test_without_the_l1_norm_it_is_personalised_pagerank(
    steps, undirected, dense_features, graph: Graph, count: int, lambda2: float
) -> None:
    graph = undirected(graph)
    adjacencies = Adjacencies(Neighbourhoods(graph)).double()
    x = dense_features(graph).double()
    how = Elastic(lambda1=0, lambda2=lambda2)
    found = steps("elastic", graph.features, count, how).double()(x, adjacencies)
    plain = steps("appnp", graph.features, count, Appnp(teleport=how.gamma)).double()
    torch.testing.assert_close(found, plain(x, adjacencies), rtol=1e-12, atol=1e-12)


@settings(max_examples=60)
@given(graph=..., how=CONSTANTS)
def test_steps_stay_near_what_they_smooth_on_directed_graphs(
    steps, depths, dense_features, graph: Graph, how: Elastic
) -> None:
    """The optimum lies within the anchor's reach, and no step goes far beyond, however many."""
    x = dense_features(graph).double()
    network = steps("elastic", graph.features, 64, how).double()
    adjacencies = Adjacencies(Neighbourhoods(replace(graph, edge_weight=None))).double()
    lengths = [np.linalg.norm(h) for h in depths(network, x, adjacencies)]
    assert max(lengths) <= 2 * lengths[0] + 1e-9


def test_a_hub_that_only_sends_pulls_no_harder(steps, depths) -> None:
    """By degrees of incoming edges alone, scores within 1 swung from 13 to 21 and back."""
    rays = np.arange(1, 40)
    graph = Graph(
        name="star",
        edge_index=np.stack((np.zeros_like(rays), rays)),
        edge_weight=None,
        x=np.linspace(-1, 1, 40, dtype=np.float32)[:, None],
        y=np.zeros(40, np.int64),
        train=np.arange(40) < 1,
        val=np.arange(40) == 1,
        test=np.arange(40) > 1,
        classes=1,
    )
    network = steps("elastic", 1, 10, Elastic()).double()
    x = torch.from_numpy(graph.x).double()
    last = depths(network, x, Adjacencies(Neighbourhoods(graph)).double())[-1]
    assert np.abs(last).max() <= 1


@pytest.mark.parametrize("count", [1, 3])
def test_each_quantizer_stands_in_its_place(
    steps, on_grid, unweighted, dense_features, karate: Graph, count: int
) -> None:
    adjacencies, _ = unweighted(karate)
    x, adjacency = dense_features(karate), adjacencies.of("elastic")
    how = Elastic(lambda1=0.05, lambda2=3)
    network = steps("elastic", karate.features, count, how, bits=3)
    network(x, adjacencies)
    network.eval()
    with network.recording() as seen:
        network(x, adjacencies)
    quantizers = dict(network.quantizers())
    first, second = adjacencies.ends
    signs = torch.zeros(karate.nodes, len(first))
    signs[first, torch.arange(len(first))] = 1
    signs[second, torch.arange(len(first))] = -1

    def check(slot: tuple[int, str], real: Tensor) -> Tensor:
        """Compare a slot with what enters it, up to sums in another order at a code's border."""
        x_hat, params = seen[slot], quantizers[slot].qparams()
        differs = x_hat != on_grid(NUDGE * real, params)
        assert differs.float().mean() < 1e-3
        border = 0.501 * float(params.scale)
        assert ((x_hat - real)[differs].abs() < border).all()
        return x_hat

    sent = x / adjacency.root
    v, z = check((0, "message"), sent), None
    for step in range(count):
        y = check((step, "aggregate"), 0.75 * adjacency.mean(v) + 0.25 * sent)
        proposal = y
        if z is not None:
            proposal = check((step, "proposal"), y - 0.25 * (signs @ z) / adjacency.count)
        moved = 2 * (proposal[first] - proposal[second]) + (0 if z is None else z)
        z = check((step, "dual"), moved.clamp(-0.05, 0.05))
        v = y - 0.25 * (signs @ z) / adjacency.count
        v = check((step, "output"), v if step < count - 1 else v * adjacency.root)


def test_an_edge_with_a_protected_end_is_protected(
    steps, unweighted, dense_features, karate: Graph
) -> None:
    adjacencies, _ = unweighted(karate)
    network = steps("elastic", karate.features, 1, Elastic(lambda1=0.05), bits=2)
    mask = torch.arange(karate.nodes) % 5 == 0
    layer = network.layers[0]
    x = dense_features(karate)
    seen: list[tuple[Tensor, Tensor]] = []
    layer.quantizers["dual"].register_forward_hook(
        lambda _module, inputs, x_hat: seen.append((inputs[0], x_hat))
    )
    layer.advance(State(x), adjacencies, ProtectedRows(mask), None)
    ((real, x_hat),) = seen
    first, second = adjacencies.ends
    kept = mask[first] | mask[second]
    assert torch.equal(real[kept], x_hat[kept])
    assert not torch.equal(real[~kept], x_hat[~kept])


def test_gradients_are_true(steps, unweighted, karate: Graph) -> None:
    adjacencies = unweighted(karate)[0].double()
    network = steps("elastic", 2, 2, Elastic(lambda1=0.5)).double()
    rng = torch.Generator().manual_seed(0)
    shape = (karate.nodes, 2)
    x = torch.randn(shape, generator=rng, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: network(x, adjacencies), (x,))
