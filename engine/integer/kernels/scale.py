"""Rows of codes times one code a row."""

from __future__ import annotations

import numpy as np
from numba import prange

from engine.integer.kernels.compile import kernel
from engine.integer.kernels.operands import Accumulator, Packed, Target
from engine.integer.kernels.rows import BLOCK, accumulate, clear, finish, read


@kernel
def scale(x: Packed, norm: Packed, target: Target, accumulator: Accumulator) -> None:
    """Multiply ``(norm_i - zero_n) (x_ij - zero_x)``.

    Args:
        x: [N, F].
        norm: [1, N].
        target: [N, F].
        accumulator: Type of the products.
    """
    rows = x.words.shape[0]
    for block in prange((rows + BLOCK - 1) // BLOCK):
        products = np.empty(x.width, accumulator)
        for row in range(block * BLOCK, min((block + 1) * BLOCK, rows)):
            clear(products)
            accumulate(x, row, read(norm, 0, row), products)
            finish(products, target, row)
