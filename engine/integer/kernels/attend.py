"""Sums of neighbours' codes, weighted by each attention head."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange
from numpy.typing import NDArray

from engine.integer.kernels.compile import kernel
from engine.integer.kernels.neighbours import (
    CHUNK,
    ROOM,
    Loop,
    Rows,
    add_up,
    rows_of,
    weigh,
    weigh_hubs,
    weigher,
    weight_type,
)
from engine.integer.kernels.operands import Accumulator, Incoming, Packed, Target
from engine.integer.kernels.rows import clear, finish


def attend(
    incoming: Incoming,
    message: Packed,
    coefficient: Packed,
    width: int,
    target: Target,
    accumulator: Accumulator,
) -> None:
    """Sum ``(coefficient_eh - zero_c) (message_eh - zero_m)`` over a node's edges.

    Args:
        incoming: The edges.
        message: [N, heads C], head by head.
        coefficient: [E, heads].
        width: F', heads C to hold the heads side by side, or C to add them up.
        target: [N, F'].
        accumulator: Type of the sums.
    """
    kind = weight_type(coefficient)
    rows = rows_of(message)
    loop = weigher(rows, coefficient.width, kind, accumulator)
    shares = weigh_hubs(loop, rows, incoming, coefficient, kind, accumulator)
    _attend(loop, rows, shares, incoming, coefficient, kind, width, target, accumulator)


@kernel
def _attend(
    loop: Loop,
    rows: Rows,
    shares: NDArray[Any],
    incoming: Incoming,
    coefficient: Packed,
    weight_type: Accumulator,
    width: int,
    target: Target,
    accumulator: Accumulator,
) -> None:
    rowptr, source, parts, _ = incoming
    for part in prange(parts.shape[0]):
        weights = np.empty(CHUNK, weight_type)
        room = np.empty((2, rows.width + ROOM), accumulator)
        sums = room[0, : rows.width]
        for row in range(parts[part, 0], parts[part, 1]):
            if parts[part, 2] < parts[part, 3]:
                add_up(shares, parts[part, 2], parts[part, 3], sums)
            else:
                clear(sums)
                weigh(loop, rows, source, coefficient, rowptr[row], rowptr[row + 1], weights, room)
            for first in range(width, sums.size, width):  # other heads, where they are added up
                for column in range(width):
                    sums[column] += sums[first + column]
            finish(sums[:width], target, row)
