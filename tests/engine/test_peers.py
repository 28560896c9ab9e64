"""The float32 peers compute what the program computes, and are timed in turn."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.graphs import Graph, gcn_neighbours
from engine.integer import GcnWeights, Program, bind, gcn_program
from engine.peers import median_ms, pyg_default, torch_best
from engine.spec import ModelSpec


def float_program(graph: Graph, model: ModelSpec) -> Program:
    rng = np.random.default_rng(0)
    widths = [graph.features, *[model.hidden] * (model.layers - 1), graph.classes]
    layers = [
        GcnWeights(
            rng.normal(size=(widths[layer], widths[layer + 1])).astype(np.float32),
            rng.normal(size=widths[layer + 1]).astype(np.float32),
        )
        for layer in range(model.layers)
    ]
    return gcn_program(model, layers, {})


@given(graph=..., hidden=st.integers(1, 7), layers=st.integers(2, 4), residual=st.booleans())
def test_peers_equal_the_program(graph: Graph, hidden: int, layers: int, residual: bool) -> None:
    """Wide and narrow layers, so that the cheaper order of the products goes both ways."""
    model = ModelSpec(layers=layers, hidden=hidden, residual=residual)
    program, neighbours = float_program(graph, model), gcn_neighbours(graph)
    scores = bind(program, neighbours, graph.x).run()
    size = np.abs(scores).max()
    for forward in (torch_best(program, neighbours, graph), pyg_default(program, graph)):
        np.testing.assert_allclose(forward().numpy(), scores, rtol=1e-3, atol=1e-5 * size)
        again = forward().numpy()
        np.testing.assert_allclose(again, scores, rtol=1e-3, atol=1e-5 * size)


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
