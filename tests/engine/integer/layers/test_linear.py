"""The linear layer maps nodes, or graphs gathered from them; a graph may have one node or none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from engine.graphs import Neighbours
from engine.integer import NUMPY, Calibrator, bind
from engine.spec import LayerQuant, LayerSpec, QuantSpec


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("pool", ["none", "sum", "mean", "max"])
def test_float_program_is_the_equation(case: Callable, pool: str, sparse: bool) -> None:
    spec = LayerSpec(operator="linear", inputs=5, outputs=3, pool=pool)
    drawn = case(3, layers=(spec,), features=5, nodes=15, sparse=sparse, weighted=True)
    drawn.neighbourhoods.pools = np.array([0, 0, 6, 7, 7, 15, 15])
    x = drawn.x.toarray() if sparse else drawn.x
    if pool != "none":
        how = {"sum": np.sum, "mean": np.mean, "max": np.max}[pool]
        ends = drawn.neighbourhoods.pools
        rows = [x[ends[g] : ends[g + 1]] for g in range(6)]
        x = np.array([how(row, axis=0) if len(row) else np.zeros(5) for row in rows])
    wanted = x @ drawn.reference.constants[0, "weight"] + drawn.reference.constants[0, "bias"]
    got = drawn.bind(drawn.reference).run()
    np.testing.assert_allclose(got, wanted, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("operator", ["gin", "sage", "gat"])
@pytest.mark.parametrize("pool", ["sum", "mean", "max"])
def test_graphs_do_not_mix(case: Callable, arranged: Callable, pool: str, operator: str) -> None:
    """A graph in a batch scores what it scores alone, code for code."""
    layers = (
        LayerSpec(operator=operator, inputs=3, outputs=4, activation="elu", batch_norm="after"),
        LayerSpec(operator="linear", inputs=4, outputs=2, pool=pool),
    )
    drawn = case(4, layers=layers, features=3, nodes=9, sparse=False)
    ends = [0, 4, 4, 5, 9]
    graphs = list(pairwise(ends))
    rows = [drawn.rng.integers(*graph, 3) for graph in graphs for _ in range(*graph)]
    whole = Neighbours(np.arange(10) * 3, np.concatenate(rows).astype(np.int32), None, None)
    quant = [LayerQuant().map(lambda *_: QuantSpec(bits=6))] * 2
    around = arranged(whole, ends)
    exact = bind(drawn.reference, around, drawn.x).trace()
    program = Calibrator(drawn.reference, exact).program(quant)
    together = bind(program, around, drawn.x)
    assert together.run().shape == (4, 2)
    assert together.trace().codes(1, "input").shape == (9, 4)
    for graph, (start, end) in enumerate(graphs):
        nodes = end - start
        source = whole.source[3 * start : 3 * end] - np.int32(start)
        alone = arranged(Neighbours(np.arange(nodes + 1) * 3, source, None, None))
        plan = bind(program, alone, drawn.x[start:end])
        np.testing.assert_array_equal(plan.run()[0], together.run()[graph])
        np.testing.assert_array_equal(plan.run(NUMPY)[0], together.run()[graph])


def test_a_pool_is_bounded_by_its_largest_graph(case: Callable) -> None:
    spec = LayerSpec(operator="linear", inputs=2, outputs=3, pool="sum")
    drawn = case(3, layers=(spec,), features=2, nodes=15, sparse=False)
    drawn.neighbourhoods.pools = np.array([0, 2, 2, 15])
    quant = LayerQuant().map(lambda *_: QuantSpec(bits=8, signed=False))
    program = drawn.quantized([quant])
    drawn = replace(drawn, x=np.full((15, 2), 1e6, np.float32))  # every code at its end
    pooled = drawn.bind(program).proofs[0]
    reach = max(int(program.params[0, "input"].zero), 255 - int(program.params[0, "input"].zero))
    assert pooled.node_bound.tolist() == [2 * reach, 0, 13 * reach]
    assert pooled.bound == 13 * reach
