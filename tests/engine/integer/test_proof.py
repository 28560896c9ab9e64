"""The bound decides the accumulator, and refuses what none holds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from engine.affine import QParams, qparams
from engine.integer import AccumulatorOverflow, Proof, bind
from engine.integer.proof import reach
from engine.spec import LayerQuant, ModelSpec, QuantSpec


@pytest.mark.parametrize(
    ("bound", "accumulator", "headroom"),
    [
        (0, "int32", 31),
        (2**31 - 1, "int32", 0),
        (2**31, "int64", 32),
        (2**63 - 1, "int64", 0),
    ],
)
def test_accumulator(bound: int, accumulator: str, headroom: float) -> None:
    proof = Proof("0.feature", bound)
    assert proof.accumulator.name == accumulator
    assert proof.headroom_bits == pytest.approx(headroom, abs=1e-8)


def test_refuses_beyond_int64() -> None:
    with pytest.raises(AccumulatorOverflow, match=r"stage 1\.aggregate .* 2\^63\.0 .* fewer bits"):
        Proof("1.aggregate", 2**63)


@pytest.mark.parametrize("low", [-1.0, -0.1, 0.0])
def test_reach_is_the_farthest_code_from_zero(low: float) -> None:
    params = qparams(low, 1.0, QuantSpec(bits=5))
    codes = np.arange(params.spec.qmin, params.spec.qmax + 1)
    assert reach(params) == np.abs(codes - params.zero).max()


def star(case: Callable, arranged: Callable, nodes: int, bits: int) -> tuple:
    """Return a network of 16-bit codes and a graph in which all nodes send to the first."""
    model = ModelSpec(layers=2, hidden=1)
    drawn = case(0, nodes=nodes, edges=0, weighted=False, sparse=False, model=model, features=1)
    spec = QuantSpec(bits=bits, signed=False)
    layers = (LayerQuant(norm=spec, message=spec), LayerQuant())
    program = drawn.quantized(layers)
    rowptr = np.minimum(np.arange(nodes + 1, dtype=np.int64) * nodes, nodes)
    neighbours = type(drawn.neighbours)(
        rowptr,
        np.arange(nodes, dtype=np.int32),
        np.ones(nodes, np.float32),
        np.ones(nodes, np.float32),
    )
    return program, arranged(neighbours), drawn.x


def test_the_graph_decides(case: Callable, arranged: Callable) -> None:
    program, neighbours, x = star(case, arranged, 100, 16)
    (proof,) = bind(program, neighbours, x).proofs
    assert proof.stage == "0.aggregate"
    wanted = 65535 * 65535 * 100 * reach(program.params[0, "message"])
    assert wanted <= proof.bound <= wanted * (1 + 1e-12)
    assert proof.node_headroom_bits is not None
    assert proof.node_headroom_bits[0] == pytest.approx(proof.headroom_bits)
    assert (proof.node_headroom_bits[1:] == 63).all()


def test_a_hub_too_large_is_refused(case: Callable, arranged: Callable) -> None:
    program, neighbours, x = star(case, arranged, 80_000, 16)
    with pytest.raises(AccumulatorOverflow, match=r"0\.aggregate"):
        bind(program, neighbours, x)
    (proof,) = bind(*star(case, arranged, 80_000, 8)).proofs
    assert proof.accumulator.name == "int64"


def test_parameters_are_compared_by_identity() -> None:
    params = qparams(0, 1, QuantSpec(bits=8))
    assert params != QParams(params.spec, params.scale, params.zero)
