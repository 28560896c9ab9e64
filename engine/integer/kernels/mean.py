"""Means of neighbours' codes."""

from __future__ import annotations

import numpy as np
from numba import prange
from numpy.typing import NDArray

from engine.integer.kernels.compile import kernel
from engine.integer.kernels.operands import Accumulator, Packed, Target
from engine.integer.kernels.rows import accumulate, clear, finish


@kernel
def mean(
    rowptr: NDArray[np.int64],
    source: NDArray[np.int32],
    blocks: NDArray[np.int64],
    message: Packed,
    target: Target,
    accumulator: Accumulator,
) -> None:
    """Divide the sum of ``message_e - zero`` over a row's edges by their count; 0 without edges.

    The quotient is a float64 on its way into the one rounding of the requantization.

    Args:
        rowptr: [N + 1], a target's edges.
        source: [E], the node a message comes from.
        blocks: Ends of blocks of rows with about as many edges each, from 0 to N.
        message: Codes, F' a row.
        target: [N, F'].
        accumulator: Type of the sums.
    """
    for block in prange(blocks.size - 1):
        sums = np.empty(message.width, accumulator)
        means = np.empty(message.width, np.float64)
        for row in range(blocks[block], blocks[block + 1]):
            clear(sums)
            for edge in range(rowptr[row], rowptr[row + 1]):
                accumulate(message, source[edge], 1, sums)
            count = max(rowptr[row + 1] - rowptr[row], 1)
            for column in range(sums.size):
                means[column] = sums[column] / count
            finish(means, target, row)
