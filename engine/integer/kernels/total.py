"""Sums of neighbours' codes beside the node's own, each with a weight for all."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange
from numpy.typing import NDArray

from engine.integer.kernels.compile import kernel
from engine.integer.kernels.neighbours import (
    ROOM,
    Loop,
    Rows,
    add_up,
    adder,
    gather,
    gather_hubs,
    rows_of,
)
from engine.integer.kernels.operands import Accumulator, Incoming, Packed, Target
from engine.integer.kernels.rows import finish


def total(
    incoming: Incoming,
    message: Packed,
    each: int,
    own: int,
    target: Target,
    accumulator: Accumulator,
) -> None:
    """Add ``each`` times the sum of ``message_e - zero`` over a row's edges and ``own`` times its.

    Args:
        incoming: The edges.
        message: [N, F']; as many rows as needed where ``own`` is 0.
        each: Weight of every neighbour.
        own: Weight of the row's own message.
        target: [N, F'].
        accumulator: Type of the sums.
    """
    rows = rows_of(message)
    loop = adder(rows, accumulator)
    shares = gather_hubs(loop, rows, incoming, accumulator)
    _total(loop, rows, shares, incoming, each, own, target, accumulator)


@kernel
def _total(
    loop: Loop,
    rows: Rows,
    shares: NDArray[Any],
    incoming: Incoming,
    each: int,
    own: int,
    target: Target,
    accumulator: Accumulator,
) -> None:
    rowptr, source, parts, _ = incoming
    for part in prange(parts.shape[0]):
        room = np.empty(rows.width + ROOM, accumulator)
        sums = room[: rows.width]
        itself, codes = np.empty(1, np.int32), np.empty_like(room)
        for row in range(parts[part, 0], parts[part, 1]):
            if parts[part, 2] < parts[part, 3]:
                add_up(shares, parts[part, 2], parts[part, 3], sums)
            else:
                gather(loop, rows, source, rowptr[row], rowptr[row + 1], room)
            for column in range(sums.size):
                sums[column] *= each
            if own != 0:
                itself[0] = row
                gather(loop, rows, itself, 0, 1, codes)
                for column in range(sums.size):
                    sums[column] += own * codes[column]
            finish(sums, target, row)
