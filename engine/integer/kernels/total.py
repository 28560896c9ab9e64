"""Sums of neighbours' codes beside the node's own, each with a weight for all."""

from __future__ import annotations

from engine.integer.kernels.gather import gathered
from engine.integer.kernels.operands import Accumulator, Incoming, Packed, Target
from engine.integer.kernels.work import Work


def total(
    incoming: Incoming,
    message: Packed,
    each: int,
    own: int,
    target: Target,
    accumulator: Accumulator,
) -> tuple[Work, ...]:
    """Add ``each`` times the sum of ``message_e - zero`` over a row's edges and ``own`` times its.

    Args:
        incoming: The edges.
        message: [N, F']; as many rows as needed where ``own`` is 0.
        each: Weight of every neighbour.
        own: Weight of the row's own message.
        target: [N, F'].
        accumulator: Type of the sums.
    """
    beside = [(message, own)] if own else []
    return gathered("sum", incoming, message, each, beside, target, accumulator)
