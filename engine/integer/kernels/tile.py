"""A tile of a matrix product, its sums in registers.

LLVM keeps no array of sums in registers by itself, so the loop over k is emitted here: some rows of
codes times one or two registers of weights. A register has lanes of 32 bits, one for each column,
and a lane holds the next k of its column, 4 weights of 8 bits or 2 of 16. The codes of a row at the
same k are as many bits; they are loaded as one number and put into every lane. One instruction
then multiplies them all and adds up neighbours, see `pairs`. Where it adds them up in 16 bits, a
tile takes no more steps than cannot overflow, and is widened once at its end.

Where codes and weights have 1 bit, 4 bytes are the next 32 k. XNOR and a count of bits take the
place of the multiplication, and counts add up in bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.integer.kernels.compile import intrinsic
from engine.integer.kernels.pairs import (
    BYTES,
    HALVES,
    SIZE,
    WORD,
    WORDS,
    add_quads,
    count_agreeing,
    multiply_bytes,
    multiply_halves,
    splat,
)
from engine.integer.kernels.vectors import cgutils, every, ir, types

OF_BITS, OF_BYTES, OF_HALVES, IN_QUADS = range(4)
"""How a tile multiplies: bits, bytes in pairs, numbers of 16 bits in pairs, bytes in fours."""

STEP_BYTES = 32
"""Bytes of a register, but of one of bytes in fours, which may be of twice as many."""


def rows_of(register_bytes: int) -> int:
    """Return the rows of a tile.

    Their sums with two registers of columns leave enough registers for the operands: there are 16
    of 32 bytes, or 32 of 64.
    """
    return 10 if register_bytes == 64 else 5


@intrinsic
def tile(
    _: Any,
    way: Any,
    register_bytes: Any,
    registers: Any,
    each: Any,
    codes: Any,
    lanes: Any,
    sums: Any,
    apart: Any,
    steps: Any,
) -> Any:
    """Add to some rows of sums what some steps contribute.

    Args:
        _: Numba's.
        way: How it multiplies; a constant, as the next two are.
        register_bytes: Bytes of a register; `rows_of` says for how many rows.
        registers: How many of weights, 1 or 2.
        each: How often each agreement of bits counts.
        codes: Address of the first row's codes at the first step, without a sign.
        lanes: Address of the weights of the first step.
        sums: Address of the first row's sums.
        apart: Bytes from a row of codes to the next, from a register's columns of weights to the
            next register's, and from a row of sums to the next.
        steps: How many steps; one takes the next 4 bytes of codes and a register of weights.
    """
    emit = _emitter(*(constant.literal_value for constant in (way, register_bytes, registers)))
    three = types.UniTuple(types.intp, 3)
    return types.void(way, register_bytes, registers, *[types.intp] * 4, three, types.intp), emit


def _emitter(way: int, register_bytes: int, registers: int) -> Callable[..., Any]:
    """Return what emits a tile."""
    rows, blocks = range(rows_of(register_bytes)), range(registers)
    words = ir.VectorType(WORD, register_bytes // 4)
    operand, partial, multiply = {
        OF_BITS: (BYTES, BYTES, count_agreeing),
        OF_BYTES: (BYTES, HALVES, multiply_bytes),
        OF_HALVES: (HALVES, WORDS, multiply_halves),
        IN_QUADS: (words, words, None),
    }[way]

    def added(builder: Any, sums: Any, x: Any, weights: Any) -> Any:
        if multiply is None:
            return add_quads(builder, sums, x, weights)
        return builder.add(sums, multiply(builder, x, weights))

    def widened(builder: Any, result: Any, each: Any) -> Any:
        if way == OF_BITS:
            result = multiply_bytes(builder, result, splat(BYTES, 1))
            often = every(builder, builder.trunc(each, WORD), WORDS)
            halves = builder.or_(often, builder.shl(often, splat(WORDS, 16)))
            return multiply_halves(builder, result, builder.bitcast(halves, HALVES))
        return multiply_halves(builder, result, splat(HALVES, 1)) if way == OF_BYTES else result

    def at(builder: Any, kind: Any, start: Any, *strides: tuple[Any, Any]) -> Any:
        for count, stride in strides:
            start = builder.add(start, builder.mul(SIZE(count), stride))
        return builder.inttoptr(start, kind.as_pointer())

    def emit(context: Any, builder: Any, signature: Any, operands: Any) -> Any:
        each, codes, lanes, sums, apart, steps = operands[3:]
        row_bytes, block_bytes, sum_bytes = (builder.extract_value(apart, i) for i in range(3))
        held = {(r, b): cgutils.alloca_once(builder, partial) for r in rows for b in blocks}
        for held_sum in held.values():
            builder.store(splat(partial, 0), held_sum)

        with cgutils.for_range(builder, steps) as loop:
            place = builder.add(lanes, builder.mul(loop.index, SIZE(register_bytes)))
            weights = [
                builder.load(at(builder, operand, place, (b, block_bytes)), align=4) for b in blocks
            ]
            place = builder.add(codes, builder.mul(loop.index, SIZE(4)))
            for r in rows:
                code = builder.load(at(builder, WORD, place, (r, row_bytes)), align=4)
                x = builder.bitcast(every(builder, code, words), operand)
                for b in blocks:
                    more = added(builder, builder.load(held[r, b]), x, weights[b])
                    builder.store(more, held[r, b])

        for (r, b), held_sum in held.items():
            result = widened(builder, builder.load(held_sum), each)
            into = at(builder, words, sums, (r, sum_bytes), (b, SIZE(register_bytes)))
            builder.store(builder.add(builder.load(into, align=4), result), into, align=4)
        return context.get_dummy_value()

    return emit
