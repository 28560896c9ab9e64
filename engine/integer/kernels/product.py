"""Codes times weights."""

from __future__ import annotations

import numpy as np
from numba import prange

from engine.integer.kernels.compile import kernel
from engine.integer.kernels.operands import Accumulator, Packed, Target
from engine.integer.kernels.rows import BLOCK, accumulate, clear, finish, unpack


@kernel
def product(x: Packed, weight: Packed, target: Target, accumulator: Accumulator) -> None:
    """Sum ``(x_ik - zero_x) (weight_kj - zero_w)`` over k.

    Args:
        x: [N, F].
        weight: [F, F'].
        target: [N, F'].
        accumulator: Type of the sums.
    """
    rows = x.words.shape[0]
    weights = unpack(weight)
    for block in prange((rows + BLOCK - 1) // BLOCK):
        sums = np.empty(weight.width, accumulator)
        codes = np.empty(x.width, np.int32)
        for row in range(block * BLOCK, min((block + 1) * BLOCK, rows)):
            clear(sums)
            clear(codes)
            accumulate(x, row, 1, codes)
            for k in range(x.width):
                if codes[k] != 0:
                    for column in range(sums.size):
                        sums[column] += codes[k] * weights[k, column]
            finish(sums, target, row)
