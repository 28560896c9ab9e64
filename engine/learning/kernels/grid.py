"""Numbers moved onto a grid, and the gradient that passes, in one pass over memory each.

The arithmetic is torch's, bit for bit, which takes eleven operations for it.
"""

from __future__ import annotations

import numpy as np

from engine.learning.kernels.compile import Flags, Floats, kernel

STE, GC, GC_ENDS, WITHIN = 0, 1, 2, 3
"""Which gradient passes: all; of codes not clamped; of codes but the ends; of numbers between the
ends, whose codes would not be clamped before they are rounded either."""


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
    passes: Flags,
) -> None:
    """Write ``x_hat`` and where the gradient passes.

    Args:
        x: Real numbers, [N, F].
        scale: Step size, [1] or [F].
        zero: Code of 0.0, [1] or [F].
        qmin: Smallest code.
        qmax: Largest code.
        protected: Rows that pass unchanged, [N]; none where empty.
        rule: `STE`, `GC`, `GC_ENDS` or `WITHIN`.
        x_hat: Result, [N, F].
        passes: Result, [N, F]; left alone by `STE`.
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
                for j in range(columns):
                    passes[i, j] = True
        elif rule == STE:
            for j in range(columns):
                rounded = np.rint(x[i, j] / steps[j]) + origins[j]
                x_hat[i, j] = (min(max(rounded, qmin), qmax) - origins[j]) * steps[j]
        elif rule == WITHIN:
            for j in range(columns):
                place = x[i, j] / steps[j]
                rounded = np.rint(place) + origins[j]
                x_hat[i, j] = (min(max(rounded, qmin), qmax) - origins[j]) * steps[j]
                passes[i, j] = (place >= qmin - origins[j]) & (place <= qmax - origins[j])
        else:
            for j in range(columns):
                rounded = np.rint(x[i, j] / steps[j]) + origins[j]
                x_hat[i, j] = (min(max(rounded, qmin), qmax) - origins[j]) * steps[j]
                passes[i, j] = (rounded >= lowest) & (rounded <= highest)


@kernel
def let_pass(factor: np.float32, upstream: Floats, passes: Flags, grad: Floats) -> None:
    """Write the gradient times a factor where it passes and 0 elsewhere, all [n]."""
    for i in range(grad.size):
        grad[i] = upstream[i] * (factor if passes[i] else np.float32(0))
