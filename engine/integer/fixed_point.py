"""One integer scale for summands of different scales."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log2
from typing import Any

import numpy as np
from numpy.typing import NDArray

TOLERANCE = 2.0**-20
"""Rounding error allowed to the multipliers and the constant, in steps of the result."""


@dataclass(frozen=True, slots=True, eq=False)
class FixedPoint:
    """A common scale, and each summand's scales as integer multiples of it.

    Args:
        scale: The common scale.
        multipliers: One for each summand, int64, () or [F'] as its scales.
    """

    scale: float
    multipliers: tuple[NDArray[np.int64], ...]


def fixed_point(
    scales: Sequence[Any],
    reaches: Sequence[Any],
    constants: Sequence[Any],
    step: float,
    tolerance: float = TOLERANCE,
) -> FixedPoint:
    """Return a common scale for ``sum_t scale_t code_t + sum_c constant_c``, |code_t| <= reach_t.

    The scale is the largest summand's over a power of two, as fine as int32 allows. Where that
    leaves a rounding error above the tolerance, as fine as int64 allows. Without constants it
    is no finer than the multipliers need: a lone summand, for one, keeps its own.

    Args:
        scales: Each summand's scales, of any sign, () or [F'], or of rows, [N].
        reaches: Each summand's largest magnitude, in codes, () or as its scales.
        constants: What is itself rounded to the common scale, or its largest magnitude, real, each
            () or [F'].
        step: One step of the result.
        tolerance: Rounding error allowed, in steps; 0 for all that int64 resolves.
    """
    exact = [np.asarray(scale, np.float64) for scale in scales]
    widest = max((float(np.abs(scale).max(initial=0)) for scale in exact), default=0.0)
    sizes: list[Any] = [np.abs(scale) * r for scale, r in zip(exact, reaches, strict=True)]
    added: list[Any] = [np.abs(np.asarray(constant, np.float64)) for constant in constants]
    rounded = sum(bool(size.any()) for size in added)
    largest = float(np.max(sum(sizes + added), initial=0))
    # scales 2^60 below the sum are beyond what its integers resolve, and say nothing of its scale
    unit = widest if widest > largest * 2.0**-60 else largest or 1.0
    for bits in (30, 61):
        common = unit * 2.0 ** -floor(bits - log2(max(largest / unit, 1)))
        multipliers = [np.rint(scale / common).astype(np.int64) for scale in exact]
        error: Any = rounded * common / 2
        for scale, multiplier, reach in zip(exact, multipliers, reaches, strict=True):
            error = error + np.abs(scale - multiplier * common) * reach
        if np.max(error, initial=0) <= tolerance * step:
            break
    shared = int(np.gcd.reduce(np.concatenate([[0], *[m.ravel() for m in multipliers]])))
    if shared > 1 and not rounded:
        return FixedPoint(common * shared, tuple(np.asarray(m // shared) for m in multipliers))
    return FixedPoint(common, tuple(multipliers))
