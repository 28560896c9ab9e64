"""Memory for what kernels read in vectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ALIGNMENT = 64
"""Bytes of a line of cache, and of the widest vector."""


def aligned(size_bytes: int) -> NDArray[np.uint8]:
    """Return bytes to be filled that begin a line of cache.

    A row of codes that begins elsewhere takes a line more, and gathering rows of 8 bits from
    memory was measured to take twice as long.
    """
    block = np.empty(size_bytes + ALIGNMENT, np.uint8)
    start = -block.ctypes.data % ALIGNMENT
    return block[start : start + size_bytes]
