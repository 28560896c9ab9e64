"""The affine map between real numbers and codes: the learned state of a width, in NumPy.

codes = clamp(round_half_even(x / scale) + zero, qmin, qmax)        x_hat = (codes - zero) scale

Where codes are truncated, ``x + shift`` is first rounded to steps of ``scale / 85``. Of 1 bit, a
code is qmax where x > 0 and else qmin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.nesting import Nested, nest
from engine.spec import QuantSpec

Real = NDArray[np.floating[Any]]
Codes = NDArray[np.int32]

SMALLEST_SCALE = 2.0**-64
"""Step size of an empty range: all that training ever saw there was 0."""

FINE = 85
"""Steps of 8 bits in one of 2 bits, ``(2^8 - 1) / (2^2 - 1)``."""

FURTHEST = FINE // 2
"""The largest shift of codes that are truncated: 0.0 keeps its code."""

STARTS = tuple(share / 20 for share in range(20, 0, -1))
"""The factors of an observed range that are tried where it starts to be learned."""

TINY = 2.0**-80
"""The smallest variance that a skewness is taken over."""


@dataclass(frozen=True, slots=True, eq=False)
class QParams:
    """A spec with the scale and zero point found for it.

    Args:
        spec: What was asked for; never float.
        scale: Size of one code step, float32, of shape () or, per channel, [F'].
        zero: The code of 0.0, int32, same shape.
        shift: What is added to codes of 8 bits before they are truncated, at most `FURTHEST`.
        nested: The codes of each bucket of in-degrees, on this grid.
    """

    spec: QuantSpec
    scale: NDArray[np.float32]
    zero: NDArray[np.int32]
    shift: int = 0
    nested: tuple[Nested, ...] = ()

    @property
    def room(self) -> tuple[int, int]:
        """Codes under and over that of 0.0."""
        zero = int(self.zero.flat[0])
        return zero - self.spec.qmin, self.spec.qmax - zero

    @property
    def nbytes(self) -> int:
        """Bytes of scale and zero point, and of each bucket's multiple and zero point."""
        return self.scale.nbytes + self.zero.nbytes + 4 * len(self.nested)

    @property
    def truncates(self) -> bool:
        """Whether the codes are truncated from codes of 8 bits."""
        return self.spec.truncation != "none"

    @property
    def rounding(self) -> float:
        """The most by which a code differs from the steps its number is from 0.0, if in range."""
        return 0.5 + (abs(self.shift) + 0.5) / FINE if self.truncates else 0.5

    @property
    def is_sign(self) -> bool:
        """Whether a code says no more than whether a number is positive."""
        return self.spec.bits == 1

    @property
    def has_zero(self) -> bool:
        """Whether 0.0 has a code of its own: all have but signs -1 and +1."""
        return self.spec.stride == 1

    @property
    def first(self) -> QParams:
        """The parameters of the codes that numbers are rounded to: the 8 bits to be truncated."""
        if not self.truncates:
            return self
        spec = replace(self.spec, bits=8, truncation="none")
        zero = spec.qmin + FINE * (self.zero - self.spec.qmin)
        scale = self.scale / np.float32(FINE)
        return QParams(spec, np.asarray(scale), np.asarray(zero, np.int32))


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


def with_buckets(
    params: QParams, spec: QuantSpec, reaches: Sequence[tuple[float, float] | None]
) -> QParams:
    """Return the parameters of a spec with buckets.

    Args:
        params: Those of all rows: the grid.
        spec: The spec.
        reaches: How far each bucket's range goes below and above 0; None where no row was seen.
    """
    step, room = float(params.scale), params.room
    nested = tuple(
        nest(bucket.bits, reach, step, room)
        for bucket, reach in zip(spec.buckets, reaches, strict=True)
    )
    return replace(params, spec=spec, nested=nested)


def quantize(x: Real, params: QParams) -> Codes:
    """Return the codes of real numbers, int32, same shape (channels last).

    Where there are buckets, they are of the grid; a row's own are `Nested.places` of these.
    """
    spec = params.spec
    if params.is_sign:
        return np.where(np.asarray(x) > 0, spec.qmax, spec.qmin).astype(np.int32)
    with np.errstate(over="ignore"):  # what is beyond float32 is clamped all the same
        places = np.divide(truncated(x, params), params.scale, dtype=np.float64)
        codes = np.rint(places) + params.zero
    clamped: Codes = np.clip(codes, spec.qmin, spec.qmax).astype(np.int32)
    return clamped


def truncated(x: Real, params: QParams) -> Real:
    """Return what is rounded to codes: where these are truncated, steps of 8 bits, shifted.

    No number that it returns lies half-way between two codes, since `FINE` is odd.
    """
    if not params.truncates:
        return x
    step = params.first.scale.astype(np.float64)
    return np.asarray((np.rint(x / step) + params.shift) * step)


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


LARGE = 0.7
"""Of the mean magnitude, what a ternary code other than 0 is expected to be beyond."""


def magnitude(x: Real, spec: QuantSpec) -> NDArray[np.float32]:
    """Return the mean magnitude of what signs, or ternary codes, make other than 0.

    Args:
        x: Any shape; channels last.
        spec: A spec ``by_magnitude``: of all of x where its signs are -1 and +1, of what is
            positive where they are 0 and 1, of what is beyond 0.7 mean magnitudes if ternary.

    Returns:
        () or, per channel, [F']; 0 where there is nothing.

    Source:
        Li and Liu, Ternary Weight Networks, 2016.

    Differs:
        What is beyond half of the scale is then coded other than 0, where the error is least.
    """
    size = np.abs(np.asarray(x, np.float64))
    axis = 0 if spec.granularity == "channel" else None
    counts = np.ones(size.shape, np.bool_)
    if spec.ternary:
        counts = size > LARGE * size.mean(axis=axis) if size.size else counts
    elif not spec.signed:
        counts = np.asarray(x) > 0
    total, count = np.where(counts, size, 0).sum(axis=axis), counts.sum(axis=axis)
    return np.asarray(total / np.maximum(count, 1), np.float32)


def lean(x: Real) -> float:
    """Return how far codes that are truncated shift towards a tensor's longer tail.

    ``42 tanh(g)`` of a code of 8 bits, g the tensor's skewness ``mean((x - mean)^3) / sd^3``: what
    a long tail has pressed together near 0 is then told from 0.

    Args:
        x: Any shape.

    Source:
        After Wang et al., Low-bit Quantization for Deep Graph Neural Networks with Smoothness-aware
        Message Propagation, CIKM 2023.

    Differs:
        The function of the skewness is ours, and 0.0 keeps its code whatever the shift.
    """
    if not np.size(x):
        return 0.0
    away = np.asarray(x, np.float64) - np.mean(x, dtype=np.float64)
    skewness = np.mean(away**3) / max(float(np.mean(away**2)), TINY) ** 1.5
    return float(FURTHEST * np.tanh(skewness))


def fitted(x: Real, params: QParams) -> QParams:
    """Return parameters whose range is the part of a range that leaves the least mean error.

    Args:
        x: Channels last.
        params: Of the whole range.

    Returns:
        The scale times one of `STARTS`, each channel its own.
    """

    def error(share: float) -> Any:
        narrowed = replace(params, scale=np.asarray(np.float32(share) * params.scale))
        return np.abs(dequantize(quantize(x, narrowed), narrowed) - x).mean(axis=axis)

    if not np.size(x):
        return params
    axis = 0 if params.scale.ndim else None
    least = np.argmin([error(share) for share in STARTS], axis=0)
    return replace(params, scale=np.asarray(np.array(STARTS, np.float32)[least] * params.scale))
