"""What the undirected edges of a node add up to, away from their first ends, towards the second."""

from __future__ import annotations

import numpy as np
from numba import prange
from numpy.typing import NDArray

from engine.integer.kernels.compile import kernel
from engine.integer.kernels.operands import Accumulator, Packed, Target
from engine.integer.kernels.rows import accumulate, clear, finish


@kernel
def pull(
    firsts: NDArray[np.int64],
    seconds: NDArray[np.int64],
    by_second: NDArray[np.int32],
    blocks: NDArray[np.int64],
    dual: Packed,
    factor: NDArray[np.int64],
    own: Packed,
    own_factor: NDArray[np.int64],
    target: Target,
    accumulator: Accumulator,
) -> None:
    """Add ``factor_i`` times the duals of a node's edges, by which end it is, and own codes.

    A dual counts ``code - zero`` at its edge's first end and the opposite at its second.

    Args:
        firsts: [N + 1], the edges whose first end a node is, one after the other.
        seconds: [N + 1], the places in ``by_second`` of those whose second end it is.
        by_second: [P], edges in order of their second ends.
        blocks: Ends of blocks of nodes with about as many edges each, from 0 to N.
        dual: [P, F'].
        factor: [N].
        own: Codes of the node itself, [N, F'].
        own_factor: [N].
        target: [N, F'].
        accumulator: Type of the sums of codes.
    """
    for block in prange(blocks.size - 1):
        codes = np.empty(own.width, accumulator)
        sums = np.empty(own.width, np.int64)
        for row in range(blocks[block], blocks[block + 1]):
            clear(codes)
            for edge in range(firsts[row], firsts[row + 1]):
                accumulate(dual, edge, 1, codes)
            for place in range(seconds[row], seconds[row + 1]):
                accumulate(dual, by_second[place], -1, codes)
            for column in range(sums.size):
                sums[column] = factor[row] * codes[column]
            clear(codes)
            accumulate(own, row, 1, codes)
            for column in range(sums.size):
                sums[column] += own_factor[row] * codes[column]
            finish(sums, target, row)
