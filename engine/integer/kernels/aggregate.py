"""Sums of neighbours' codes, normed, each with a weight or without."""

from __future__ import annotations

from engine.integer.kernels.gather import gathered
from engine.integer.kernels.operands import Accumulator, Incoming, Packed, Target
from engine.integer.kernels.rows import Factor
from engine.integer.kernels.weigh import weighed
from engine.integer.kernels.work import Work


def aggregate(
    incoming: Incoming,
    message: Packed,
    weight: Packed | None,
    norm: Packed | None,
    target: Target,
    accumulator: Accumulator,
) -> tuple[Work, ...]:
    """Sum ``(weight_e - zero_w) (message_e - zero_m)`` over a node's edges times ``norm - zero_n``.

    Args:
        incoming: The edges.
        message: [N, F'].
        weight: [E, 1], or None for all 1.
        norm: [1, N], or None for all 1.
        target: [N, F'].
        accumulator: Type of the sums.
    """
    factor: Factor = 1 if norm is None else norm
    if weight is None:
        return gathered("sum", incoming, message, factor, (), target, accumulator)
    return weighed(incoming, message, weight, factor, message.width, target, accumulator)
