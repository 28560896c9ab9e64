"""Graph attention is composed as its equations say, each head and edge by itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from engine.graphs import Neighbours
from engine.integer import NUMPY, Calibrator, bind
from engine.spec import LayerQuant, LayerSpec, QuantSpec


@pytest.mark.parametrize(("heads", "concat"), [(1, True), (3, True), (3, False)])
def test_float_program_is_the_equation(case: Callable, heads: int, concat: bool) -> None:
    spec = LayerSpec(operator="gat", inputs=5, outputs=6, heads=heads, concat=concat, slope=0.3)
    drawn = case(heads, layers=(spec,), features=5, nodes=12, edges=40, sparse=False)
    held = {name: drawn.reference.constants[0, name] for name in spec.constants}
    channels = 6 // heads if concat else 6
    feature = (drawn.x @ held["weight"]).reshape(12, heads, channels)
    source, target = held["attention"].reshape(2, heads, channels)
    neighbours = drawn.neighbourhoods.of("gat")
    wanted = np.zeros((12, heads, channels))
    for node in range(12):
        around = neighbours.source[neighbours.rowptr[node] : neighbours.rowptr[node + 1]]
        for head in range(heads):
            scores = np.array(
                [
                    feature[j, head] @ source[head] + feature[node, head] @ target[head]
                    for j in around
                ]
            )
            share = np.exp(np.where(scores > 0, scores, 0.3 * scores))
            wanted[node, head] = (share / share.sum()) @ feature[around, head]
    wanted = wanted.reshape(12, -1) if concat else wanted.mean(axis=1)
    got = drawn.bind(drawn.reference).run()
    np.testing.assert_allclose(got, wanted + held["bias"], rtol=1e-3, atol=1e-5)


def test_a_hub_of_a_hundred_thousand(case: Callable, arranged: Callable) -> None:
    """Its coefficients add up to 1, so that 8 bits fit int32, where 100,000 reaches would not."""
    nodes = 100_000
    spec = LayerSpec(operator="gat", inputs=2, outputs=2, heads=2)
    drawn = case(0, layers=(spec,), features=2, nodes=nodes, edges=0, sparse=False)
    own = np.arange(nodes, dtype=np.int32)
    rowptr = np.concatenate([[0], nodes + np.arange(nodes)])
    star = arranged(Neighbours(rowptr, np.concatenate([own, own[1:]]), None, None))
    quant = LayerQuant().map(lambda c, _: QuantSpec(bits=8, signed=c != "coefficient"))
    exact = bind(drawn.reference, star, drawn.x).trace()
    plan = bind(Calibrator(drawn.reference, exact).program([quant]), star, drawn.x)
    (proof,) = (proof for proof in plan.proofs if proof.stage == "0.aggregate")
    assert proof.accumulator.name == "int32"
    assert 255 * 128 * nodes > 2**31
    trace, twin = plan.trace(), plan.trace(NUMPY)
    for name in ("coefficient", "aggregate"):
        np.testing.assert_array_equal(trace.codes(0, name), twin.codes(0, name))
    assert trace.value(0, "coefficient").shape == (2 * nodes - 1, 2)
