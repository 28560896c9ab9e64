"""A tile of a matrix product, its sums in registers.

LLVM keeps no array of sums in registers by itself, so the loop over k is emitted here: 5 rows of
codes times 8 or 16 columns of weights. A register has 8 lanes of 32 bits, one for each column, and
a lane holds the next k of its column, 4 weights of 8 bits or 2 of 16. The codes of a row at the
same k are as many bits; they are loaded as one number and put into every lane. One instruction
then multiplies them all and adds up neighbours, see `pairs`. Products of bytes add up in 16 bits,
so a tile takes no more steps than cannot overflow, and is widened once at its end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import types

from engine.integer.kernels.compile import intrinsic
from engine.integer.kernels.pairs import (
    BYTES,
    HALVES,
    SIZE,
    WORD,
    WORDS,
    cgutils,
    every,
    multiply_bytes,
    multiply_halves,
    place,
    splat,
)

ROWS = 5
"""Rows of a tile: with 16 columns, 10 registers of sums, which leaves enough for the operands."""
LANES = 8
"""Columns of a register."""


@intrinsic
def tile_8(
    typing: Any, codes: Any, lanes: Any, sums: Any, row: Any, block: Any, first: Any, last: Any
) -> Any:
    """Add to 5 rows and 8 columns of the sums what the steps from first to last contribute.

    Args:
        typing: Numba's.
        codes: [rows, F], int8, of which the sign is ignored, or int16, as lanes.
        lanes: [blocks of 8 columns, steps, k and columns of a step].
        sums: int32, [rows, 8 blocks].
        row: The first row.
        block: The first block of columns.
        first: The first step.
        last: The step after the last.
    """
    return _signature(codes, lanes, sums), _emitter(1)


@intrinsic
def tile_16(
    typing: Any, codes: Any, lanes: Any, sums: Any, row: Any, block: Any, first: Any, last: Any
) -> Any:
    """Do what `tile_8` does for 16 columns."""
    return _signature(codes, lanes, sums), _emitter(2)


def _signature(codes: Any, lanes: Any, sums: Any) -> Any:
    return types.void(codes, lanes, sums, *[types.intp] * 4)


def _emitter(registers: int) -> Callable[..., Any]:
    """Return what emits a tile of so many registers of columns."""

    def emit(context: Any, builder: Any, signature: Any, operands: Any) -> Any:
        codes, lanes, sums = (
            context.make_array(kind)(context, builder, array)
            for kind, array in zip(signature.args[:3], operands[:3], strict=True)
        )
        row, block, first, last = operands[3:]
        narrow = signature.args[1].dtype == types.int8
        operand, partial = (BYTES, HALVES) if narrow else (HALVES, WORDS)
        multiply = multiply_bytes if narrow else multiply_halves
        step_codes = SIZE(4 if narrow else 2)
        blocks = [builder.add(block, SIZE(more)) for more in range(registers)]
        rows = [builder.add(row, SIZE(more)) for more in range(ROWS)]
        held = {(r, b): cgutils.alloca_once(builder, partial) for r in rows for b in blocks}
        for sum_ in held.values():
            builder.store(splat(partial, 0), sum_)

        with cgutils.for_range_slice(builder, first, last, SIZE(1)) as (step, _):
            weights = [
                builder.load(place(builder, lanes, operand, b, step), align=4) for b in blocks
            ]
            k = builder.mul(step, step_codes)
            for r in rows:
                code = builder.load(place(builder, codes, WORD, r, k), align=4)
                x = builder.bitcast(every(builder, code), operand)
                for b, weight in zip(blocks, weights, strict=True):
                    products = multiply(context, builder, x, weight)
                    builder.store(builder.add(builder.load(held[r, b]), products), held[r, b])

        for (r, b), sum_ in held.items():
            added = builder.load(sum_)
            if narrow:
                added = multiply_halves(context, builder, added, splat(HALVES, 1))
            into = place(builder, sums, WORDS, r, builder.mul(b, SIZE(LANES)))
            builder.store(builder.add(builder.load(into, align=4), added), into, align=4)
        return context.get_dummy_value()

    return emit
