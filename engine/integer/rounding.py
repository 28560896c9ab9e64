"""Float32 arithmetic that is proven to round as a definition does.

Both ``clamp(round_half_even(sum * factor))`` in float64, the definition, and
``clamp(round_half_even(sum gain + offset))`` in float32 rise with the sum, or fall with it. Two
such functions are equal everywhere if they are equal wherever the definition steps from one code to
the next, on both sides of the step: places so few that all are tried. Functions of codes are tried
on all codes. An offset is 0 where nothing forbids it, or in the middle of all that is allowed: only
sums that come close to a tie forbid anything, and a gain may be moved a little to please them too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Near = NDArray[np.float32]
"""A gain and an offset for each column, [2, F']."""

MOVES = 16
"""Float32 numbers on each side of a factor that are tried as its gain."""


def near_sums(factor: NDArray[np.float64], low: int, high: int, bound: int) -> Near | None:
    """Return gains and offsets that round sums as ``clamp(rint(sum factor), low, high)`` does.

    Args:
        factor: [F'].
        low: The smallest code, less the code of zero.
        high: The largest code, likewise.
        bound: No sum is larger in magnitude.

    Returns:
        [2, F'], or None where a column has none.
    """
    if bound >= 2**31:
        return None
    different, place = np.unique(factor, return_inverse=True)
    sums = _sums_around_steps(different, low, high, bound)
    wanted = np.clip(np.rint(sums * different), low, high)
    near = _moved(different, sums.astype(np.float32), wanted, low, high)
    return None if near is None else np.ascontiguousarray(near[:, place.reshape(-1)])


def near_codes(
    codes: NDArray[np.integer[Any]], wanted: NDArray[Any], gain: Any, low: int, high: int
) -> Near | None:
    """Return gains and offsets that make ``clamp(rint(code gain + offset), low, high)`` as wanted.

    Args:
        codes: All codes there are, [K].
        wanted: What each becomes in each column, [K, F'].
        gain: About the gain, [F'].
        low: The smallest code wanted.
        high: The largest code wanted.

    Returns:
        [2, F'], or None where a column has none.
    """
    return _moved(np.asarray(gain), codes.astype(np.float32)[:, None], wanted, low, high)


def _moved(
    gain: NDArray[np.float64], x: Near, wanted: NDArray[Any], low: int, high: int
) -> Near | None:
    """Return the gains closest to some that have an offset, and the offsets, [2, F'], or None."""
    near = np.zeros((2, gain.size), np.float32)
    x = np.broadcast_to(x, wanted.shape)
    left = np.arange(gain.size)
    for move in sorted(range(-MOVES, MOVES + 1), key=abs):
        moved = (gain[left].astype(np.float32).view(np.int32) + np.int32(move)).view(np.float32)
        missing = np.ones(left.size, bool)
        with np.errstate(over="ignore", invalid="ignore"):
            scaled, hoped = x[:, left] * moved, wanted[:, left]
            for offset in _offsets(scaled, hoped, low, high):
                codes = np.rint(np.clip(scaled + offset, np.float32(low), np.float32(high)))
                proven = missing & (codes == hoped).all(axis=0)
                near[:, left[proven]] = moved[proven], offset[proven]
                missing &= ~proven
        left = left[missing]
        if not left.size:
            return near
    return None


def _offsets(scaled: Near, wanted: NDArray[Any], low: int, high: int) -> tuple[Near, Near]:
    """Return what may best be added before rounding, [F']: 0, and the middle of what is allowed."""
    slack = wanted - scaled.astype(np.float64)
    least = np.where(wanted > low, slack - 0.5, -np.inf).max(axis=0, initial=-np.inf)
    most = np.where(wanted < high, slack + 0.5, np.inf).min(axis=0, initial=np.inf)
    middle = np.where(np.isfinite(least + most), (least + most) / 2, np.clip(0, least, most))
    offsets: Near = np.nan_to_num(middle).astype(np.float32)
    return np.zeros_like(offsets), offsets


def _sums_around_steps(
    factor: NDArray[np.float64], low: int, high: int, bound: int
) -> NDArray[np.float64]:
    """Return the sums on both sides of every step of their codes, and the ends, [K, F']."""
    middles = np.arange(low, high)[:, None] + 0.5
    with np.errstate(divide="ignore", over="ignore"):
        step = np.floor(np.clip(middles / factor, -bound, bound))
    around = np.concatenate([step + away for away in (-1, 0, 1, 2)])
    ends = np.full((1, factor.size), float(bound))
    sums: NDArray[np.float64] = np.clip(np.concatenate([around, -ends, ends]), -bound, bound)
    return sums
