"""Sums of neighbours' codes beside the node's own, each with a weight for all."""

from __future__ import annotations

import numpy as np
from numba import prange
from numpy.typing import NDArray

from engine.integer.kernels.compile import kernel
from engine.integer.kernels.operands import Accumulator, Packed, Target
from engine.integer.kernels.rows import accumulate, clear, finish


@kernel
def total(
    rowptr: NDArray[np.int64],
    source: NDArray[np.int32],
    blocks: NDArray[np.int64],
    message: Packed,
    each: int,
    own: int,
    target: Target,
    accumulator: Accumulator,
) -> None:
    """Add ``each`` times the sum of ``message_e - zero`` over a row's edges and ``own`` times its.

    Args:
        rowptr: [N + 1], a target's edges.
        source: [E], the node a message comes from.
        blocks: Ends of blocks of rows with about as many edges each, from 0 to N.
        message: [N, F']; as many rows as needed where ``own`` is 0.
        each: Weight of every neighbour.
        own: Weight of the row's own message.
        target: [N, F'].
        accumulator: Type of the sums.
    """
    for block in prange(blocks.size - 1):
        sums = np.empty(message.width, accumulator)
        codes = np.empty(message.width, np.int32)
        for row in range(blocks[block], blocks[block + 1]):
            clear(sums)
            for edge in range(rowptr[row], rowptr[row + 1]):
                accumulate(message, source[edge], 1, sums)
            for column in range(sums.size):
                sums[column] *= each
            if own != 0:
                clear(codes)
                accumulate(message, row, 1, codes)
                for column in range(sums.size):
                    sums[column] += own * codes[column]
            finish(sums, target, row)
