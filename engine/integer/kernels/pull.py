"""What the undirected edges of a node add up to, away from their first ends, towards the second."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from engine.integer.kernels.compile import routine
from engine.integer.kernels.neighbours import adder
from engine.integer.kernels.operands import Packed, Target
from engine.integer.kernels.rows import ROOM, add_codes, codes_of, ended, stride_of, together
from engine.integer.kernels.vectors import call, element, fields, put
from engine.integer.kernels.work import Work, work

u = np.uintp


def pull(
    firsts: NDArray[np.int64],
    seconds: NDArray[np.int64],
    by_second: NDArray[np.int32],
    blocks: NDArray[np.int64],
    dual: Packed,
    factor: NDArray[np.int64],
    own: Packed,
    own_factor: NDArray[np.int64],
    target: Target,
) -> tuple[Work, ...]:
    """Add ``factor_i`` times the duals of a node's edges, by which end it is, and own codes.

    A dual counts ``code - zero`` at its edge's first end and the opposite at its second.

    Args:
        firsts: [N + 1], the edges whose first end a node is, one after the other.
        seconds: [N + 1], the places in ``by_second`` of those whose second end it is.
        by_second: [P], edges in order of their second ends.
        blocks: Ends of blocks of nodes with about as many edges each, from 0 to N.
        dual: [P, F'].
        factor: [N].
        own: Codes of the node itself, [N, F'].
        own_factor: [N].
        target: [N, F'].
    """
    loop = adder(dual, 64)
    in_order = np.arange(by_second.size, dtype=np.int32)
    stride = stride_of(own.width, 64)
    rows = together(2 * stride)
    operands = (
        *(loop.address, loop.rows, firsts, in_order, seconds, by_second, by_second.size - 1),
        *(blocks, factor, add_codes(8 * own.words.itemsize, 64), codes_of(own), own_factor),
        *(stride, own.width, rows, *ended(target.opened(), 64)),
    )
    scratch_bytes = 2 * (rows * stride + 8 * ROOM)
    return (work(_pulling(), blocks.size - 1, scratch_bytes, *operands),)


@cache
def _pulling() -> int:
    number = np.int64(0)

    def pull_rows(of: int, part: int, scratch: int) -> None:
        held = fields(u(of), 17)
        loop, rows, firsts, in_order, seconds, by_second, final = held[:7]
        blocks, factors, adding, codes, own, stride, columns, most, end, target = held[7:]
        row, stop = fields(u(blocks + 8 * part), 2)
        away = scratch + most * stride + 8 * ROOM
        while row < stop:
            after = min(row + most, stop)
            call(loop, (rows, firsts, 1, in_order, final, row, after, scratch, stride))
            call(loop, (rows, seconds, 1, by_second, final, row, after, away, stride))
            for index in range(after - row):
                sums, minus = scratch + index * stride, away + index * stride
                by = element(number, u(factors), u(row + index))
                for column in range(columns):
                    total = element(number, u(sums), u(column))
                    total -= element(number, u(minus), u(column))
                    put(by * total, u(sums), u(column))
                by = element(number, u(own), u(row + index))
                call(adding, (codes, row + index, by, sums))
            call(end, (target, scratch, stride, columns, row, after - row))
            row = after

    return routine(pull_rows)
