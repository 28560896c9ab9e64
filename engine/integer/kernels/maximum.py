"""Largest of neighbours' codes."""

from __future__ import annotations

import numpy as np
from numba import prange
from numpy.typing import NDArray

from engine.integer.kernels.compile import kernel
from engine.integer.kernels.operands import Accumulator, Packed, Target
from engine.integer.kernels.rows import accumulate, clear, finish


@kernel
def maximum(
    rowptr: NDArray[np.int64],
    source: NDArray[np.int32],
    blocks: NDArray[np.int64],
    message: Packed,
    target: Target,
    accumulator: Accumulator,
) -> None:
    """Find the largest ``message_e - zero`` of a row's edges, column by column; 0 without edges.

    Args:
        rowptr: [N + 1], a target's edges.
        source: [E], the node a message comes from.
        blocks: Ends of blocks of rows with about as many edges each, from 0 to N.
        message: Codes, F' a row.
        target: [N, F'].
        accumulator: Type of the codes.
    """
    for block in prange(blocks.size - 1):
        largest = np.empty(message.width, accumulator)
        codes = np.empty(message.width, accumulator)
        for row in range(blocks[block], blocks[block + 1]):
            clear(largest)
            for edge in range(rowptr[row], rowptr[row + 1]):
                clear(codes)
                accumulate(message, source[edge], 1, codes)
                for column in range(codes.size):
                    if edge == rowptr[row] or codes[column] > largest[column]:
                        largest[column] = codes[column]
            finish(largest, target, row)
