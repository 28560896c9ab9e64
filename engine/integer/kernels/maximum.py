"""Largest of neighbours' codes."""

from __future__ import annotations

from engine.integer.kernels.gather import gathered
from engine.integer.kernels.operands import Accumulator, Incoming, Packed, Target
from engine.integer.kernels.work import Work


def maximum(
    incoming: Incoming, message: Packed, target: Target, accumulator: Accumulator
) -> tuple[Work, ...]:
    """Find the largest ``message_e - zero`` of a row's edges, column by column; 0 without edges.

    Args:
        incoming: The edges.
        message: Codes, F' a row.
        target: [N, F'].
        accumulator: Type of the codes.
    """
    return gathered("largest", incoming, message, 1, (), target, accumulator)
