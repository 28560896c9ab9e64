"""How far a tensor goes below and above 0: its extremes, or its tails, without sorting it."""

from __future__ import annotations

import numpy as np

from engine.affine import SMALLEST_SCALE, percentiles
from engine.learning.kernels.compile import Flags, Floats, kernel

SMALL = 8192
"""Entries that are quicker selected from than sampled first."""
SAMPLE = 4096
"""Entries in the largest sample."""
STRIDE = 0x9E3779B1
"""A large odd number, so that a sample of every ``STRIDE``-th entry meets all columns alike."""
NEAREST = np.finfo(np.float32).smallest_subnormal
"""The positive number that is nearest to 0."""
ZERO_BELOW = np.uint32(1 << 31)
"""The bits of the 0 that negative numbers come to."""
CHUNK = 16
"""Entries looked at together, so that the look is one of vector instructions."""


@kernel
def extremes(x: Floats, protected: Flags) -> tuple[np.float32, np.float32]:
    """Return the lowest and highest entry of unprotected rows and 0; NaN where one is.

    The bits of positive numbers ascend as they do and lie above those of 0; those of negative ones,
    without a sign, ascend as these fall and lie above all others. So extremes are of integers,
    which vectors find.

    Args:
        x: Real numbers, [N, F].
        protected: Rows that do not count, [N]; none where empty.
    """
    rows, columns = x.shape
    signed, unsigned = x.reshape(-1).view(np.int32), x.reshape(-1).view(np.uint32)
    ends = np.zeros(2, dtype=np.float32)
    highest, lowest = np.int32(0), np.uint32(0)
    i = 0
    while i < rows:
        start = i  # unprotected rows that follow one another are looked at as one
        while i < rows and not (protected.size and protected[i]):
            i += 1
        above, below = (
            signed[start * columns : i * columns],
            unsigned[start * columns : i * columns],
        )
        for k in range(above.size):
            highest, lowest = max(highest, above[k]), max(lowest, below[k])
        i += 1
    ends.view(np.uint32)[0], ends.view(np.int32)[1] = max(lowest, ZERO_BELOW), highest
    return ends[0], ends[1]


@kernel
def follow(batch: Floats, share: np.float32, widest: bool, reach: Floats) -> None:
    """Let a remembered reach follow a batch's, as torch's ``lerp`` or ``maximum`` do.

    Args:
        batch: The batch's, [2, F].
        share: How far it moves the remembered one; 1 replaces it.
        widest: Whether the wider of both is remembered instead.
        reach: The remembered one, moved, [2, F].
    """
    for end in range(2):
        for k in range(batch.shape[1]):
            old, new = reach[end, k], batch[end, k]
            if widest:
                reach[end, k] = max(old, new)
            elif share < np.float32(0.5):
                reach[end, k] = old + share * (new - old)
            else:
                reach[end, k] = new - (new - old) * (np.float32(1) - share)


@kernel
def spread(
    reach: Floats, qmin: np.float32, qmax: np.float32, symmetric: bool, scale: Floats, zero: Floats
) -> None:
    """Write the step sizes and codes of 0.0 that spread codes over a reach.

    Args:
        reach: How far each column goes below and above 0, [2, F].
        qmin: Smallest code.
        qmax: Largest code.
        symmetric: Whether the further end counts for both.
        scale: Result, [F].
        zero: Result, [F].
    """
    smallest = np.float32(SMALLEST_SCALE)
    for k in range(scale.size):
        below, above = reach[0, k], reach[1, k]
        if symmetric:
            scale[k] = max(max(below, above) / qmax, smallest)
            zero[k] = 0
        else:
            scale[k] = max((below + above) / (qmax - qmin), smallest)
            zero[k] = np.rint(below / scale[k]) + qmin


def tails(x: Floats, protected: Flags, tail: float) -> tuple[float, float]:
    """Return the ``tail`` and ``1 - tail`` quantiles of the non-zero entries of unprotected rows.

    A sample says beyond which guesses the quantiles surely lie; one pass gathers the entries beyond
    the guesses, and the quantiles are selected from these few. Where the guesses do not hold, they
    are selected from all.

    Args:
        x: Real numbers, [N, F].
        protected: Rows that do not count, [N]; none where empty.
        tail: Share cut off at each end, in [0, 0.5).

    Returns:
        The two quantiles, nearest rank outward, a positive lower and a negative upper one as 0.
    """
    if x.size > SMALL:
        found, low, high = beyond(x, protected, tail, *_guess(x, protected, tail))
        if found:
            return low, high
    bottom, top = percentiles(x[~protected] if protected.size else x, tail)
    return min(float(bottom), 0.0), max(float(top), 0.0)


def beyond(
    x: Floats, protected: Flags, tail: float, low_guess: np.float32, high_guess: np.float32
) -> tuple[bool, float, float]:
    """Return `tails` from the entries that lie beyond the guesses.

    Args:
        x: Real numbers, [N, F].
        protected: Rows that do not count, [N]; none where empty.
        tail: Share cut off at each end, in [0, 0.5).
        low_guess: Somewhat above the lower quantile, at most 0.
        high_guess: Somewhat below the upper quantile, at least 0.

    Returns:
        Whether the guesses were wide enough but not too wide, and then the two quantiles.
    """
    room = int(16 * tail * x.size) + SMALL // 2
    low, high = np.empty(room + 1, dtype=np.float32), np.empty(room + 1, dtype=np.float32)
    count, lows, highs = _gather(x, protected, low_guess, high_guess, low, high)
    cut = int(tail * (count - 1))
    bottom = top = 0.0
    if cut < lows < room:
        bottom = float(np.partition(low[:lows], cut)[cut])
    elif lows >= room or (count and low_guess < 0):
        return False, bottom, top
    if cut < highs < room:
        top = float(np.partition(high[:highs], highs - 1 - cut)[highs - 1 - cut])
    elif highs >= room or (count and high_guess > 0):
        return False, bottom, top
    return True, bottom, top


def _guess(x: Floats, protected: Flags, tail: float) -> tuple[np.float32, np.float32]:
    """Return entries beyond which more than a tail's share lies, but not much more; else 0."""
    values = np.empty(min(x.size // 64, SAMPLE), dtype=np.float32)
    count = _sample(x, protected, values)
    values = np.sort(values[:count])
    expected = tail * count
    place = int(expected + 4 * expected**0.5) + 4  # four standard deviations, and some for none
    if place >= count:
        return np.float32(0), np.float32(0)
    return min(values[place], np.float32(0)), max(values[-1 - place], np.float32(0))


@kernel
def _sample(x: Floats, protected: Flags, values: Floats) -> int:
    """Write non-zero entries of unprotected rows, as many as a sample meets; return how many."""
    count, place = 0, 0
    columns = x.shape[1]
    for _ in range(values.size):
        place = (place + STRIDE) % x.size
        i, j = place // columns, place % columns
        if x[i, j] != 0 and not (protected.size and protected[i]):
            values[count] = x[i, j]
            count += 1
    return count


@kernel
def _gather(
    x: Floats,
    protected: Flags,
    low_guess: np.float32,
    high_guess: np.float32,
    low: Floats,
    high: Floats,
) -> tuple[int, int, int]:
    """Gather the entries beyond the guesses while there is room; count entries, lows and highs.

    The last place of ``low`` and ``high`` is for what is written and not meant.
    """
    rows, columns = x.shape
    numbers, room = x.reshape(-1), low.size - 1
    lowest, highest = min(low_guess, -NEAREST), max(high_guess, NEAREST)  # beyond 0 is not 0
    count = lows = highs = 0
    i = 0
    while i < rows:
        start = i  # unprotected rows that follow one another are looked at as one
        while i < rows and not (protected.size and protected[i]):
            i += 1
        for first in range(start * columns, i * columns, CHUNK):
            part = numbers[first : min(first + CHUNK, i * columns)]
            zeros = far = np.int32(0)
            for j in range(part.size):
                zeros += np.int32(part[j] == 0)
                far += np.int32((part[j] <= lowest) | (part[j] >= highest))
            count += part.size - int(zeros)
            if not far:
                continue
            for j in range(part.size):  # written anyway, counted where it is meant
                value = part[j]
                low[lows] = high[highs] = value
                lows = min(lows + int(value <= lowest), room)
                highs = min(highs + int(value >= highest), room)
        i += 1
    return count, lows, highs
