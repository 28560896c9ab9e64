"""What every kernel does with a row: read one code, add a row of codes, end a row of sums."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba.extending import overload
from numpy.typing import NDArray

from engine.integer.kernels.compile import inner
from engine.integer.kernels.operands import Packed, RealTarget, Target

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
def unpack(packed: Packed) -> NDArray[np.int32]:
    """Return all codes less the code of zero, [N, F]: for weights, which every row meets."""
    codes = np.empty((packed.words.shape[0], packed.width), np.int32)
    for row in range(codes.shape[0]):
        clear(codes[row])
        accumulate(packed, row, 1, codes[row])
    return codes


def finish(sums: NDArray[Any], target: Target, row: int) -> None:
    """Write a row of sums, [F'], to a target: rounded to codes and packed, or as real numbers."""
    raise NotImplementedError("compiled code only")


@overload(finish)
def _finish(sums: Any, target: Any, row: Any) -> Callable[..., None]:
    if target.instance_class is RealTarget:

        def write_real(sums: Any, target: Any, row: Any) -> None:
            for column in range(sums.size):
                target.real[row, column] = np.float32(sums[column]) * target.factor[column]

        return write_real

    def write_codes(sums: Any, target: Any, row: Any) -> None:
        words, bits, zero, high, factor = target
        count = np.uintp(words.shape[1])
        low, top, offset = np.float64(-zero), np.float64(high - zero), np.int32(zero)
        for index in range(count):
            words[row, index] = 0
        first, shift, end = np.uintp(0), np.int32(0), np.uintp(sums.size)
        while first < end:
            for index in range(min(count, end - first)):
                code = np.rint(np.float64(sums[first + index]) * factor[first + index])
                unsigned = np.int32(min(max(code, low), top)) + offset
                words[row, index] |= unsigned << shift
            first += count
            shift += np.int32(bits)

    return write_codes
