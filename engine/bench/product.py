"""How fast codes are multiplied by weights, beside torch's and other products."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.affine import qparams
from engine.bench import loops
from engine.bench.machine import Machine
from engine.bench.race import Effort, Rival
from engine.bench.report import Report, measured
from engine.graphs import Graph, Neighbourhoods
from engine.integer import NUMBA, Plan, bind, program_of
from engine.spec import BESIDE_SIGNS, LayerSpec, QuantSpec

ONNX = "ONNX Runtime, MatMulInteger"

WIDTHS = ((8, 8), (4, 8), (4, 4), (2, 8), (2, 2), (1, 1))
"""Bits of the codes and of the weights."""


def bench_product(
    nodes: int,
    features: int,
    hidden: int,
    machine: Machine,
    effort: Effort,
    *,
    bits: Sequence[tuple[int, int]] = WIDTHS,
) -> Report:
    """Return the times of multiplying [N, F] codes by [F, F'] weights, requantized to codes.

    Of the others, torch's quantized linear layers give requantized codes too, the rest float32 or
    int32 sums.

    Args:
        nodes: Rows N.
        features: Features F.
        hidden: Features F' after it.
        machine: The machine.
        effort: How often each is run.
        bits: Widths of the codes and of the weights; the result has the codes', or 8 bits where
            those are signs.
    """
    rng = np.random.default_rng(0)
    x = rng.standard_normal((nodes, features), np.float32)
    weight = rng.uniform(-0.1, 0.1, (features, hidden)).astype(np.float32)
    operations = nodes * features * hidden
    others, skipped = _others(x, weight, operations, machine.threads, effort.against)
    own = [_ours(x, weight, *widths) for widths in bits]
    return measured(
        "product",
        {"nodes": nodes, "features": features, "hidden": hidden},
        [*others, *own],
        machine,
        effort,
        skipped=skipped,
    )


def product_plan(
    x: NDArray[np.float32], weight: NDArray[np.float32], bits: int, weight_bits: int
) -> Plan:
    """Return a linear layer as a bound program, its ``feature`` in codes of the input's width.

    Args:
        x: [N, F].
        weight: [F, F'].
        bits: Width of the input and of the product, which has 8 bits where the input has 1.
        weight_bits: Width of the weight.
    """
    inputs, outputs = weight.shape
    signed, narrow = QuantSpec(bits=bits), QuantSpec(bits=weight_bits)
    made = QuantSpec(bits=BESIDE_SIGNS) if bits == 1 else signed
    reach = 3 * float(np.abs(weight).max()) * np.sqrt(inputs)
    params = {
        (0, "input"): qparams(x.min(), x.max(), signed),
        (0, "weight"): qparams(weight.min(), weight.max(), narrow),
        (0, "feature"): qparams(-reach, reach, made),
    }
    layer = LayerSpec(operator="linear", inputs=inputs, outputs=outputs)
    constants = {(0, "weight"): weight, (0, "bias"): np.zeros(outputs, np.float32)}
    return bind(program_of((layer,), constants, params), Neighbourhoods(_without_edges(x)), x)


def _ours(x: Any, weight: Any, bits: int, weight_bits: int) -> Rival:
    plan = product_plan(x, weight, bits, weight_bits)
    step = plan.steps[0]
    held = {(0, "input"): plan.features, **plan.constants}
    slots = (0, "input"), (0, "weight"), (0, "feature")
    return Rival(
        name=f"ours, {bits}×{weight_bits} bits",
        run=lambda: step.run(held, NUMBA),
        operations=step.operations,
        bytes_moved=sum(map(plan.bytes_of, slots)),
    )


def _others(
    x: NDArray[np.float32],
    weight: NDArray[np.float32],
    operations: int,
    threads: int,
    against: Sequence[str],
) -> tuple[list[Rival], dict[str, str]]:
    def rival(name: str, run: Any, size: int, size_out: int) -> Rival:
        moved = size * (x.size + weight.size) + size_out * x.shape[0] * weight.shape[1]
        return Rival(name=name, run=run, operations=operations, bytes_moved=moved)

    rivals: list[Rival] = []
    skipped: dict[str, str] = {}
    if "torch" in against:
        from engine.peers.products import onnx_integers, torch_float, torch_integers

        codes = np.clip(np.rint(40 * x) + 128, 0, 255).astype(np.uint8)
        narrow = np.rint(1000 * weight).astype(np.int8)
        rivals.append(rival("torch, float32", torch_float(x, weight), 4, 4))
        for name, run in torch_integers(codes, narrow).items():
            rivals.append(rival(name, run, 1, 4 if "int_mm" in name else 1))
        onnx = onnx_integers(codes, narrow, threads)
        if onnx is None:
            skipped[ONNX] = "onnx and onnxruntime are not installed; the extra graphbits[onnx] does"
        else:
            rivals.append(rival(ONNX, onnx, 1, 4))
    for kind in (np.float32, np.int32) if "loops" in against else ():
        left, right = (100 * x).astype(kind), (100 * weight).astype(kind)
        out = np.empty((x.shape[0], weight.shape[1]), kind)

        def multiply(left: Any = left, right: Any = right, out: Any = out) -> None:
            loops.product(left, right, out)

        rivals.append(rival(f"our loop, {np.dtype(kind).name}", multiply, 4, 4))
    return rivals, skipped


def _without_edges(x: NDArray[np.float32]) -> Graph:
    part = np.arange(len(x)) % 3
    return Graph(
        name="rows",
        edge_index=np.empty((2, 0), np.int64),
        x=x,
        y=np.zeros(len(x), np.int64),
        train=part == 0,
        val=part == 1,
        test=part == 2,
        classes=1,
    )
