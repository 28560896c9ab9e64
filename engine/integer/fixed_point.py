"""One integer scale for summands of different scales."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log2

TOLERANCE = 2.0**-14
"""Rounding error allowed to the multipliers and the constant, in steps of the result."""


@dataclass(frozen=True, slots=True)
class FixedPoint:
    """A common scale, and each summand's scale as an integer multiple of it.

    Args:
        scale: The common scale.
        multipliers: One for each summand.
    """

    scale: float
    multipliers: tuple[int, ...]


def fixed_point(
    scales: Sequence[float], reaches: Sequence[int], constant: float, step: float
) -> FixedPoint:
    """Return a common scale for ``sum_t scale_t code_t + constant``, with |code_t| <= reach_t.

    The scale is the largest summand's over a power of two, as fine as int32 allows. Where that
    leaves a rounding error above `TOLERANCE` steps, as fine as int64 allows. A lone summand without
    a constant keeps its own scale.

    Args:
        scales: Each summand's scale.
        reaches: Each summand's largest magnitude, in codes.
        constant: Largest magnitude of the constant.
        step: One step of the result.
    """
    if len(scales) == 1 and constant == 0:
        return FixedPoint(scales[0], (1,))
    widest = max(scales)
    largest = sum(s * r for s, r in zip(scales, reaches, strict=True)) + constant
    for bits in (30, 61):
        scale = widest * 2.0 ** -floor(bits - log2(max(largest / widest, 1)))
        multipliers = tuple(round(s / scale) for s in scales)
        error = scale / 2 if constant else 0.0
        for s, m, reach in zip(scales, multipliers, reaches, strict=True):
            error += abs(s - m * scale) * reach
        if error <= TOLERANCE * step:
            break
    return FixedPoint(scale, multipliers)
