"""What every kernel does with a row: read one code, add a row of codes, end a row of sums."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.integer.kernels.compile import inner, overload
from engine.integer.kernels.operands import Packed, Target
from engine.integer.kernels.vectors import call, types

BLOCK = 64
"""Rows that share one buffer of sums."""


@inner
def clear(sums: NDArray[Any]) -> None:
    """Set sums to 0; a loop, which compiles faster than an assignment to a slice."""
    for column in range(sums.size):
        sums[column] = 0


@inner
def read(packed: Packed, row: int, column: int) -> int:
    """Return one code less the code of zero."""
    words, bits, zero, _ = packed
    count = words.shape[1]
    shift = 0
    while column >= count:  # at most three times, and faster than a division
        column -= count
        shift += bits
    word: int = words[row, column]
    return ((word >> shift) & ((1 << bits) - 1)) - zero


@inner
def accumulate(packed: Packed, row: int, multiplier: int, sums: NDArray[Any]) -> None:
    """Add to the sums, [F'], a multiple of a row's codes less the code of zero."""
    words, bits, zero, width = packed
    count = np.uintp(words.shape[1])
    factor, offset, mask = np.int32(multiplier), np.int32(zero), np.int32((1 << bits) - 1)
    if bits == 8 * words.itemsize:
        for index in range(width):
            sums[index] += factor * (np.int32(words[row, index]) - offset)
        return
    first, shift, end = np.uintp(0), np.int32(0), np.uintp(width)
    while first < end:  # indices without a sign, or LLVM does not vectorise
        for index in range(min(count, end - first)):
            code = (np.int32(words[row, index]) >> shift) & mask
            sums[first + index] += factor * (code - offset)
        first += count
        shift += np.int32(bits)


@inner
def spread(packed: Packed, row: int, codes: NDArray[Any]) -> None:
    """Write a row's unsigned codes, [F], to the front of an array."""
    words, bits, _, width = packed
    count, end = np.uintp(words.shape[1]), np.uintp(width)
    if bits == 8 * words.itemsize:
        for index in range(end):
            codes[index] = words[row, index]
        return
    first, shift, mask = np.uintp(0), np.uint8(0), np.uint8((1 << bits) - 1)
    while first < end:
        for index in range(min(count, end - first)):
            codes[first + index] = (words[row, index] >> shift) & mask
        first += count
        shift += np.uint8(bits)


def finish(sums: NDArray[Any], target: Target, row: int) -> None:
    """Write a row of sums, [F'], to a target: rounded to codes and packed, or as real numbers.

    Sums of 64 bits are used up: in place they become float64, or 32 bits where those suffice.
    """
    raise NotImplementedError("compiled code only")


@overload(finish)
def _compiled_finish(sums: Any, target: Any, row: Any) -> Callable[..., None]:
    def narrow(sums: Any, target: Any, row: Any) -> None:
        call(target.address, (np.intp(sums.ctypes.data), 0, target.fields.ctypes.data, row))

    def wide(sums: Any, target: Any, row: Any) -> None:
        if not target.near:
            finish_mean(sums, 1, target, row)
            return
        short = sums.view(np.int32)
        for column in range(sums.size):
            short[column] = sums[column]
        call(target.address, (np.intp(sums.ctypes.data), 0, target.fields.ctypes.data, row))

    return narrow if sums.dtype == types.int32 else wide


@inner
def finish_mean(sums: NDArray[np.int64], count: int, target: Any, row: int) -> None:
    """Write a row of sums over a count, each quotient a float64, as `finish` does.

    The sums are used up: they become their quotients in place.
    """
    means = sums.view(np.float64)
    for column in range(np.uintp(sums.size)):
        means[column] = np.float64(sums[column]) / np.float64(count)
    call(target.address, (np.intp(sums.ctypes.data), 1, target.fields.ctypes.data, row))
