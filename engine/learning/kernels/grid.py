"""Numbers moved onto a grid, and the gradient that passes, in one pass over memory each.

The arithmetic is torch's, bit for bit, which takes eleven operations for it.
"""

from __future__ import annotations

import numpy as np

from engine.learning.kernels.compile import Doubles, Flags, Floats, kernel, summing_kernel

STE, GC, GC_ENDS, WITHIN = 0, 1, 2, 3
"""Which gradient passes: all; of codes not clamped; of codes but the ends; of numbers between the
ends, whose codes would not be clamped before they are rounded either."""
CHUNK = 1024
"""Numbers of one scale that are placed together, however few columns there are."""


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
    numbers, placed, flags = x.reshape(-1), x_hat.reshape(-1), passes.reshape(-1)
    columns = scale.size if scale.size > 1 else min(max(x.size, 1), CHUNK)
    steps = np.empty(columns, dtype=np.float32)
    origins = np.empty(columns, dtype=np.float32)
    for j in range(columns):  # array assignment takes seconds to compile
        channel = j if scale.size > 1 else 0
        steps[j], origins[j] = scale[channel], zero[channel]
    inset = np.float32(1) if rule == GC_ENDS else np.float32(0)
    lowest, highest = qmin + inset, qmax - inset
    for first in range(0, numbers.size, columns):
        end = min(first + columns, numbers.size)
        part, to, flag = numbers[first:end], placed[first:end], flags[first:end]
        if rule == STE:
            for j in range(part.size):
                rounded = np.rint(part[j] / steps[j]) + origins[j]
                to[j] = (min(max(rounded, qmin), qmax) - origins[j]) * steps[j]
        elif rule == WITHIN:
            for j in range(part.size):
                place = part[j] / steps[j]
                rounded = np.rint(place) + origins[j]
                to[j] = (min(max(rounded, qmin), qmax) - origins[j]) * steps[j]
                flag[j] = (place >= qmin - origins[j]) & (place <= qmax - origins[j])
        else:
            for j in range(part.size):
                rounded = np.rint(part[j] / steps[j]) + origins[j]
                to[j] = (min(max(rounded, qmin), qmax) - origins[j]) * steps[j]
                flag[j] = (rounded >= lowest) & (rounded <= highest)
    for i in range(protected.size):
        if protected[i]:
            for j in range(x.shape[1]):
                x_hat[i, j] = x[i, j]
                if rule != STE:
                    passes[i, j] = True


@kernel
def let_pass(factor: np.float32, upstream: Floats, passes: Flags, grad: Floats) -> None:
    """Write the gradient times a factor where it passes and 0 elsewhere, all [n]."""
    for i in range(grad.size):
        grad[i] = upstream[i] * (factor if passes[i] else np.float32(0))


@summing_kernel
def to_step(
    upstream: Floats, passes: Flags, x: Floats, x_hat: Floats, grad: Floats, of_step: Doubles
) -> None:
    """Write the gradient where it passes and 0 elsewhere, and what goes to the step sizes.

    Args:
        upstream: Gradient to ``x_hat``, row after row, [n].
        passes: Where a number lies between the ends, [n].
        x: Real numbers, [n].
        x_hat: The same on the grid, [n].
        grad: Result, to ``x``, [n].
        of_step: Result, to each step size times that, [F] or, of one for all, [1].
    """
    columns = of_step.size if of_step.size > 1 else CHUNK
    for k in range(of_step.size):
        of_step[k] = 0
    for first in range(0, upstream.size, columns):
        end = min(first + columns, upstream.size)
        given, flag, number = upstream[first:end], passes[first:end], x[first:end]
        place, passed = x_hat[first:end], grad[first:end]
        for j in range(given.size):
            passed[j] = given[j] if flag[j] else np.float32(0)
        if of_step.size > 1:
            for j in range(given.size):
                of_step[j] += given[j] * (place[j] - (number[j] if flag[j] else np.float32(0)))
        else:
            total = np.float32(0)
            for j in range(given.size):
                total += given[j] * (place[j] - (number[j] if flag[j] else np.float32(0)))
            of_step[0] += total
