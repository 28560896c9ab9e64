"""Sums of neighbours' codes, and codes of the row itself, each times an integer of the row."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.integer.kernels.gather import gathered
from engine.integer.kernels.operands import Incoming, Packed, Target
from engine.integer.kernels.work import Work


def propagate(
    incoming: Incoming,
    message: Packed,
    factor: NDArray[np.int64],
    first: Packed | None,
    first_factor: NDArray[np.int64],
    second: Packed | None,
    second_factor: NDArray[np.int64],
    target: Target,
) -> tuple[Work, ...]:
    """Add ``factor_i`` times the sum of ``message_e - zero`` over a row's edges, and own codes.

    Args:
        incoming: The edges.
        message: [N, F'].
        factor: [N].
        first: Codes of the row itself, [N, F'], or None.
        first_factor: [N].
        second: More of them, [N, F'], or None.
        second_factor: [N].
        target: [N, F'].
    """
    beside: Any = [(first, first_factor), (second, second_factor)]
    own = [(codes, by) for codes, by in beside if codes is not None]
    return gathered("sum", incoming, message, factor, own, target, np.dtype(np.int64))
