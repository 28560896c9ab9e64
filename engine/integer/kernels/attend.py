"""Sums of neighbours' codes, weighted by each attention head."""

from __future__ import annotations

from engine.integer.kernels.operands import Accumulator, Incoming, Packed, Target
from engine.integer.kernels.weigh import weighed
from engine.integer.kernels.work import Work


def attend(
    incoming: Incoming,
    message: Packed,
    coefficient: Packed,
    width: int,
    target: Target,
    accumulator: Accumulator,
) -> tuple[Work, ...]:
    """Sum ``(coefficient_eh - zero_c) (message_eh - zero_m)`` over a node's edges.

    Args:
        incoming: The edges.
        message: [N, heads C], head by head.
        coefficient: [E, heads].
        width: F', heads C to hold the heads side by side, or C to add them up.
        target: [N, F'].
        accumulator: Type of the sums.
    """
    return weighed(incoming, message, coefficient, 1, width, target, accumulator)
