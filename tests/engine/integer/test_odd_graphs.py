"""Whole programs of every operator where a graph is at its oddest: kernels against their twins."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from engine.graphs import Neighbourhoods, Neighbours
from engine.graphs.graph import Graph
from engine.integer import Calibrator, Plan, bind
from engine.integer.kernels.table import NUMPY
from engine.spec import LayerSpec, ModelSpec, scheme

HUB = 100_000
OPERATORS = ("gcn", "gat", "gin", "sage")


def star(nodes: int) -> Graph:
    """Return a graph in which all nodes but the first send to it, and nothing else is sent."""
    sources = np.arange(1, nodes)
    return graph(nodes, np.stack((sources, np.zeros_like(sources))))


def graph(nodes: int, edge_index: np.ndarray) -> Graph:
    """Return a graph of no other interest."""
    split = np.arange(nodes) % 3
    return Graph(
        name="odd",
        edge_index=edge_index.astype(np.int64),
        edge_weight=None,
        x=np.zeros((nodes, 1), np.float32),
        y=np.zeros(nodes, np.int64),
        train=split == 0,
        val=split == 1,
        test=split == 2,
        classes=1,
    )


def planned(case: Callable, model: ModelSpec, of: Neighbourhoods, bits: int) -> Plan:
    """Return a random program of a model, calibrated on a small graph, bound to an odd one."""
    pooled = {"pool": True} if model.pool != "none" else {}
    layers: tuple[LayerSpec, ...] = model.layer_specs(3, 2)
    small = case(5, nodes=20, edges=60, weighted=False, sparse=False, layers=layers, features=3)
    trace = small.bind(small.reference).trace()
    assert bool(pooled) == any(layer.pool != "none" for layer in layers)
    program = Calibrator(small.reference, trace).program(
        scheme("ptq", bits=bits, model=model).quant
    )
    x = np.random.default_rng(0).normal(size=(of.nodes, 3)).astype(np.float32)
    return bind(program, of, x)


def check(plan: Plan) -> None:
    """Assert that the kernels and their twins fill every slot alike, and give the same scores."""
    fast, slow = plan.trace(), plan.trace(NUMPY)
    assert fast.values.keys() == slow.values.keys()
    for slot, value in slow.values.items():
        if hasattr(value, "words"):
            np.testing.assert_array_equal(fast.values[slot].words, value.words, str(slot))
    np.testing.assert_array_equal(plan.run(), plan.run(NUMPY))
    np.testing.assert_array_equal(plan.run(), fast.scores)


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("bits", [8, 4, 2])
def test_a_hub_of_100_000_neighbours(case: Callable, operator: str, bits: int) -> None:
    of = Neighbourhoods(star(HUB + 1))
    plan = planned(case, ModelSpec(operator=operator, hidden=8), of, bits)
    assert max(proof.bound for proof in plan.proofs) > HUB
    check(plan)


@pytest.mark.parametrize("operator", OPERATORS)
def test_isolated_nodes(case: Callable, operator: str) -> None:
    of = Neighbourhoods(graph(5, np.zeros((2, 0))))
    check(planned(case, ModelSpec(operator=operator, hidden=8), of, 4))


@pytest.mark.parametrize("operator", OPERATORS)
def test_without_nodes(case: Callable, arranged: Callable, operator: str) -> None:
    """`Graph` refuses this with a sentence; a program runs on it all the same."""
    nobody = Neighbours(
        rowptr=np.zeros(1, np.int64),
        source=np.empty(0, np.int32),
        weight=None,
        coefficient=np.empty(0, np.float32),
    )
    plan = planned(case, ModelSpec(operator=operator, hidden=8), arranged(nobody), 4)
    check(plan)
    assert plan.run().shape == (0, 2)


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("pool", ["sum", "mean", "max"])
def test_a_batch_with_graphs_of_one_node_and_of_none(
    case: Callable, operator: str, pool: str
) -> None:
    edges = np.array([[0, 1, 2, 3, 5, 6], [1, 2, 0, 3, 6, 5]])
    of = Neighbourhoods(graph(7, edges), np.array([0, 3, 4, 4, 5, 7]))
    plan = planned(case, ModelSpec(operator=operator, hidden=8, pool=pool), of, 4)
    check(plan)
    assert plan.run().shape == (5, 2)
