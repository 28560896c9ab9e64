"""Element-wise stages as arithmetic on the codes that another stage is about to store.

The slow twin runs the stage on all codes there are; a link is only what is proven to do the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.affine import FINE, QParams
from engine.integer.kernels.memory import roomy
from engine.integer.kernels.operands import NO_LINKS, Chain, CodeTarget, Factor, Words
from engine.integer.packing import stored_zero
from engine.integer.rounding import Near, near_codes

WIDEST = 8
"""Bits of codes that are few enough to try them all."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """The real numbers that codes become at the end: ``(code gain + offset) factor``.

    Args:
        exact: Gains and offsets for codes less the code of zero, whole numbers, [2, F'].
        factor: Float32 [F'].
    """

    exact: NDArray[np.float64]
    factor: Factor


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """One link of `CodeTarget`, by row or by column, or what a `RealTarget` makes of codes.

    Args:
        params: Parameters of the codes it makes; None where it makes real numbers.
        chain: The link, with one row of limits.
        reading: The real numbers.
    """

    params: QParams | None
    chain: Chain = NO_LINKS
    reading: Reading | None = None


def read_exactly(
    codes: NDArray[np.integer[Any]], sums: NDArray[np.int64], factor: Factor
) -> Link | None:
    """Return the link to ``sum * factor``, None if sums are not proportional to codes.

    Args:
        codes: All codes there are, less the code of zero, in order, [K].
        sums: What each becomes in each column, [K, F'].
        factor: Float32 [F'].
    """
    gain = sums[1] - sums[0] if len(codes) > 1 else np.zeros(sums.shape[1], np.int64)
    offset = sums[0] - gain * codes[0]
    if (sums != gain * codes[:, None] + offset).any():
        return None
    return Link(None, reading=Reading(np.stack([gain, offset]).astype(np.float64), factor))


@dataclass(frozen=True, slots=True, eq=False)
class ElementWise:
    """A stage that makes a code of a code, in one way for each column of its twin.

    Args:
        source: Parameters of the codes it reads.
        params: Parameters of the codes it makes.
        gain: About what it multiplies codes by, [F'].
        factor: Of its target, [] or [F'].
        run: Runs the twin on words of 8 bits, [K, F'], that hold all codes in every column.
        least: Smaller codes, less the code of zero, count as this.
        low: No smaller code is made, less the code of zero.
    """

    source: QParams
    params: QParams
    gain: NDArray[np.float64]
    factor: Factor
    run: Callable[[Words, CodeTarget], None]
    least: float = -np.inf
    low: float = -np.inf

    def by_column(self) -> Link | None:
        """Return the stage as a link by column, None if there is none."""
        near = self._near()
        if near is None:
            return None
        return Link(self.params, NO_LINKS._replace(limits=self._limits, columns=near[None]))

    def by_row(self, row: NDArray[np.integer[Any]]) -> Link | None:
        """Return the stage as a link by row, None if there is none.

        Args:
            row: The twin's column that does what the stage does to each row, [N].
        """
        near = self._near()
        if near is None:
            return None
        rows = roomy(np.ascontiguousarray(near.T[row]))
        return Link(self.params, NO_LINKS._replace(limits=self._limits, rows=rows))

    @property
    def _limits(self) -> NDArray[np.float32]:
        low, high = ends(self.params)
        return np.array([[self.least, max(self.low, low), high]], np.float32)

    def _near(self) -> Near | None:
        if max(self.source.spec.bits, self.params.spec.bits) > WIDEST or self.params.truncates:
            return None
        low, high = ends(self.source)
        codes, columns = np.arange(low, high + 1), self.gain.size
        words = np.repeat((codes - low).astype(np.uint8)[:, None], columns, axis=1)
        factor: Any = np.broadcast_to(self.factor, columns)
        zero, largest = stored_zero(self.params), self.params.spec.last
        made = CodeTarget(np.empty_like(words), WIDEST, zero, largest, factor)
        self.run(words, made)
        least, low, high = self._limits[0]
        return near_codes(np.maximum(codes, least), made.words - float(zero), self.gain, low, high)


def truncation(params: QParams, width: int) -> Link:
    """Return the link that truncates codes of 8 bits.

    Args:
        params: Parameters of the codes it makes; the others' are its ``first``.
        width: Columns, F'.

    Raises:
        ValueError: If no float32 arithmetic is proven to do it.
    """
    low, high = ends(params.first)
    codes = np.arange(low, high + 1)
    least, most = ends(params)
    wanted = np.clip(np.rint((codes + params.shift) / FINE), least, most)
    near = near_codes(codes, wanted[:, None], np.full(1, 1 / FINE), least, most)
    if near is None:
        raise ValueError(f"codes cannot be truncated with a shift of {params.shift}")
    limits = np.array([[-np.inf, least, most]], np.float32)
    columns = np.ascontiguousarray(np.broadcast_to(near, (2, width)))
    return Link(params, NO_LINKS._replace(limits=limits, columns=columns[None]))


def ends(params: QParams) -> tuple[int, int]:
    """Return the smallest and the largest stored code, less that of zero."""
    zero = stored_zero(params)
    return -zero, params.spec.last - zero
