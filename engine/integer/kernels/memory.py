"""Memory for what kernels read in vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

ALIGNMENT = 64
"""Bytes of a line of cache, and of the widest vector."""

ROOM_BYTES = 256
"""Bytes that a kernel may read behind an array: the longest tile of words of 16 bits."""


def aligned(size_bytes: int) -> NDArray[np.uint8]:
    """Return bytes to be filled that begin a line of cache, and have room behind them.

    A row of codes that begins elsewhere takes a line more, and gathering rows of 8 bits from
    memory was measured to take twice as long.
    """
    block = np.empty(size_bytes + ALIGNMENT + ROOM_BYTES, np.uint8)
    start = -block.ctypes.data % ALIGNMENT
    return block[start : start + size_bytes]


def roomy(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array that a kernel may read beyond its end: itself, or a copy.

    Args:
        array: As long as the copy is used, what it holds must not change.
    """
    whole = array
    while isinstance(whole.base, np.ndarray):
        whole = whole.base
    end = whole.ctypes.data + whole.nbytes
    contiguous = whole.flags.c_contiguous and array.flags.c_contiguous
    if contiguous and end - array.ctypes.data - array.nbytes >= ROOM_BYTES:
        return array
    copy = aligned(array.nbytes).view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy
