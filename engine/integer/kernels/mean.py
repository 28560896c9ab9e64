"""Means of neighbours' codes."""

from __future__ import annotations

from engine.integer.kernels.gather import gathered
from engine.integer.kernels.operands import Accumulator, Incoming, Packed, Target
from engine.integer.kernels.work import Work


def mean(
    incoming: Incoming, message: Packed, target: Target, accumulator: Accumulator
) -> tuple[Work, ...]:
    """Divide the sum of ``message_e - zero`` over a row's edges by their count; 0 without edges.

    The quotient is a float64 on its way into the one rounding of the requantization.

    Args:
        incoming: The edges.
        message: Codes, F' a row.
        target: [N, F'].
        accumulator: Type of the sums.
    """
    return gathered("mean", incoming, message, 1, (), target, accumulator)
