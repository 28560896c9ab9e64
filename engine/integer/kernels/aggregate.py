"""Sums of neighbours' codes."""

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
    adder,
    gather,
    gather_hubs,
    rows_of,
    weigh,
    weigh_hubs,
    weigher,
    weight_type,
)
from engine.integer.kernels.operands import Accumulator, Incoming, Packed, Target
from engine.integer.kernels.rows import clear, finish, read


def aggregate(
    incoming: Incoming,
    message: Packed,
    weight: Packed | None,
    norm: Packed | None,
    target: Target,
    accumulator: Accumulator,
) -> None:
    """Sum ``(weight_e - zero_w) (message_e - zero_m)`` over a node's edges times ``norm - zero_n``.

    Args:
        incoming: The edges.
        message: [N, F'].
        weight: [E, 1], or None for all 1.
        norm: [1, N], or None for all 1.
        target: [N, F'].
        accumulator: Type of the sums.
    """
    rows = rows_of(message)
    if weight is None:
        loop = adder(rows, accumulator)
        shares = gather_hubs(loop, rows, incoming, accumulator)
        _aggregate(loop, rows, shares, incoming, norm, target, accumulator)
    else:
        kind = weight_type(weight)
        loop = weigher(rows, 1, kind, accumulator)
        shares = weigh_hubs(loop, rows, incoming, weight, kind, accumulator)
        _weighted(loop, rows, shares, incoming, weight, kind, norm, target, accumulator)


@kernel
def _aggregate(
    loop: Loop,
    rows: Rows,
    shares: NDArray[Any],
    incoming: Incoming,
    norm: Packed | None,
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
            if norm is not None:
                factor = read(norm, 0, row)
                for column in range(sums.size):
                    sums[column] *= factor
            finish(sums, target, row)


@kernel
def _weighted(
    loop: Loop,
    rows: Rows,
    shares: NDArray[Any],
    incoming: Incoming,
    weight: Packed,
    weight_type: Accumulator,
    norm: Packed | None,
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
                weigh(loop, rows, source, weight, rowptr[row], rowptr[row + 1], weights, room)
            if norm is not None:
                factor = read(norm, 0, row)
                for column in range(sums.size):
                    sums[column] *= factor
            finish(sums, target, row)
