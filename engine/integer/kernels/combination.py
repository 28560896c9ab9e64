"""A linear combination of four rows of weights, added to sums.

Two rows are woven together so that the weights of a column lie side by side, and one instruction
multiplies them by two codes and adds up, see `pairs`. Registers are woven half by half: rows are
laid out in the `ORDER` in which the sums then come out as they should.
"""

from __future__ import annotations

from typing import Any

from numba import types

from engine.integer.kernels.compile import intrinsic
from engine.integer.kernels.pairs import (
    HALVES,
    SIZE,
    WORD,
    WORDS,
    cgutils,
    every,
    ir,
    multiply_halves,
    place,
)

COLUMNS = 16
"""Columns of a register of weights."""
ORDER = (0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 12, 13, 14, 15)
"""The column at each place of a register."""

TOGETHER = 4
"""Rows of a combination."""


@intrinsic
def add_combination(typing: Any, weights: Any, rows: Any, codes: Any, sums: Any) -> Any:
    """Add four rows of weights, each times a code, to the sums.

    Args:
        typing: Numba's.
        weights: int16, [F, 16 registers], of every register the columns in `ORDER`.
        rows: Which four rows, int64 [4].
        codes: Four codes, int16 [4].
        sums: int32, [16 registers].
    """
    return types.void(weights, rows, codes, sums), _emit


def _emit(context: Any, builder: Any, signature: Any, operands: Any) -> Any:
    weights, rows, codes, sums = (
        context.make_array(kind)(context, builder, array)
        for kind, array in zip(signature.args, operands, strict=True)
    )
    pairs = []
    for at in range(0, TOGETHER, 2):
        two = [builder.load(place(builder, rows, SIZE, SIZE(at + of))) for of in (0, 1)]
        code = builder.load(place(builder, codes, WORD, SIZE(at)), align=2)
        pairs.append((*two, builder.bitcast(every(builder, code), HALVES)))
    (columns,) = cgutils.unpack_tuple(builder, sums.shape)
    with cgutils.for_range_slice(builder, SIZE(0), columns, SIZE(COLUMNS)) as (column, _):
        added = []
        for half in (0, 1):
            into = place(builder, sums, WORDS, builder.add(column, SIZE(8 * half)))
            added.append((into, builder.load(into, align=4)))
        for *two, code in pairs:
            woven = [
                builder.load(place(builder, weights, HALVES, row, column), align=2) for row in two
            ]
            for half in (0, 1):
                into, before = added[half]
                both = builder.shuffle_vector(*woven, _weave(half))
                after = builder.add(before, multiply_halves(context, builder, code, both))
                added[half] = into, after
        for into, after in added:
            builder.store(after, into, align=4)
    return context.get_dummy_value()


def _weave(half: int) -> Any:
    """Return the places of two registers that one takes to hold half of both, side by side."""
    places = [quarter + 4 * half + at for quarter in (0, 8) for at in range(4)]
    woven = [place + of for place in places for of in (0, COLUMNS)]
    return ir.Constant(ir.VectorType(WORD, COLUMNS), woven)
