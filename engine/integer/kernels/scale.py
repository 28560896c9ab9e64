"""Rows of codes times one code a row."""

from __future__ import annotations

from functools import cache

import numpy as np

from engine.integer.kernels.compile import routine
from engine.integer.kernels.operands import Accumulator, Packed, Target
from engine.integer.kernels.rows import (
    ROOM,
    add_codes,
    by_row,
    codes_of,
    ended,
    factor_of,
    stride_of,
    together,
)
from engine.integer.kernels.vectors import call, fields, put
from engine.integer.kernels.work import Work, work

u = np.uintp


def scale(x: Packed, norm: Packed, target: Target, accumulator: Accumulator) -> tuple[Work, ...]:
    """Multiply ``(norm_i - zero_n) (x_ij - zero_x)``.

    Args:
        x: [N, F].
        norm: [1, N].
        target: [N, F].
        accumulator: Type of the products.
    """
    sum_bits, rows = 8 * accumulator.itemsize, x.words.shape[0]
    stride = stride_of(x.width, sum_bits)
    most = together(stride)
    operands = (
        *(add_codes(8 * x.words.itemsize, sum_bits), codes_of(x), *by_row(norm)),
        *(rows, stride, x.width, most, *ended(target.opened(), sum_bits)),
    )
    scratch_bytes = most * stride + ROOM * sum_bits // 8
    return (work(_scaling(), -(-rows // most), scratch_bytes, *operands),)


@cache
def _scaling() -> int:
    number = np.int64(0)

    def scale_rows(of: int, part: int, scratch: int) -> None:
        adding, codes, norm, by, rows, stride, columns, most, end, target = fields(u(of), 10)
        row = part * most
        count = min(most, rows - row)
        for index in range(count * stride // 8):
            put(number, u(scratch), u(index))
        for index in range(count):
            factor = factor_of(norm, by, row + index)
            call(adding, (codes, row + index, factor, scratch + index * stride))
        call(end, (target, scratch, stride, columns, row, count))

    return routine(scale_rows)
