"""Largest of neighbours' codes."""

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
    comparer,
    gather,
    gather_hubs,
    pick_largest,
    rows_of,
)
from engine.integer.kernels.operands import Accumulator, Incoming, Packed, Target
from engine.integer.kernels.rows import finish


def maximum(incoming: Incoming, message: Packed, target: Target, accumulator: Accumulator) -> None:
    """Find the largest ``message_e - zero`` of a row's edges, column by column; 0 without edges.

    Args:
        incoming: The edges.
        message: Codes, F' a row.
        target: [N, F'].
        accumulator: Type of the codes.
    """
    rows = rows_of(message)
    loop = comparer(rows, accumulator)
    shares = gather_hubs(loop, rows, incoming, accumulator)
    _maximum(loop, rows, shares, incoming, target, accumulator)


@kernel
def _maximum(
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
        largest = room[: rows.width]
        for row in range(parts[part, 0], parts[part, 1]):
            if parts[part, 2] < parts[part, 3]:
                pick_largest(shares, parts[part, 2], parts[part, 3], largest)
            else:
                gather(loop, rows, source, rowptr[row], rowptr[row + 1], room)
            finish(largest, target, row)
