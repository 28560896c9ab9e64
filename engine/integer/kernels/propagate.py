"""Sums of neighbours' codes, and codes of the row itself, each times an integer of the row."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange
from numpy.typing import NDArray

from engine.integer.kernels.compile import inner, kernel
from engine.integer.kernels.operands import Accumulator, Packed, Target
from engine.integer.kernels.rows import accumulate, clear, finish


@kernel
def propagate(
    rowptr: NDArray[np.int64],
    source: NDArray[np.int32],
    blocks: NDArray[np.int64],
    message: Packed,
    factor: NDArray[np.int64],
    first: Packed | None,
    first_factor: NDArray[np.int64],
    second: Packed | None,
    second_factor: NDArray[np.int64],
    target: Target,
    accumulator: Accumulator,
) -> None:
    """Add ``factor_i`` times the sum of ``message_e - zero`` over a row's edges, and own codes.

    Codes are summed as narrow as they may be, and each row is widened once: its factors are always
    of 64 bits, since a row is short beside its edges, and a type more is a kernel more to compile.

    Args:
        rowptr: [N + 1], a target's edges.
        source: [E], the node a message comes from.
        blocks: Ends of blocks of rows with about as many edges each, from 0 to N.
        message: [N, F'].
        factor: [N].
        first: Codes of the row itself, [N, F'], or None.
        first_factor: [N].
        second: More of them, [N, F'], or None.
        second_factor: [N].
        target: [N, F'].
        accumulator: Type of the sums of codes.
    """
    for block in prange(blocks.size - 1):
        codes = np.empty(message.width, accumulator)
        sums = np.empty(message.width, np.int64)
        for row in range(blocks[block], blocks[block + 1]):
            clear(codes)
            for edge in range(rowptr[row], rowptr[row + 1]):
                accumulate(message, source[edge], 1, codes)
            for column in range(sums.size):
                sums[column] = factor[row] * codes[column]
            if first is not None:
                _add(first, row, first_factor[row], codes, sums)
            if second is not None:
                _add(second, row, second_factor[row], codes, sums)
            finish(sums, target, row)


@inner
def _add(own: Packed, row: int, factor: int, codes: NDArray[Any], sums: NDArray[np.int64]) -> None:
    clear(codes)
    accumulate(own, row, 1, codes)
    for column in range(sums.size):
        sums[column] += factor * codes[column]
