"""Real numbers to packed codes.

A block of words lies in one row or in a few. Of each row it takes the part whose codes share these
words, place by place: loops over neighbouring numbers, which LLVM turns into vectors by itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange
from numpy.typing import NDArray

from engine.integer.kernels.compile import inner, kernel
from engine.integer.kernels.operands import CodeTarget, Words

BLOCK = 4096
"""Words that a thread fills at once, of many short rows or of one that is long."""


def quantize(x: NDArray[np.floating[Any]], target: CodeTarget) -> None:
    """Write ``clamp(round_half_even(x / scale) + zero, 0, high)``.

    Args:
        x: [N, F].
        target: [N, F]; its factor is the scale of x, float64 [1], which divides.
    """
    low, high = -target.zero, target.high - target.zero
    scale = np.float64(target.factor[0])
    _quantize(x, target.words, target.bits, target.zero, float(low), float(high), scale)


@kernel
def _quantize(
    x: NDArray[np.floating[Any]],
    words: Words,
    bits: int,
    zero: int,
    low: float,
    high: float,
    scale: np.float64,
) -> None:
    rows, columns = words.shape
    for block in prange((rows * columns + BLOCK - 1) // BLOCK):
        first, last = block * BLOCK, min((block + 1) * BLOCK, rows * columns)
        while first < last:
            row = first // columns
            end = min(last, (row + 1) * columns)
            _fill(x, words, bits, zero, low, high, scale, row, first - row * columns, end - first)
            first = end


@inner
def _fill(
    x: NDArray[np.floating[Any]],
    words: Words,
    bits: int,
    zero: int,
    low: float,
    high: float,
    scale: np.float64,
    row: int,
    first: int,
    count: int,
) -> None:
    """Fill some words of a row."""
    numbers, into = x[row], words[row, first : first + count]
    for index in range(np.uintp(count)):
        into[index] = 0
    column, shift = first, np.int32(0)
    while column < numbers.size:
        part = numbers[column : min(column + count, numbers.size)]
        for index in range(np.uintp(part.size)):
            code = min(max(np.rint(np.float64(part[index]) / scale), low), high)
            into[index] |= (np.int32(code) + np.int32(zero)) << shift
        column += words.shape[1]
        shift += np.int32(bits)
