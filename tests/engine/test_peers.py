"""The float32 peers compute what the program computes, and are timed in turn."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.graphs import Graph, Neighbourhoods
from engine.integer import Program, bind, program_of
from engine.peers import median_ms, pyg_default, torch_best
from engine.spec import DiffGroupNorm, Elastic, ModelSpec, PairNorm, Smp, SpecError

MODELS = {
    "gcn": ModelSpec(residual=True, layers=3),
    "gcn batch norm": ModelSpec(batch_norm=True, activation="elu"),
    "gat": ModelSpec(operator="gat", heads=2, batch_norm=True),
    "gin": ModelSpec(operator="gin", layers=3),
    "gin plain": ModelSpec(operator="gin", batch_norm=False),
    "gcn pair norm": ModelSpec(normalization=PairNorm(scale=2)),
    "gin group norm": ModelSpec(operator="gin", normalization=DiffGroupNorm(weight=0.5)),
    "sage": ModelSpec(operator="sage"),
    "sage max": ModelSpec(operator="sage", aggregation="max", batch_norm=True),
}


def float_program(graph: Graph, model: ModelSpec) -> Program:
    rng = np.random.default_rng(0)
    layers = model.layer_specs(graph.features, graph.classes)
    constants = {
        (layer, name): rng.normal(size=shape)
        for layer, spec in enumerate(layers)
        for name, shape in spec.constants.items()
    }
    return program_of(layers, constants, {})


@pytest.mark.parametrize("name", list(MODELS))
@given(graph=..., hidden=st.integers(1, 3))
def test_peers_equal_the_program(graph: Graph, name: str, hidden: int) -> None:
    """Wide and narrow layers, so that the cheaper order of the products goes both ways."""
    model = replace(MODELS[name], hidden=2 * hidden)
    if model.operator != "gcn":
        graph = replace(graph, edge_weight=None)
    program, neighbourhoods = float_program(graph, model), Neighbourhoods(graph)
    scores = bind(program, neighbourhoods, graph.x).run()
    size = np.abs(scores).max()
    for forward in (torch_best(program, neighbourhoods, graph), pyg_default(program, graph)):
        np.testing.assert_allclose(forward().numpy(), scores, rtol=1e-3, atol=2e-5 * size)
        again = forward().numpy()
        np.testing.assert_allclose(again, scores, rtol=1e-3, atol=2e-5 * size)


PROPAGATIONS = {
    "appnp": ModelSpec(operator="appnp", steps=4),
    "elastic": ModelSpec(operator="elastic", steps=4, propagation=Elastic(lambda1=0.2)),
    "smp": ModelSpec(operator="smp", steps=4, propagation=Smp(eta=0.05)),
}


@pytest.mark.parametrize("name", list(PROPAGATIONS))
@given(graph=...)
def test_propagations_on_h_equal_the_program_on_v(graph: Graph, name: str) -> None:
    graph, model = replace(graph, edge_weight=None), replace(PROPAGATIONS[name], hidden=4)
    program, neighbourhoods = float_program(graph, model), Neighbourhoods(graph)
    scores = bind(program, neighbourhoods, graph.x).run()
    found = torch_best(program, neighbourhoods, graph)
    for _ in range(2):
        size = np.abs(scores).max()
        np.testing.assert_allclose(found().numpy(), scores, rtol=1e-3, atol=2e-5 * size)


def test_pyg_has_no_peer_of_a_propagation(karate: Graph) -> None:
    with pytest.raises(SpecError, match="operator: got 'linear', accepts a convolution"):
        pyg_default(float_program(karate, PROPAGATIONS["appnp"]), karate)


def test_the_pool_of_a_network_for_graphs(karate: Graph) -> None:
    model = ModelSpec(operator="gin", hidden=6, pool="mean")
    program, neighbourhoods = float_program(karate, model), Neighbourhoods(karate)
    scores = bind(program, neighbourhoods, karate.x).run()
    assert scores.shape == (1, karate.classes)
    found = torch_best(program, neighbourhoods, karate)().numpy()
    np.testing.assert_allclose(found, scores, rtol=1e-3)


def test_forwards_are_timed_in_turn() -> None:
    calls: list[str] = []

    def slow() -> None:
        calls.append("slow")
        time.sleep(0.02)

    slow_ms, fast_ms = median_ms(slow, lambda: calls.append("fast"), rounds=3)
    assert calls == ["slow", "fast"] * 4, "a warm-up, then three rounds"
    assert slow_ms >= 20
    assert slow_ms > fast_ms


def test_no_round_begins_beyond_the_budget() -> None:
    calls: list[Any] = []

    def forward() -> None:
        calls.append(None)
        time.sleep(0.01)

    assert len(median_ms(forward, rounds=1000, budget_s=0.05)) == 1
    assert len(calls) < 20


@pytest.mark.parametrize("rounds", [1, 2])
def test_a_single_round_is_a_median(rounds: int) -> None:
    assert len(median_ms(int, str, rounds=rounds)) == 2
