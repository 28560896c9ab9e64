"""The isomorphism layer is composed as its equations say, also around a hub and alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from engine.integer import NUMPY, Calibrator, bind
from engine.spec import LayerQuant, LayerSpec, QuantSpec


@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("eps", [0.0, -1.0, 0.3])
def test_float_program_is_the_equation(case: Callable, eps: float, norm: bool) -> None:
    spec = LayerSpec(operator="gin", inputs=4, outputs=3, hidden=7, hidden_norm=norm, eps=eps)
    drawn = case(1, layers=(spec,), features=4, nodes=15, edges=40, sparse=False)
    held = {name: drawn.reference.constants[0, name] for name in spec.constants}
    neighbours = drawn.neighbourhoods.of("gin")
    adjacency = (1 + eps) * np.eye(15)
    np.add.at(adjacency, (neighbours.targets(), neighbours.source), 1)
    hidden = adjacency @ drawn.x @ held["weight"] + held["hidden_bias"]
    hidden = np.maximum(held.get("hidden_gain", 1) * hidden, 0)
    wanted = hidden @ held["hidden_weight"] + held["bias"]
    got = drawn.bind(drawn.reference).run()
    np.testing.assert_allclose(got, wanted, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("eps", [0.0, 0.1])
def test_a_hub_of_a_hundred_thousand(case: Callable, arranged: Callable, eps: float) -> None:
    """The bound knows the hub; 8 bits then fit int32, and its sum is exact."""
    spec = LayerSpec(operator="gin", inputs=2, outputs=2, hidden=1, eps=eps)
    drawn = case(0, layers=(spec,), features=2, nodes=100_000, edges=0, sparse=False)
    rowptr = np.minimum(np.arange(100_001) * 100_000, 100_000)
    star = arranged(type(drawn.neighbours)(rowptr, np.arange(100_000, dtype=np.int32), None, None))
    quant = LayerQuant(message=QuantSpec(bits=8), aggregate=QuantSpec(bits=16))
    program = Calibrator(drawn.reference, bind(drawn.reference, star, drawn.x).trace()).program(
        [quant]
    )
    plan = bind(program, star, drawn.x)
    (proof,) = (proof for proof in plan.proofs if proof.stage == "0.aggregate")
    assert proof.node_bound is not None
    assert proof.node_bound[0] > 90_000 * proof.node_bound[1]
    assert proof.accumulator.name == ("int64" if eps else "int32")
    trace = plan.trace()
    np.testing.assert_array_equal(
        trace.codes(0, "aggregate"), plan.trace(NUMPY).codes(0, "aggregate")
    )
    message = trace.real(0, "message").astype(np.float64)
    wanted = (1 + eps) * message
    wanted[0] += message.sum(axis=0)
    params = program.params[0, "aggregate"]
    codes = wanted / np.float64(params.scale) + int(params.zero)
    exact = np.clip(codes, params.spec.qmin, params.spec.qmax)
    assert np.abs(trace.codes(0, "aggregate") - exact).max() <= 0.5 + 2.0**-19
