"""Sums of neighbours' codes."""

from __future__ import annotations

import numpy as np
from numba import prange
from numpy.typing import NDArray

from engine.integer.kernels.compile import kernel
from engine.integer.kernels.operands import Accumulator, Packed, Target
from engine.integer.kernels.rows import accumulate, clear, finish, read


@kernel
def aggregate(
    rowptr: NDArray[np.int64],
    source: NDArray[np.int32],
    blocks: NDArray[np.int64],
    message: Packed,
    weight: Packed | None,
    norm: Packed | None,
    target: Target,
    accumulator: Accumulator,
) -> None:
    """Sum ``(weight_e - zero_w) (message_e - zero_m)`` over a node's edges times ``norm - zero_n``.

    Args:
        rowptr: [N + 1], a target's edges.
        source: [E], the node a message comes from.
        blocks: Ends of blocks of rows with about as many edges each, from 0 to N.
        message: [N, F'].
        weight: [1, E], or None for all 1.
        norm: [1, N], or None for all 1.
        target: [N, F'].
        accumulator: Type of the sums.
    """
    for block in prange(blocks.size - 1):
        sums = np.empty(message.width, accumulator)
        for row in range(blocks[block], blocks[block + 1]):
            clear(sums)
            for edge in range(rowptr[row], rowptr[row + 1]):
                if weight is None:
                    accumulate(message, source[edge], 1, sums)
                else:
                    accumulate(message, source[edge], read(weight, 0, edge), sums)
            if norm is not None:
                factor = read(norm, 0, row)
                for column in range(sums.size):
                    sums[column] *= factor
            finish(sums, target, row)
