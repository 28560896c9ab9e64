"""The affine map between real numbers and codes: the learned state of a width, in NumPy.

codes = clamp(round_half_even(x / scale) + zero, qmin, qmax)        x_hat = (codes - zero) scale
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.spec import QuantSpec

Real = NDArray[np.floating[Any]]
Codes = NDArray[np.int32]

SMALLEST_SCALE = 2.0**-64
"""Step size of an empty range: all that training ever saw there was 0."""


@dataclass(frozen=True, slots=True, eq=False)
class QParams:
    """A spec with the scale and zero point found for it.

    Args:
        spec: What was asked for; never float.
        scale: Size of one code step, float32, of shape () or, per channel, [F'].
        zero: The code of 0.0, int32, same shape.
    """

    spec: QuantSpec
    scale: NDArray[np.float32]
    zero: NDArray[np.int32]


def qparams(low: Any, high: Any, spec: QuantSpec) -> QParams:
    """Return the parameters that spread a spec's codes over a range.

    The range is first widened to contain 0, so that 0.0 has an exact code. A symmetric spec takes
    the larger magnitude.

    Args:
        low: Lower end, a scalar or, per channel, [F'].
        high: Upper end, same shape.
        spec: The spec; not float.

    Raises:
        ValueError: If the range is not finite.
    """
    with np.errstate(over="ignore"):
        lowest, highest = np.asarray(low, dtype=np.float32), np.asarray(high, dtype=np.float32)
        below = np.maximum(-lowest, np.float32(0))
        above = np.maximum(highest, np.float32(0))
        span = np.maximum(below, above) if spec.symmetric else below + above
    if not all(np.isfinite(ends).all() for ends in (lowest, highest, span)):
        raise ValueError(f"a range must be finite in float32, got [{low}, {high}]")
    steps = spec.qmax if spec.symmetric else spec.qmax - spec.qmin
    scale = np.maximum(span / np.float32(steps), np.float32(SMALLEST_SCALE))
    zero = np.zeros_like(scale) if spec.symmetric else spec.qmin + np.rint(below / scale)
    return QParams(spec, np.asarray(scale), np.asarray(zero).astype(np.int32))


def quantize(x: Real, params: QParams) -> Codes:
    """Return the codes of real numbers, int32, same shape (channels last)."""
    with np.errstate(over="ignore"):  # what is beyond float32 is clamped all the same
        codes = np.rint(np.divide(x, params.scale, dtype=np.float64)) + params.zero
    clamped: Codes = np.clip(codes, params.spec.qmin, params.spec.qmax).astype(np.int32)
    return clamped


def dequantize(codes: Codes, params: QParams) -> NDArray[np.float32]:
    """Return the real numbers that codes stand for, float32, same shape (channels last)."""
    return (codes - params.zero).astype(np.float32) * params.scale


def percentiles(x: Real, tail: float) -> tuple[np.float32, np.float32]:
    """Return the ``tail`` and ``1 - tail`` quantiles of the non-zero entries, nearest rank outward.

    Args:
        x: Any shape.
        tail: Share cut off at each end, in [0, 0.5).

    Returns:
        Lower and upper quantile; (0, 0) where every entry is zero.
    """
    values = np.asarray(x, dtype=np.float32).ravel()
    values = values[values != 0]
    if not values.size:
        return np.float32(0), np.float32(0)
    cut = int(tail * (values.size - 1))
    top = values.size - 1 - cut
    # one selection each: NumPy's vectorised partition takes a single position
    return np.partition(values, cut)[cut], np.partition(values, top)[top]
