"""Sums of one or two arrays of codes, activated and scaled, and a bias."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange
from numpy.typing import NDArray

from engine.integer.kernels.compile import inner, kernel
from engine.integer.kernels.operands import Accumulator, Packed, Target, Term
from engine.integer.kernels.rows import BLOCK, accumulate, clear, finish


@kernel
def combine(
    first: Term,
    second: Term | None,
    bias: NDArray[Any],
    floor: int,
    target: Target,
    accumulator: Accumulator,
) -> None:
    """Add ``multiplier_j table[code_ij]`` of each term, and the bias.

    Args:
        first: [N, F'].
        second: [N, F'], or None.
        bias: [F'], of the accumulator's type and scale.
        floor: Below it no sum ends: 0 for a ReLU.
        target: [N, F'].
        accumulator: Type of the sums.
    """
    rows, width = first.words.shape[0], first.width
    for block in prange((rows + BLOCK - 1) // BLOCK):
        sums = np.empty(width, accumulator)
        codes = np.empty(width, np.uint32)
        for row in range(block * BLOCK, min((block + 1) * BLOCK, rows)):
            for column in range(width):
                sums[column] = bias[column]
            _add(first, row, codes, sums)
            if second is not None:
                _add(second, row, codes, sums)
            for column in range(width):
                sums[column] = max(sums[column], floor)
            finish(sums, target, row)


@inner
def _add(term: Term, row: int, codes: NDArray[np.uint32], sums: NDArray[Any]) -> None:
    clear(codes)
    accumulate(Packed(term.words, term.bits, 0, term.width), row, 1, codes)
    for column in range(codes.size):
        sums[column] += term.multiplier[column] * term.table[codes[column]]
