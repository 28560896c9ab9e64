"""Sparse codes times weights.

Of words in a bag one in a hundred is there, so what is stored is met row by row: four stored codes
at a time bring in their four rows of weights, 16 bits each, and are multiplied and added up in
pairs (see `combination`). A row's last few are filled up with codes of zero. Sums or codes of more
bits go by plain loops.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import prange, types
from numpy.typing import NDArray

from engine.integer.kernels.combination import TOGETHER, add_combination
from engine.integer.kernels.compile import inner, kernel, overload
from engine.integer.kernels.operands import Accumulator, Matrix, Packed, Target
from engine.integer.kernels.rows import BLOCK, clear, finish, read


@kernel
def sparse_product(
    rowptr: NDArray[np.int64],
    column: NDArray[np.int32],
    values: Packed,
    weight: Matrix,
    target: Target,
    accumulator: Accumulator,
) -> None:
    """Sum ``(x_ik - zero_x) (weight_kj - zero_w)`` over the stored k; the others are zero.

    Args:
        rowptr: [N + 1].
        column: [stored].
        values: [1, stored].
        weight: [F, F'], laid out for sparse codes.
        target: [N, F'].
        accumulator: Type of the sums.
    """
    rows = rowptr.size - 1
    for block in prange((rows + BLOCK - 1) // BLOCK):
        sums = np.empty(weight.lanes.shape[1], accumulator)
        four, codes = np.zeros(TOGETHER, np.int64), np.zeros(TOGETHER, weight.lanes.dtype)
        for row in range(block * BLOCK, min((block + 1) * BLOCK, rows)):
            _sum(column, values, weight, rowptr[row], rowptr[row + 1], four, codes, sums)
            _finish(sums, weight.width, target, row)


@inner
def _finish(sums: NDArray[Any], width: int, target: Target, row: int) -> None:
    finish(sums[:width], target, row)


@inner
def _sum(
    column: NDArray[np.int32],
    values: Packed,
    weight: Matrix,
    first: int,
    last: int,
    four: NDArray[np.int64],
    codes: NDArray[Any],
    sums: NDArray[Any],
) -> None:
    """Fill a row of sums from what is stored from first to last."""
    clear(sums)
    for item in range(first, last):
        at = (item - first) % TOGETHER
        four[at], codes[at] = column[item], read(values, 0, item)
        if at == TOGETHER - 1 or item == last - 1:
            _add(weight.lanes, four, codes, sums)
            clear(codes)


def _add(
    weights: NDArray[Any], rows: NDArray[np.int64], codes: NDArray[Any], sums: NDArray[Any]
) -> None:
    """Add four rows of weights, each times a code, to a row of sums."""
    raise NotImplementedError("compiled code only")


@overload(_add)
def _compiled_add(weights: Any, rows: Any, codes: Any, sums: Any) -> Callable[..., None]:
    def plainly(weights: Any, rows: Any, codes: Any, sums: Any) -> None:
        for at in range(TOGETHER):
            for feature in range(sums.size):
                sums[feature] += codes[at] * weights[rows[at], feature]

    def at_once(weights: Any, rows: Any, codes: Any, sums: Any) -> None:
        add_combination(weights, rows, codes, sums)

    return at_once if weights.dtype == types.int16 else plainly
