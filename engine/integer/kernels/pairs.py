"""Vectors of products of which neighbours are added up: one instruction, or several.

What x86 calls `pmaddubsw` and `pmaddwd` does more multiplications a cycle than any float32
instruction of the same machine, and `vpdpbusd`, which adds up four at once in 32 bits, twice as
many again. LLVM finds them in plain vector code only at times, so they are called by name where
there is AVX2, or VNNI, and where there is not, written out for LLVM to do its best.
"""

from __future__ import annotations

from typing import Any

from engine.integer.kernels.compile import machine_has
from engine.integer.kernels.vectors import cgutils, ir

BYTE, HALF, WORD, SIZE = (ir.IntType(bits) for bits in (8, 16, 32, 64))
BYTES, HALVES, WORDS = ir.VectorType(BYTE, 32), ir.VectorType(HALF, 16), ir.VectorType(WORD, 8)


def quad_bytes() -> int:
    """Return the bytes of the longest register whose products are added up in fours; 0 for none."""
    if machine_has("avx512vnni"):
        return 64
    return 32 if machine_has("avxvnni") else 0


def add_quads(builder: Any, sums: Any, x: Any, y: Any) -> Any:
    """Emit sums of 32 bits plus four products of bytes each, x without a sign.

    All are vectors of 32 bits, as long as `quad_bytes` says or half of it.
    """
    name = f"llvm.x86.avx512.vpdpbusd.{32 * sums.type.count}"
    return _call(builder, name, sums.type, sums, x, y)


def multiply_bytes(builder: Any, x: Any, y: Any) -> Any:
    """Emit the sums of two products each of 32 bytes, x without a sign, in 16 bits.

    No sum may be beyond 16 bits.
    """
    if machine_has("avx2"):
        return _call(builder, "llvm.x86.avx2.pmadd.ub.sw", HALVES, x, y)
    x, y, byte = builder.bitcast(x, HALVES), builder.bitcast(y, HALVES), splat(HALVES, 8)
    low = builder.ashr(builder.shl(y, byte), byte)
    return builder.add(
        builder.mul(builder.and_(x, splat(HALVES, 255)), low),
        builder.mul(builder.lshr(x, byte), builder.ashr(y, byte)),
    )


def multiply_halves(builder: Any, x: Any, y: Any) -> Any:
    """Emit the sums of two products each of 16 numbers of 16 bits, in 32 bits."""
    if machine_has("avx2"):
        return _call(builder, "llvm.x86.avx2.pmadd.wd", WORDS, x, y)
    x, y, half = builder.bitcast(x, WORDS), builder.bitcast(y, WORDS), splat(WORDS, 16)
    low = [builder.ashr(builder.shl(operand, half), half) for operand in (x, y)]
    high = [builder.ashr(operand, half) for operand in (x, y)]
    return builder.add(builder.mul(*low), builder.mul(*high))


def count_agreeing(builder: Any, x: Any, opposite: Any) -> Any:
    """Emit how many bits of 32 bytes differ from those of others, in bytes."""
    kind = ir.FunctionType(BYTES, [BYTES])
    count = cgutils.get_or_insert_function(builder.module, kind, "llvm.ctpop.v32i8")
    return builder.call(count, [builder.xor(x, opposite)])


def splat(kind: Any, number: int) -> Any:
    """Return a vector of one constant."""
    return ir.Constant(kind, [number] * kind.count)


def weave(half: int) -> Any:
    """Return the places of two registers that one takes to hold half of both, side by side.

    Registers are woven half by half, each on its own, as `WOVEN` says: that is one instruction.
    """
    places = [quarter + 4 * half + at for quarter in (0, 8) for at in range(4)]
    return ir.Constant(ir.VectorType(WORD, 16), [p + of for p in places for of in (0, 16)])


WOVEN = (0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 12, 13, 14, 15)
"""The column at each place of a register whose woven halves come out in order."""


def _call(builder: Any, name: str, result: Any, *operands: Any) -> Any:
    kind = ir.FunctionType(result, [operand.type for operand in operands])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), operands)
