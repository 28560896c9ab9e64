"""Sparse codes times weights."""

from __future__ import annotations

import numpy as np
from numba import prange
from numpy.typing import NDArray

from engine.integer.kernels.compile import kernel
from engine.integer.kernels.operands import Accumulator, Packed, Target
from engine.integer.kernels.rows import BLOCK, clear, finish, read, unpack


@kernel
def sparse_product(
    rowptr: NDArray[np.int64],
    column: NDArray[np.int32],
    values: Packed,
    weight: Packed,
    target: Target,
    accumulator: Accumulator,
) -> None:
    """Sum ``(x_ik - zero_x) (weight_kj - zero_w)`` over the stored k; the others are zero.

    Args:
        rowptr: [N + 1].
        column: [stored].
        values: [1, stored].
        weight: [F, F'].
        target: [N, F'].
        accumulator: Type of the sums.
    """
    rows = rowptr.size - 1
    weights = unpack(weight)
    for block in prange((rows + BLOCK - 1) // BLOCK):
        sums = np.empty(weight.width, accumulator)
        for row in range(block * BLOCK, min((block + 1) * BLOCK, rows)):
            clear(sums)
            for item in range(rowptr[row], rowptr[row + 1]):
                k, code = column[item], read(values, 0, item)
                for feature in range(sums.size):
                    sums[feature] += code * weights[k, feature]
            finish(sums, target, row)
