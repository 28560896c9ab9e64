"""Differences of the two ends of undirected edges, added to what the edges hold, and clamped."""

from __future__ import annotations

import numpy as np
from numba import prange
from numpy.typing import NDArray

from engine.integer.kernels.compile import kernel
from engine.integer.kernels.operands import Packed, Target
from engine.integer.kernels.rows import BLOCK, accumulate, clear, finish


@kernel
def ascend(
    first: NDArray[np.int32],
    second: NDArray[np.int32],
    ends: Packed,
    each: int,
    dual: Packed | None,
    own: int,
    most: int,
    target: Target,
) -> None:
    """Add ``each (end_first - end_second)`` and ``own (dual - zero)``, from -most to most.

    Args:
        first: [P], an edge's first end.
        second: [P], its second end.
        ends: [N, F'].
        each: Weight of a difference.
        dual: What the edges hold, [P, F'], or None.
        own: Weight of that.
        most: The largest magnitude of a sum.
        target: [P, F'].
    """
    for block in prange((first.size + BLOCK - 1) // BLOCK):
        codes = np.empty(ends.width, np.int32)
        sums = np.empty(ends.width, np.int64)
        for edge in range(block * BLOCK, min((block + 1) * BLOCK, first.size)):
            clear(codes)
            accumulate(ends, first[edge], 1, codes)
            accumulate(ends, second[edge], -1, codes)
            for column in range(sums.size):
                sums[column] = each * codes[column]
            if dual is not None:
                clear(codes)
                accumulate(dual, edge, 1, codes)
                for column in range(sums.size):
                    sums[column] += own * codes[column]
            for column in range(sums.size):
                sums[column] = min(max(sums[column], -most), most)
            finish(sums, target, edge)
