"""Fake quantization and tails of a CPU tensor in one pass over memory each, in Numba.

A torch training step on a graph of a few thousand nodes is all small operations: moving [2708, 16]
onto a grid takes torch eleven of them, and finding its percentiles six. These kernels do the same
arithmetic, bit for bit, in one; torch's own operations remain for other devices.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]
Kernel = TypeVar("Kernel", bound=Callable[..., Any])

STE, GC, GC_ENDS = 0, 1, 2


def kernel(function: Kernel) -> Kernel:
    """Compile a function of arrays, its machine code kept where a folder can be written."""
    compile_cached: Any = numba.njit(nogil=True, error_model="numpy", cache=True)
    compile_anew: Any = numba.njit(nogil=True, error_model="numpy")
    compiled: Kernel
    try:
        compiled = compile_cached(function)
    except RuntimeError:  # no folder for machine code can be written
        compiled = compile_anew(function)
    return compiled


@kernel
def to_grid(
    x: Floats,
    scale: Floats,
    zero: Floats,
    qmin: np.float32,
    qmax: np.float32,
    protected: Flags,
    rule: int,
    x_hat: Floats,
    passes: Floats,
) -> None:
    """Write ``x_hat`` and the share of the gradient that passes.

    Args:
        x: Real numbers, [N, F].
        scale: Step size, [1] or [F].
        zero: Code of 0.0, [1] or [F].
        qmin: Smallest code.
        qmax: Largest code.
        protected: Rows that pass unchanged, [N]; none where empty.
        rule: `STE`, `GC` or `GC_ENDS`.
        x_hat: Result, [N, F].
        passes: 1 or 0 per entry, [N, F]; left alone by `STE`.
    """
    rows, columns = x.shape
    steps = np.empty(columns, dtype=np.float32)
    origins = np.empty(columns, dtype=np.float32)
    for j in range(columns):  # array assignment takes seconds to compile
        channel = j if scale.size > 1 else 0
        steps[j], origins[j] = scale[channel], zero[channel]
    inset = np.float32(1) if rule == GC_ENDS else np.float32(0)
    lowest, highest = qmin + inset, qmax - inset
    for i in range(rows):
        if protected.size and protected[i]:
            for j in range(columns):
                x_hat[i, j] = x[i, j]
                if rule != STE:
                    passes[i, j] = np.float32(1)
            continue
        for j in range(columns):
            rounded = np.rint(x[i, j] / steps[j]) + origins[j]
            x_hat[i, j] = (min(max(rounded, qmin), qmax) - origins[j]) * steps[j]
        if rule != STE:
            for j in range(columns):
                rounded = np.rint(x[i, j] / steps[j]) + origins[j]
                inside = min(max(rounded, lowest), highest) == rounded
                passes[i, j] = np.float32(1) if inside else np.float32(0)


def tails(
    x: Floats, protected: Flags, tail: float, low_guess: np.float32, high_guess: np.float32
) -> tuple[bool, float, float]:
    """Return how far the ``tail`` and ``1 - tail`` quantiles lie below and above 0.

    The quantiles are of the non-zero entries of unprotected rows.

    Only entries beyond the guesses are kept and searched, so a good guess leaves little to do.

    Args:
        x: Real numbers, [N, F].
        protected: Rows that do not count, [N]; none where empty.
        tail: Share cut off at each end, in [0, 0.5).
        low_guess: Somewhat above the lower quantile, at most 0.
        high_guess: Somewhat below the upper quantile, at least 0.

    Returns:
        Whether the guesses were wide enough, and the two quantiles, a positive lower and a
        negative upper one as 0.
    """
    room = int(16 * tail * x.size) + 256
    low, high = np.empty(room, dtype=np.float32), np.empty(room, dtype=np.float32)
    count, lows, highs = _beyond(x, protected, low_guess, high_guess, low, high)
    cut = int(tail * (count - 1))
    bottom = top = 0.0
    if cut < lows < room:
        bottom = float(np.partition(low[:lows], cut)[cut])
    elif lows >= room or (count and low_guess < 0):
        return False, bottom, top
    if cut < highs < room:
        top = float(np.partition(high[:highs], highs - 1 - cut)[highs - 1 - cut])
    elif highs >= room or (count and high_guess > 0):
        return False, bottom, top
    return True, bottom, top


@kernel
def _beyond(
    x: Floats,
    protected: Flags,
    low_guess: np.float32,
    high_guess: np.float32,
    low: Floats,
    high: Floats,
) -> tuple[int, int, int]:
    """Gather the entries beyond the guesses while there is room; count entries, lows and highs."""
    rows, columns = x.shape
    room = low.size
    count = lows = highs = 0
    for i in range(rows):
        if protected.size and protected[i]:
            continue
        for j in range(columns):
            count += x[i, j] != 0
        for j in range(columns):
            value = x[i, j]
            if value <= low_guess and value != 0 and lows < room:
                low[lows] = value
                lows += 1
            if value >= high_guess and value != 0 and highs < room:
                high[highs] = value
                highs += 1
    return count, lows, highs
