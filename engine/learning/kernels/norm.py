"""Batch normalisation of rows: statistics, result and gradient, one pass over memory each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.learning.kernels.compile import Floats, kernel

BLOCK = 128
"""Rows whose sums are float32 before they are added up in float64."""

Doubles = NDArray[np.float64]


@kernel
def moments(x: Floats, mean: Doubles, squares: Doubles) -> None:
    """Write each column's mean and the sum of its squared deviations from it.

    Blocks of rows are looked at twice while they are near, and their moments joined.

    Args:
        x: Real numbers, [N, F].
        mean: Result, [F].
        squares: Result, [F].
    """
    rows, columns = x.shape
    sums, shares = np.empty(columns, dtype=np.float32), np.empty(columns, dtype=np.float32)
    for k in range(columns):
        mean[k] = squares[k] = 0
    for first in range(0, rows, BLOCK):
        last = min(first + BLOCK, rows)
        for k in range(columns):
            sums[k] = 0
        for i in range(first, last):
            for k in range(columns):
                sums[k] += x[i, k]
        for k in range(columns):
            shares[k] = sums[k] / np.float32(last - first)
            sums[k] = 0
        for i in range(first, last):
            for k in range(columns):
                away = x[i, k] - shares[k]
                sums[k] += away * away
        for k in range(columns):
            between = shares[k] - mean[k]
            mean[k] += between * (last - first) / last
            squares[k] += sums[k] + between * between * first * (last - first) / last


@kernel
def normalize(x: Floats, mean: Floats, gain: Floats, shift: Floats, result: Floats) -> None:
    """Write ``gain (x - mean) + shift`` for mean, gain and shift of each column, [N, F]."""
    for i in range(x.shape[0]):
        for k in range(x.shape[1]):
            result[i, k] = gain[k] * (x[i, k] - mean[k]) + shift[k]


@kernel
def gradient_sums(
    upstream: Floats, x: Floats, mean: Floats, inverse: Floats, total: Doubles, along: Doubles
) -> None:
    """Write the sums that the gradients to shift and gain are.

    Args:
        upstream: Gradient to the result, [N, F].
        x: Real numbers, [N, F].
        mean: Of each column, [F].
        inverse: One over each column's standard deviation, [F].
        total: Result, the sum of the upstream gradient, [F].
        along: Result, its sum times the normalised ``x``, [F].
    """
    rows, columns = x.shape
    plain, times = np.empty(columns, dtype=np.float32), np.empty(columns, dtype=np.float32)
    for k in range(columns):
        total[k] = along[k] = 0
    for first in range(0, rows, BLOCK):
        for k in range(columns):
            plain[k] = times[k] = 0
        for i in range(first, min(first + BLOCK, rows)):
            for k in range(columns):
                plain[k] += upstream[i, k]
                times[k] += upstream[i, k] * (x[i, k] - mean[k])
        for k in range(columns):
            total[k] += plain[k]
            along[k] += times[k]
    for k in range(columns):
        along[k] *= inverse[k]


@kernel
def gradient(
    upstream: Floats,
    x: Floats,
    mean: Floats,
    of_upstream: Floats,
    of_x: Floats,
    constant: Floats,
    grad: Floats,
) -> None:
    """Write ``of_upstream upstream + of_x (x - mean) + constant``, the gradient to x, [N, F]."""
    for i in range(x.shape[0]):
        for k in range(x.shape[1]):
            away = x[i, k] - mean[k]
            grad[i, k] = of_upstream[k] * upstream[i, k] + (of_x[k] * away + constant[k])
