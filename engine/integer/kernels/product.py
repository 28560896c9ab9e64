"""Codes times weights.

A block of rows is unpacked once into bytes, or into 16 bits where bytes would overflow, without
taking off the code of zero: its share is the same in all rows and is what their sums start from.
Then tile by tile (see `tile`): the weights of 16 columns are met by all rows of the block while
they are in the nearest cache. Sums or codes of more bits go by plain loops.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import prange, types
from numpy.typing import NDArray

from engine.integer.kernels.compile import inner, kernel, overload
from engine.integer.kernels.operands import Accumulator, Matrix, Packed, Target
from engine.integer.kernels.rows import clear, finish, spread
from engine.integer.kernels.tile import LANES, ROWS, tile_8, tile_16

BLOCK = 8 * ROWS
"""Rows that are unpacked together."""


@kernel
def product(x: Packed, weight: Matrix, target: Target, accumulator: Accumulator) -> None:
    """Sum ``(x_ik - zero_x) (weight_kj - zero_w)`` over k.

    Args:
        x: [N, F].
        weight: [F, F'], laid out for codes like x.
        target: [N, F'].
        accumulator: Type of the sums.
    """
    rows = x.words.shape[0]
    filled = (x.width + 3) // 4 * 4, (weight.width + LANES - 1) // LANES * LANES
    for block in prange((rows + BLOCK - 1) // BLOCK):
        codes = np.zeros((BLOCK, filled[0]), weight.lanes.dtype)
        sums = np.empty((BLOCK, filled[1]), accumulator)
        first, last = block * BLOCK, min((block + 1) * BLOCK, rows)
        _fill(x, weight, first, last, codes, sums)
        _finish_all(sums, weight.width, target, first, last)


@inner
def _finish_all(sums: NDArray[Any], width: int, target: Target, first: int, last: int) -> None:
    for row in range(first, last):
        finish(sums[row - first, :width], target, row)


def _fill(
    x: Packed, weight: Matrix, first: int, last: int, codes: NDArray[Any], sums: NDArray[Any]
) -> None:
    """Fill the sums of the rows from first to last, and their codes."""
    raise NotImplementedError("compiled code only")


@overload(_fill)
def _compiled_fill(
    x: Any, weight: Any, first: Any, last: Any, codes: Any, sums: Any
) -> Callable[..., None]:
    return _plainly if codes.dtype == types.int32 else _in_tiles


def _in_tiles(x: Any, weight: Any, first: Any, last: Any, codes: Any, sums: Any) -> None:
    blocks, steps, _ = weight.lanes.shape
    for row in range(last - first):
        spread(x, first + row, codes[row])
        for column in range(weight.start.size):
            sums[row, column] = weight.start[column]
    for step in range(0, steps, weight.piece):
        end = min(step + weight.piece, steps)
        for block in range(0, blocks - 1, 2):
            for row in range(0, last - first, ROWS):
                tile_16(codes, weight.lanes, sums, row, block, step, end)
        if blocks % 2 == 1:
            for row in range(0, last - first, ROWS):
                tile_8(codes, weight.lanes, sums, row, blocks - 1, step, end)


def _plainly(x: Any, weight: Any, first: Any, last: Any, codes: Any, sums: Any) -> None:
    for row in range(last - first):
        clear(sums[row])
        spread(x, first + row, codes[row])
        for k in range(x.width):
            for column in range(weight.width):
                sums[row, column] += (codes[row, k] - x.zero) * weight.lanes[k, column]
