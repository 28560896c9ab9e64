"""Sums of neighbours' codes, weighted by each attention head."""

from __future__ import annotations

import numpy as np
from numba import prange
from numpy.typing import NDArray

from engine.integer.kernels.compile import kernel
from engine.integer.kernels.operands import Accumulator, Packed, Target
from engine.integer.kernels.rows import accumulate, clear, finish, read


@kernel
def attend(
    rowptr: NDArray[np.int64],
    source: NDArray[np.int32],
    blocks: NDArray[np.int64],
    message: Packed,
    coefficient: Packed,
    width: int,
    target: Target,
    accumulator: Accumulator,
) -> None:
    """Sum ``(coefficient_eh - zero_c) (message_eh - zero_m)`` over a node's edges.

    Args:
        rowptr: [N + 1], a target's edges.
        source: [E], the node a message comes from.
        blocks: Ends of blocks of rows with about as many edges each, from 0 to N.
        message: [N, heads C], head by head.
        coefficient: [E, heads].
        width: F', heads C to hold the heads side by side, or C to add them up.
        target: [N, F'].
        accumulator: Type of the sums.
    """
    heads = coefficient.width
    channels = message.width // heads
    for block in prange(blocks.size - 1):
        sums = np.empty(width, accumulator)
        codes = np.empty(message.width, np.int32)
        for row in range(blocks[block], blocks[block + 1]):
            clear(sums)
            for edge in range(rowptr[row], rowptr[row + 1]):
                clear(codes)
                accumulate(message, source[edge], 1, codes)
                for head in range(heads):
                    weight = read(coefficient, edge, head)
                    first = head * channels
                    into = first if width == message.width else 0
                    for channel in range(channels):
                        sums[into + channel] += weight * codes[first + channel]
            finish(sums, target, row)
