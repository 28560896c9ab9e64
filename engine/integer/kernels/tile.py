"""A tile of a matrix product, its sums in registers.

LLVM keeps no array of sums in registers by itself, so the loop over k is emitted here: 5 rows of
codes times 8 or 16 columns of weights. A register has 8 lanes of 32 bits, one for each column, and
a lane holds the next k of its column, 4 weights of 8 bits or 2 of 16. The codes of a row at the
same k are as many bits; they are loaded as one number and put into every lane. One instruction
then multiplies them all and adds up neighbours, see `pairs`. Products of bytes add up in 16 bits,
so a tile takes no more steps than cannot overflow, and is widened once at its end.

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
    count_agreeing,
    every,
    multiply_bytes,
    multiply_halves,
    splat,
)
from engine.integer.kernels.vectors import cgutils, types

ROWS = 5
"""Rows of a tile: with 16 columns, 10 registers of sums, which leaves enough for the operands."""
LANES = 8
"""Columns of a register."""
STEP_BYTES = 4 * LANES
"""Bytes of a register."""


@intrinsic
def tile_8(
    _: Any,
    number: Any,
    codes: Any,
    row_bytes: Any,
    lanes: Any,
    block_bytes: Any,
    sums: Any,
    sum_bytes: Any,
    steps: Any,
) -> Any:
    """Add to 5 rows and 8 columns of sums what some steps contribute.

    Args:
        _: Numba's.
        number: A number of the type of codes and lanes: int8, of codes without a sign, or int16;
            or uint8, of bits, which says how often each agreement counts.
        codes: Address of the first row's codes at the first step.
        row_bytes: Bytes from a row of codes to the next.
        lanes: Address of the weights of the first step.
        block_bytes: Bytes from 8 columns of weights to the next 8.
        sums: Address of the first row's sums.
        sum_bytes: Bytes from a row of sums to the next.
        steps: How many steps; one takes the next 4 bytes of codes and 32 of lanes.
    """
    return types.void(number, *[types.intp] * 7), _emitter(1)


@intrinsic
def tile_16(
    _: Any,
    number: Any,
    codes: Any,
    row_bytes: Any,
    lanes: Any,
    block_bytes: Any,
    sums: Any,
    sum_bytes: Any,
    steps: Any,
) -> Any:
    """Do what `tile_8` does for 16 columns."""
    return types.void(number, *[types.intp] * 7), _emitter(2)


def _emitter(registers: int) -> Callable[..., Any]:
    """Return what emits a tile of so many registers of columns."""

    def emit(context: Any, builder: Any, signature: Any, operands: Any) -> Any:
        number, codes, row_bytes, lanes, block_bytes, sums, sum_bytes, steps = operands
        counts, narrow = (signature.args[0] == kind for kind in (types.uint8, types.int8))
        operand = BYTES if counts or narrow else HALVES
        partial = BYTES if counts else HALVES if narrow else WORDS
        rows, blocks = range(ROWS), range(registers)

        def contributed(x: Any, weights: Any) -> Any:
            if counts:
                return count_agreeing(builder, x, weights)
            return (multiply_bytes if narrow else multiply_halves)(context, builder, x, weights)

        def widened(result: Any) -> Any:
            if counts:
                result = multiply_bytes(context, builder, result, splat(BYTES, 1))
                each = every(builder, builder.zext(number, WORD))
                halves = builder.or_(each, builder.shl(each, splat(WORDS, 16)))
                return multiply_halves(context, builder, result, builder.bitcast(halves, HALVES))
            return multiply_halves(context, builder, result, splat(HALVES, 1)) if narrow else result

        def at(kind: Any, start: Any, *strides: tuple[Any, Any]) -> Any:
            for count, stride in strides:
                start = builder.add(start, builder.mul(SIZE(count), stride))
            return builder.inttoptr(start, kind.as_pointer())

        held = {(r, b): cgutils.alloca_once(builder, partial) for r in rows for b in blocks}
        for added in held.values():
            builder.store(splat(partial, 0), added)

        with cgutils.for_range(builder, steps) as loop:
            step = builder.mul(loop.index, SIZE(STEP_BYTES))
            place = builder.add(lanes, step)
            weights = [builder.load(at(operand, place, (b, block_bytes)), align=4) for b in blocks]
            place = builder.add(codes, builder.mul(loop.index, SIZE(4)))
            for r in rows:
                code = builder.load(at(WORD, place, (r, row_bytes)), align=4)
                x = builder.bitcast(every(builder, code), operand)
                for b in blocks:
                    more = contributed(x, weights[b])
                    builder.store(builder.add(builder.load(held[r, b]), more), held[r, b])

        for (r, b), added in held.items():
            result = widened(builder.load(added))
            into = at(WORDS, sums, (r, sum_bytes), (b, SIZE(STEP_BYTES)))
            builder.store(builder.add(builder.load(into, align=4), result), into, align=4)
        return context.get_dummy_value()

    return emit
