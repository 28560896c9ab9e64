"""What neighbours send, added up or compared, and beside it what rows have of their own.

Part by part, a few rows at a time: a loop of `neighbours` fills their sums, which are multiplied
and added to while they lie in the nearest cache, and are ended together. A hub, a target with more
edges than a thread should take at once, is gathered before, in pieces that threads share.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Literal

import numpy as np

from engine.integer.kernels.compile import routine
from engine.integer.kernels.neighbours import Loop, adder, comparer
from engine.integer.kernels.operands import Accumulator, Incoming, Packed, Target
from engine.integer.kernels.rows import (
    ROOM,
    Factor,
    Term,
    ended,
    join_rows,
    stride_of,
    together,
    weigh_rows,
    weighed_with,
)
from engine.integer.kernels.told import told
from engine.integer.kernels.vectors import call, element, fields, put
from engine.integer.kernels.work import Work, work

How = Literal["sum", "mean", "largest"]

u = np.uintp


def gathered(
    how: How,
    incoming: Incoming,
    message: Packed,
    factor: Factor,
    own: Sequence[Term],
    target: Target,
    accumulator: Accumulator,
) -> tuple[Work, ...]:
    """Return what writes ``factor_i how_e(message_e - zero) + sum_t factor_ti (own_ti - zero_t)``.

    Args:
        how: Over a row's edges; 0 without edges.
        incoming: The edges.
        message: Codes, F' a row.
        factor: Of what is gathered.
        own: Codes of the rows themselves, [N, F'], and their factors; no more than two.
        target: [N, F'].
        accumulator: Type of the sums; of a mean they are of 64 bits.
    """
    sum_bits = 64 if how == "mean" else 8 * accumulator.itemsize
    loop = (comparer if how == "largest" else adder)(message, sum_bits)
    stride = stride_of(message.width, sum_bits)
    first, shares = shares_of(loop, incoming, stride)
    opened = target.opened()
    mean = how == "mean"
    ends = (opened.address, opened.told) if mean else ended(opened, sum_bits)
    passes = weighed_with(factor, own, message.width, sum_bits)
    rows = together(stride)
    operands = (
        *(loop.address, loop.rows, incoming.rowptr, incoming.source, incoming.source.size - 1),
        *(incoming.parts, shares, stride, message.width, rows),
        *(join_rows(sum_bits, how == "largest"), *ends, told(*passes), len(passes)),
    )
    scratch_bytes = rows * stride + ROOM * sum_bits // 8
    address = _gathering(mean)
    return *first, work(address, incoming.parts.shape[0], scratch_bytes, *operands)


def shares_of(loop: Loop, incoming: Incoming, stride: int) -> tuple[tuple[Work, ...], Any]:
    """Return what gathers the hubs in pieces, if there are any, and where to."""
    pieces = incoming.pieces
    if not len(pieces):
        return (), 0
    shares = np.empty(len(pieces) * stride + ROOM * 8, np.uint8)
    operands = pieces, incoming.source, incoming.source.size - 1, shares, stride
    # the room behind a piece is the next one's, which may be there already
    scratch_bytes = stride + ROOM * 8
    return (work(_piece(), len(pieces), scratch_bytes, loop.address, loop.rows, *operands),), shares


@cache
def _piece() -> int:
    """Return what gathers a piece of a hub's edges."""

    def gather_piece(of: int, part: int, scratch: int) -> None:
        loop, rows, pieces, source, final, shares, stride = fields(u(of), 7)
        call(loop, (rows, pieces, 2, source, final, part, part + 1, scratch, stride))
        for index in range(stride // 8):
            number = element(np.int64(0), u(scratch), u(index))
            put(number, u(shares + part * stride), u(index))

    return routine(gather_piece)


@cache
def _gathering(mean: bool) -> int:
    """Return what fills a part of the targets, with sums or with means."""
    number = np.int64(0)

    def gather_part(of: int, part: int, scratch: int) -> None:
        held = fields(u(of), 15)
        loop, rows, ends, source, final, parts, shares, stride, columns, most = held[:10]
        joining, end, target, passes, times = held[10:]
        row, stop, piece, last_piece = fields(u(parts + 32 * part), 4)
        while row < stop:
            after = min(row + most, stop)
            if piece < last_piece:  # a hub, alone in its part
                joined = shares + piece * stride, stride, last_piece - piece, columns, scratch
                call(joining, joined)
            else:
                call(loop, (rows, ends, 1, source, final, row, after, scratch, stride))
            weigh_rows(passes, times, row, after - row, scratch, stride)
            if mean:
                for index in range(after - row):
                    sums = scratch + index * stride
                    first = element(number, u(ends), u(row + index))
                    count = max(element(number, u(ends), u(row + index + 1)) - first, 1)
                    for column in range(columns):
                        quotient = np.float64(element(number, u(sums), u(column))) / count
                        put(quotient, u(sums), u(column))
                call(end, (scratch, 1, stride, target, row, after - row))
            else:
                call(end, (target, scratch, stride, columns, row, after - row))
            row = after

    return routine(gather_part)
