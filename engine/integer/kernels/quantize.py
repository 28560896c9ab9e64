"""Real numbers to packed codes.

A part is of some words of one row, or of a few. Of a row it takes the part whose codes share these
words, place by place, from a copy that may be read beyond its end.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.integer.kernels.compile import routine
from engine.integer.kernels.encode import LANES
from engine.integer.kernels.operands import CodeTarget
from engine.integer.kernels.reals import at_least, at_most, placed, quotients, reals
from engine.integer.kernels.vectors import element, fields, first, join, keep, put, zeros
from engine.integer.kernels.work import Work, work

TOGETHER = 1024
"""Words that are filled at once, of many short rows or of one that is long."""

u = np.uintp


def quantize(x: NDArray[np.floating[Any]], target: CodeTarget) -> tuple[Work, ...]:
    """Write ``clamp(round_half_even(x / scale) + zero, 0, high)``.

    Args:
        x: [N, F].
        target: [N, F]; its factor is the scale of x, float64 [1], which divides.
    """
    words, bits, zero, high, factor = target[:5]
    (rows, columns), count = x.shape, words.shape[1]
    if columns == count:  # a word a code: all rows are one
        rows, columns, count = min(rows * columns, 1), rows * columns, rows * columns
    scale = np.array(factor[:1], np.float64)
    many = max(TOGETHER // max(count, 1), 1)  # rows of a part, where they are short
    pieces = -(-count // TOGETHER)  # parts of a row, where it is long
    operands = (
        *(np.ascontiguousarray(x), words, rows, columns, count, many, max(pieces, 1)),
        *(scale, zero, -zero, high - zero),
    )
    scratch_bytes = 8 * (TOGETHER + LANES) * (8 * words.itemsize // bits + 1)
    address = _quantizing(8 * x.itemsize, 8 * words.itemsize, bits)
    return (work(address, -(-rows // many) * pieces, scratch_bytes, *operands),)


@cache
def _quantizing(real_bits: int, word_bits: int, bits: int) -> int:
    """Return what fills some words.

    Args:
        real_bits: Bits of a real number.
        word_bits: Bits of a word.
        bits: Bits of a code in a word.
    """
    number = np.float32(0) if real_bits == 32 else np.float64(0)
    unit = np.uint8(0) if word_bits == 8 else np.uint16(0)
    real_bytes, word_bytes = real_bits // 8, word_bits // 8

    def quantize_part(of: int, part: int, scratch: int) -> None:
        x, words, rows, columns, count, many, pieces, scale, zero, low, high = fields(u(of), 11)
        divisor = element(np.float64(0), u(scale), u(0))
        begin = part % pieces * TOGETHER
        length = min(TOGETHER, count - begin)
        apart = (length + LANES) * real_bytes
        for row in range(part // pieces * many, min((part // pieces + 1) * many, rows)):
            place = 0
            for column in range(begin, columns, count):
                into = u(scratch + place * apart)
                there = min(length, columns - column)
                for index in range(there):
                    held = element(number, u(x), u(row * columns + column + index))
                    put(held, into, u(index))
                place += 1
            aside = scratch + place * apart
            for word in range(0, length, 8):
                made = zeros(8, word_bits)
                for at in range(place):
                    column = begin + at * count + word
                    from_ = u(scratch + at * apart + word * real_bytes)
                    code = quotients(reals(8), number, from_, divisor)
                    code = at_most(at_least(code, np.float32(low)), np.float32(high))
                    placed_at = placed(code, zero, at * bits, zeros(8, word_bits))
                    made = join(made, first(placed_at, max(columns - column, 0)))
                into = u(words + (row * count + begin + word) * word_bytes)
                if word + 8 <= length:
                    keep(made, into)
                else:
                    keep(made, u(aside))
                    for index in range(length - word):
                        put(element(unit, u(aside), u(index)), into, u(index))

    return routine(quantize_part)
