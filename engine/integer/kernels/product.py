"""Codes times weights."""

from __future__ import annotations

import numpy as np
from numba import prange

from engine.integer.kernels.compile import kernel
from engine.integer.kernels.operands import Accumulator, Packed, Target
from engine.integer.kernels.rows import BLOCK, accumulate, clear, finish, read


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
    for block in prange((rows + BLOCK - 1) // BLOCK):
        sums = np.empty(weight.width, accumulator)
        for row in range(block * BLOCK, min((block + 1) * BLOCK, rows)):
            clear(sums)
            for k in range(x.width):
                code = read(x, row, k)
                if code != 0:
                    accumulate(weight, k, code, sums)
            finish(sums, target, row)
