"""Arithmetic on vectors of 32-bit numbers, real ones too: what our wide loops add to the kernels'.

A vector's lanes are bits to LLVM until an instruction says what they hold.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from engine.integer.kernels.compile import intrinsic

ir: Any = import_module("llvmlite.ir")  # these carry no types
types: Any = import_module("numba.core.types")

INDEX = ir.IntType(32)


@intrinsic
def add_real(_: Any, x: Any, y: Any) -> Any:
    """Return ``x + y`` of vectors whose lanes hold float32."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        real = _real(x.lanes)
        total = builder.fadd(*(builder.bitcast(value, real) for value in values))
        return builder.bitcast(total, x.value)

    return x(x, y), emit


@intrinsic
def add_product(_: Any, total: Any, number: Any, x: Any) -> Any:
    """Return ``total + number x``, in float32 or int32 as the number is."""
    real = isinstance(number, types.Float)

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = _real(total.lanes) if real else total.value
        sums, lanes = (builder.bitcast(values[index], kind) for index in (0, 2))
        first = builder.insert_element(ir.Constant(kind, ir.Undefined), values[1], INDEX(0))
        everywhere = ir.Constant(ir.VectorType(INDEX, total.lanes), None)
        factor = builder.shuffle_vector(first, first, everywhere)
        fused = ["contract"]  # in one instruction, which rounds once
        if real:
            held = builder.fadd(sums, builder.fmul(factor, lanes, flags=fused), flags=fused)
        else:
            held = builder.add(sums, builder.mul(factor, lanes))
        return builder.bitcast(held, total.value)

    return total(total, number, x), emit


def _real(lanes: int) -> Any:
    return ir.VectorType(ir.FloatType(), lanes)
