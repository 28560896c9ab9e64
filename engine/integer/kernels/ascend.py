"""Differences of the two ends of undirected edges, added to what the edges hold, and clamped."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from engine.integer.kernels.compile import routine
from engine.integer.kernels.operands import Packed, Target
from engine.integer.kernels.rows import ROOM, add_codes, codes_of, ended, stride_of, together
from engine.integer.kernels.vectors import call, element, fields, put
from engine.integer.kernels.work import Work, work

u = np.uintp


def ascend(
    first: NDArray[np.int32],
    second: NDArray[np.int32],
    ends: Packed,
    each: int,
    dual: Packed | None,
    own: int,
    most: int,
    target: Target,
) -> tuple[Work, ...]:
    """Add ``each (end_first - end_second)`` and ``own (dual - zero)``, from -most to most.

    Args:
        first: [P], an edge's first end.
        second: [P], its second end.
        ends: [N, F'].
        each: Weight of a difference.
        dual: What the edges hold, [P, F'], or None.
        own: Weight of that.
        most: The largest magnitude of a sum.
        target: [P, F'].
    """
    stride = stride_of(ends.width, 64)
    rows = together(stride)
    adding = add_codes(8 * ends.words.itemsize, 64), codes_of(ends), each
    held = (0, 0) if dual is None else (add_codes(8 * dual.words.itemsize, 64), codes_of(dual))
    shape = first.size, rows, stride, ends.width
    operands = first, second, *adding, *held, own, most, *shape, *ended(target.opened(), 64)
    scratch_bytes = rows * stride + 8 * ROOM
    return (work(_ascending(), -(-first.size // rows), scratch_bytes, *operands),)


@cache
def _ascending() -> int:
    node, number = np.int32(0), np.int64(0)

    def ascend_edges(of: int, part: int, scratch: int) -> None:
        held = fields(u(of), 15)
        first, second, adding, ends, each, adding_dual, dual, own, most = held[:9]
        edges, rows, stride, columns, end, target = held[9:]
        row = part * rows
        count = min(rows, edges - row)
        for index in range(count * stride // 8):
            put(number, u(scratch), u(index))
        for index in range(count):
            sums, edge = scratch + index * stride, row + index
            call(adding, (ends, np.intp(element(node, u(first), u(edge))), each, sums))
            call(adding, (ends, np.intp(element(node, u(second), u(edge))), -each, sums))
            if adding_dual:
                call(adding_dual, (dual, edge, own, sums))
            for column in range(columns):
                total = element(number, u(sums), u(column))
                put(min(max(total, -most), most), u(sums), u(column))
        call(end, (target, scratch, stride, columns, row, count))

    return routine(ascend_edges)
