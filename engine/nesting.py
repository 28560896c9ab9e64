"""Codes of fewer bits on the grid of more: how rows of several widths share one grid.

A grid has codes at every step; a nested one has 2^bits codes, 0.0 among them, at whole multiples of
that step. So a nested code is a code of the grid, and rows of all widths add up as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

Steps = NDArray[np.integer[Any]]
"""Codes of a grid, less that of 0.0."""


@dataclass(frozen=True, slots=True)
class Nested:
    """Codes of fewer bits on a grid.

        steps of the grid = multiple (code - below),    code = 0 to 2^bits - 1

    Args:
        bits: Width of the codes.
        multiple: Steps of the grid from one code to the next.
        below: Codes under that of 0.0.
    """

    bits: int
    multiple: int
    below: int

    @property
    def above(self) -> int:
        """Codes over that of 0.0."""
        return (1 << self.bits) - 1 - self.below

    def places(self, steps: Steps) -> NDArray[np.int32]:
        """Return the codes nearest to whole steps of the grid, less that of 0.0, half to even."""
        nearest = np.rint(np.asarray(steps) / self.multiple)
        places: NDArray[np.int32] = np.clip(nearest, -self.below, self.above).astype(np.int32)
        return places


def nest(
    bits: int, reach: tuple[float, float] | None, step: float, room: tuple[int, int]
) -> Nested:
    """Return the nested codes for a range.

    Their step is the smallest multiple at which 2^bits codes are as many as the range takes, and
    they lie as far below 0.0 as the range does, within the grid.

    Args:
        bits: Their width, at most the grid's.
        reach: How far the range goes below and above 0, both >= 0; None for the whole grid's.
        step: The grid's step.
        room: Codes of the grid under and over that of 0.0, one less than a power of two in all.
    """
    under, over = room
    below, above = (under * step, over * step) if reach is None else reach
    most = (under + over + 1) >> bits
    wanted = min((below + above) / (step * (1 << bits)), float(most))  # the grid ends somewhere
    multiple = max(ceil(wanted), 1)
    # both bounds can be kept: 2^bits codes at this multiple take no more room than there is
    last = (1 << bits) - 1
    least, most_below = max(last - over // multiple, 0), min(under // multiple, last)
    place = round(min(below / (step * multiple), float(last)))
    return Nested(bits, multiple, min(max(place, least), most_below))
