"""How much of a node's codes sits at the ends of the range, where values were cut off."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.metrics.rows import Reals


def saturation(codes: NDArray[Any], qmin: int, qmax: int, zero: int | None = None) -> Reals:
    """Return the share of each node's codes that equal ``qmin`` or ``qmax``.

    An end code may be exact by chance; the share bounds what was cut off from above. After a ReLU
    the zero point is an end code and stands for 0 exactly: name it as ``zero`` to leave it out.

    Args:
        codes: Integer codes, [N, F].
        qmin: Smallest code.
        qmax: Largest code.
        zero: The code of 0.0, which is never counted; none by default.

    Returns:
        [N], 0 to 1, float64; 0 where a node has no codes.

    Raises:
        ValueError: If the codes are not integers [N, F] from ``qmin`` to ``qmax``.
    """
    codes = np.asarray(codes)
    if codes.ndim != 2 or codes.dtype.kind not in "iu":
        raise ValueError(f"codes are integers [N, F]; got {codes.dtype} of shape {codes.shape}")
    if codes.size and not (qmin <= codes.min() and codes.max() <= qmax):
        raise ValueError(
            f"codes run from {qmin} to {qmax}; got some from {codes.min()} to {codes.max()}"
        )
    at_end = np.zeros(codes.shape, dtype=np.bool_)
    for end in {qmin, qmax} - {zero}:
        at_end |= codes == end
    return np.asarray(at_end.sum(axis=1) / max(codes.shape[1], 1))
