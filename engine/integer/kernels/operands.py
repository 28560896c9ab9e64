"""What kernels read and write: packed codes, and the place a stage's sums end in."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint8] | NDArray[np.uint16]
Factor = NDArray[np.float32] | NDArray[np.float64]


class Packed(NamedTuple):
    """Codes as stored: unsigned from 0, several in a word, every row padded to whole words.

    The first W codes of a row lie in the lowest bits of its W words, the next W above them, and so
    on: one shift and one mask unpack a whole vector of neighbouring codes.

    Args:
        words: [N, W], uint8 for codes of 2, 4 and 8 bits, uint16 for 16 bits.
        bits: Bits one code takes in a word.
        zero: The unsigned code of 0.0.
        width: Codes in a row.
    """

    words: Words
    bits: int
    zero: int
    width: int


class CodeTarget(NamedTuple):
    """A target held in codes: ``code = clamp(round_half_even(sum * factor) + zero, 0, high)``.

    Args:
        words: [N, W], written whole.
        bits: Bits one code takes in a word.
        zero: The unsigned code of 0.0.
        high: The largest unsigned code.
        factor: Accumulator's scale over the target's, float64 [F'].
    """

    words: Words
    bits: int
    zero: int
    high: int
    factor: Factor


class RealTarget(NamedTuple):
    """A target held in float32: ``x = sum * factor``.

    Args:
        real: [N, F'], written whole.
        factor: Accumulator's scale, [F'].
    """

    real: NDArray[np.float32]
    factor: Factor


Target = CodeTarget | RealTarget
Accumulator = np.dtype[Any]
"""The type of a kernel's sums, int32 or int64, as the proof found it to suffice."""


class Term(NamedTuple):
    """One summand of `combine`: ``multiplier_j table[code_ij]``.

    Flat, because a parallel loop takes no tuple within a tuple.

    Args:
        words: Unsigned codes, with the two that follow, as in `Packed`.
        bits: Bits one code takes in a word.
        width: Codes in a row.
        table: What each unsigned code stands for, an integer of the accumulator's type.
        multiplier: Scale of the table in each column over the scale of the sum, [F'], likewise.
    """

    words: Words
    bits: int
    width: int
    table: NDArray[Any]
    multiplier: NDArray[Any]
