"""What kernels read and write: packed codes, and the place a stage's sums end in."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.integer.kernels.encode import Opened, opened_codes, opened_reals

Words = NDArray[np.uint8] | NDArray[np.uint16]
Factor = NDArray[np.float32] | NDArray[np.float64]

BLOCK = 128
"""Stored entries of a sparse matrix whose codes share a row of words."""


class Packed(NamedTuple):
    """Codes as stored: unsigned from 0, several in a word, every row padded to whole words.

    The first W codes of a row lie in the lowest bits of its W words, the next W above them, and so
    on: one shift and one mask unpack a whole vector of neighbouring codes.

    Args:
        words: [N, W], uint8 for codes of 1, 2, 4 and 8 bits, uint16 for 16 bits.
        bits: Bits one code takes in a word.
        zero: The unsigned code of 0.0; 1 of signs, which stand for -1 and +1.
        width: Codes in a row.
        stride: What a code stands for is ``stride code - zero``: 2 of signs, which only products
            read, else 1.
    """

    words: Words
    bits: int
    zero: int
    width: int
    stride: int = 1


class Places(NamedTuple):
    """The entries that a sparse matrix stores, row by row; all others are exactly 0.0.

    Their codes follow each other through the rows of a matrix of `BLOCK` columns, as ``Packed``.

    Args:
        rowptr: Where each row begins, int64 [N + 1].
        column: Column of each stored entry, int32 [stored].
        width: F.
        alike: Whether all that a row stores is the same number, as of words in a bag.
    """

    rowptr: NDArray[np.int64]
    column: NDArray[np.int32]
    width: int
    alike: bool = False

    @property
    def stored(self) -> int:
        """How many they are."""
        return self.column.size

    @property
    def blocks(self) -> tuple[int, int]:
        """Shape of the matrix that holds their codes."""
        return -(-self.stored // BLOCK), BLOCK

    @property
    def nbytes(self) -> int:
        """Bytes of the places alone."""
        return self.rowptr.nbytes + self.column.nbytes


class Incoming(NamedTuple):
    """The edges of each target, and how threads share them.

    A target with more edges than a thread should take at once is a hub: its edges are gathered in
    pieces, and it is alone in its part.

    Args:
        rowptr: [rows + 1], where each target's edges start.
        source: [E], the node at the other end of each edge.
        parts: [parts, 4], what one thread takes at a time: targets from, to; and of a hub, pieces
            from, to.
        pieces: [pieces, 2], edges of a hub from, to.
    """

    rowptr: NDArray[np.int64]
    source: NDArray[np.int32]
    parts: NDArray[np.int64]
    pieces: NDArray[np.int64]


class Matrix(NamedTuple):
    """Weights to multiply by, laid out for the products beside the codes themselves.

    Args:
        words: [F, W], as the four that follow, as in `Packed`.
        bits: Bits one code takes in a word.
        zero: As in `Packed`.
        width: F'.
        stride: As in `Packed`.
        lanes: What codes stand for, filled up with 0. Of a register's columns the next k each, 4 of
            int8 or 2 of int16 at a step, times the stride of x, for a `tile`: [blocks, steps, 32 or
            64] of 8 or 16 columns, of int16 [blocks, steps, 16]; for sparse codes int16 [F,
            registers of 16 columns], as `WOVEN` says; [F, F'], as wide as the sums, where sums or
            codes have more bits. Where x has 1 bit too, for a `tile` of bits, the opposites of
            signs: of 8 columns the next 4 words each, uint8 [., ., 32].
        start: What the sums of a tile start from, [columns of all blocks], minus the zero of x
            times the weights of the column; of bits what makes sums of counts.
        piece: Steps that a tile may take at once.
        level: What a `tile` of bytes in fours is still to add to every weight: codes less a code of
            zero may be beyond a byte.
    """

    words: Words
    bits: int
    zero: int
    width: int
    stride: int
    lanes: NDArray[np.integer[Any]]
    start: NDArray[np.int32]
    piece: int
    level: int = 0


NO_NEAR: NDArray[np.float32] = np.empty((2, 0), np.float32)


class Chain(NamedTuple):
    """The links of a target, as of `CodeTarget`.

    Args:
        limits: Least, low and high of the sums' rounding and of each link's, [links + 1, 3];
            without links [0, 3].
        rows: The first link's gain and offset, [N, 2], where it goes by row; else [0, 2].
        columns: Gain and offset of the links that go by column, [., 2, F'].
    """

    limits: NDArray[np.float32] = np.empty((0, 3), np.float32)
    rows: NDArray[np.float32] = np.empty((0, 2), np.float32)
    columns: NDArray[np.float32] = np.empty((0, 2, 0), np.float32)


NO_LINKS = Chain()


class CodeTarget(NamedTuple):
    """A target held in codes: ``code = clamp(round_half_even(sum * factor) + zero, 0, high)``.

    Links follow where element-wise stages are fused to the one that sums: each makes new codes of
    the codes before anything is stored, ``v = round_half_even(clamp(max(v, least) gain + offset))``
    in float32, of codes less their code of zero. What is stored is the last v, plus ``zero``.

    Args:
        words: [N, W], written whole.
        bits: Bits one code takes in a word.
        zero: The unsigned code of 0.0.
        high: The largest unsigned code.
        factor: Accumulator's scale over the target's, or the first codes', float64 [F'].
        near: A gain and an offset in float32 that are proven to round the sums as ``factor`` does,
            [2, F']; without them [2, 0].
        limits: As of `Chain`.
        rows: As of `Chain`.
        columns: As of `Chain`.
    """

    words: Words
    bits: int
    zero: int
    high: int
    factor: Factor
    near: NDArray[np.float32] = NO_NEAR
    limits: NDArray[np.float32] = NO_LINKS.limits
    rows: NDArray[np.float32] = NO_LINKS.rows
    columns: NDArray[np.float32] = NO_LINKS.columns

    def opened(self) -> Opened:
        """Return the target as kernels see it."""
        return opened_codes(self)


class RealTarget(NamedTuple):
    """A target held in float32: ``x = sum * factor``.

    Where a stage that makes real numbers of codes is fused to the one that sums, the sums first go
    on to those codes, as to a target of codes, and then ``x = (code gain + offset) * factor``.

    Args:
        real: [N, F'], written whole.
        factor: Accumulator's scale, or that of ``code gain + offset``, [F'].
        codes: What the sums go on to; its words count for nothing. None where there are no codes.
        exact: Gains and offsets, whole numbers in float64, [2, F'].
    """

    real: NDArray[np.float32]
    factor: Factor
    codes: CodeTarget | None = None
    exact: NDArray[np.float64] = np.empty((2, 0))

    def opened(self) -> Opened:
        """Return the target as kernels see it."""
        return opened_reals(self)


Target = CodeTarget | RealTarget
Accumulator = np.dtype[Any]
"""The type of a kernel's sums, int32 or int64, as the proof found it to suffice."""


class Term(NamedTuple):
    """One summand of `combine`: ``multiplier_j table[code_ij]``.

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
