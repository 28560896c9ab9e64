"""Means of neighbours' codes."""

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
from engine.integer.kernels.rows import finish_mean


def mean(incoming: Incoming, message: Packed, target: Target, accumulator: Accumulator) -> None:
    """Divide the sum of ``message_e - zero`` over a row's edges by their count; 0 without edges.

    The quotient is a float64 on its way into the one rounding of the requantization.

    Args:
        incoming: The edges.
        message: Codes, F' a row.
        target: [N, F'].
        accumulator: Type of the sums.
    """
    wide = np.dtype(np.int64)  # as wide as the quotients that take the place of the sums
    rows = rows_of(message)
    loop = adder(rows, wide)
    shares = gather_hubs(loop, rows, incoming, wide)
    _mean(loop, rows, shares, incoming, target, wide)


@kernel
def _mean(
    loop: Loop,
    rows: Rows,
    shares: NDArray[Any],
    incoming: Incoming,
    target: Target,
    accumulator: Accumulator,
) -> None:
    rowptr, source, parts, _ = incoming
    for part in prange(parts.shape[0]):
        room = np.empty(rows.width + ROOM, accumulator)
        sums = room[: rows.width]
        for row in range(parts[part, 0], parts[part, 1]):
            if parts[part, 2] < parts[part, 3]:
                add_up(shares, parts[part, 2], parts[part, 3], sums)
            else:
                gather(loop, rows, source, rowptr[row], rowptr[row + 1], room)
            count = max(rowptr[row + 1] - rowptr[row], 1)
            finish_mean(sums, count, target, row)
