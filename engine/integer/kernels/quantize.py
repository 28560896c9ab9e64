"""Real numbers to packed codes."""

from __future__ import annotations

import numpy as np
from numba import prange
from numpy.typing import NDArray

from engine.integer.kernels.compile import kernel
from engine.integer.kernels.operands import CodeTarget


@kernel
def quantize(x: NDArray[np.float32], target: CodeTarget) -> None:
    """Write ``clamp(round_half_even(x / scale) + zero, 0, high)``.

    Args:
        x: [N, F].
        target: [N, F]; its factor is the scale of x, float64 [1], which divides.
    """
    words, bits, zero, high, scale = target
    per_word = 8 * words.itemsize // bits
    rows, columns = words.shape
    low, top = np.float64(-zero), np.float64(high - zero)
    for item in prange(rows * columns):  # over words: a sparse matrix' values are one long row
        row = np.int64(item) // columns  # signed: Numba makes unsigned with signed a float
        index = np.int64(item) - row * columns
        word = 0
        for place in range(per_word):
            column = place * columns + index
            if column < x.shape[1]:
                code = np.rint(x[row, column] / scale[0])
                word |= (int(min(max(code, low), top)) + zero) << (place * bits)
        words[row, index] = word
