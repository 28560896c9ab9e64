"""The end of every row, compiled once for all kernels: sums to packed codes or to real numbers.

Codes that share a word are as many columns apart as a row has words. So 32 neighbouring words are
made of a vector of sums for each place in a word, which stays in registers on all its way: scaled
in float32 (in float64, where float32 is not proven to do the same), clamped, rounded, sent through
the links, shifted to its place. What is left of a row is done by 8 words, which may overlap others,
and where there are none, or where the last place is empty, one by one.

Kernels are many, and each takes the longer to compile the more it holds. So this works on addresses
and is itself called by one, which a kernel is given with its target.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.integer.kernels.compile import inner, routine
from engine.integer.kernels.reals import (
    at_least,
    at_most,
    filled,
    keep,
    nearest,
    numbers,
    placed,
    plus,
    real,
    reals,
    rescaled,
    times,
)
from engine.integer.kernels.vectors import element, zeros

if TYPE_CHECKING:
    from engine.integer.kernels.operands import CodeTarget, RealTarget

FIELDS = range(13)
DATA, WIDTH, FACTOR, WORDS, PLACES, FULL, ZERO, LOW, HIGH, LIMITS, LINKS, ROWS, COLUMNS = FIELDS
"""What a target's fields hold: the address of its words or numbers, the columns, the address of its
factor or of what stands for it; the words of a row, codes in a word, how many words hold as many as
that, the code of zero, and the ends of the first codes; then as of `Chain`, without the first
rounding, the address of the limits, how many they are, and the addresses of the links."""

INTEGER, REAL, EXACT = np.int32(0), np.float32(0), np.float64(0)
u = np.uintp


class Opened(NamedTuple):
    """A target as kernels see it; only as long as the target itself is held.

    Args:
        address: Of what writes a row.
        near: Whether that takes no sums but those of 32 bits.
        fields: What it is told.
    """

    address: int
    near: bool
    fields: NDArray[np.int64]


def opened_codes(target: CodeTarget) -> Opened:
    """Return a target of codes as kernels see it."""
    words, bits, zero, high, factor, near, limits, rows, columns = target
    count, width = words.shape[1], factor.size
    places = -(-width // count)
    ends = limits[0, 1:].astype(int) if limits.size else (-zero, high - zero)
    fields = (
        *(words.ctypes.data, width, (near if near.size else factor).ctypes.data),
        *(count, places, width - (places - 1) * count, zero, *ends),
        *(limits[1:].ctypes.data, max(limits.shape[0] - 1, 0)),
        *(rows.ctypes.data if rows.size else 0, columns.ctypes.data),
    )
    writing = _encoder(8 * words.itemsize, bits, near.size > 0, limits.shape[0] > 1)
    return Opened(writing.address, near.size > 0, np.array(fields))


def opened_reals(target: RealTarget) -> Opened:
    """Return a target of real numbers as kernels see it."""
    fields = target.real.ctypes.data, target.factor.size, target.factor.ctypes.data
    return Opened(_rescaler().address, False, np.array(fields))


@cache
def _encoder(word_bits: int, bits: int, near: bool, linked: bool) -> Any:
    """Return what writes rows of codes.

    Args:
        word_bits: Bits of a word.
        bits: Bits of a code in a word.
        near: Whether float32 is proven.
        linked: Whether links follow.
    """
    size = word_bits // 8

    def encode(sums: int, wide: int, fields: int, row: int) -> None:
        words, places = _field(fields, WORDS), _field(fields, PLACES)
        full, width = _field(fields, FULL), _field(fields, WIDTH)
        low, high = np.float32(_field(fields, LOW)), np.float32(_field(fields, HIGH))
        rows = _field(fields, ROWS)
        own = rows + 8 * row if rows else 0
        first = near, sums, wide, _field(fields, FACTOR), low, high
        links = linked, _field(fields, LIMITS), _field(fields, LINKS), own, _field(fields, COLUMNS)
        last = _field(fields, ZERO), bits
        into = _field(fields, DATA) + row * words * size
        word = 0
        while word + 32 <= full:
            shape = word, words, places, width
            made = _encoded(reals(32), zeros(32, word_bits), shape, first, links, last)
            keep(made, u(into + word * size))
            word += 32
        while word < full and full >= 8:
            word = min(word, full - 8)
            shape = word, words, places, width
            made = _encoded(reals(8), zeros(8, word_bits), shape, first, links, last)
            keep(made, u(into + word * size))
            word += 8
        while word < words:
            shape = word, words, places if word < full else places - 1, width
            made = _encoded(reals(1), zeros(1, word_bits), shape, first, links, last)
            keep(made, u(into + word * size))
            word += 1

    return routine(encode)


@inner
def _encoded(like: Any, made: Any, shape: Any, first: Any, links: Any, last: Any) -> Any:
    """Return neighbouring words of a row.

    Args:
        like: A vector of as many numbers.
        made: A vector of as many words, all 0.
        shape: The first word, words of a row, codes in each of these words, columns.
        first: Of the first rounding whether float32 is proven, address of the sums, whether those
            are of float64, address of the factors, and the limits.
        links: Whether there are any, address of their limits, how many there are, address of the
            row's own link or 0, and of the others.
        last: The code of zero, and the bits of a code.
    """
    word, words, places, width = shape
    near, sums, wide, factor, low, high = first
    linked, limits, count, own, columns = links
    zero, bits = last
    for place in range(places):
        column = place * words + word
        if near:
            code = _affine(numbers(like, INTEGER, u(sums + 4 * column)), factor, width, column)
        elif wide:
            code = rescaled(like, EXACT, u(sums + 8 * column), u(factor + 8 * column))
        else:
            code = rescaled(like, INTEGER, u(sums + 4 * column), u(factor + 8 * column))
        code = at_most(at_least(code, low), high)
        if linked:
            gains = columns
            for link in range(count):
                limit = u(limits + 12 * link)
                code = at_least(nearest(code), real(limit, 0))
                if link == 0 and own != 0:
                    gain, offset = filled(code, real(u(own), 0)), filled(code, real(u(own), 1))
                    code = plus(times(code, gain), offset)
                else:
                    code = _affine(code, gains, width, column)
                    gains += 8 * width
                code = at_most(at_least(code, real(limit, 1)), real(limit, 2))
        made = placed(code, zero, place * bits, made)
    return made


@inner
def _affine(x: Any, gains: int, width: int, column: int) -> Any:
    """Return numbers times gains plus offsets, two rows of numbers at an address."""
    gain = numbers(x, REAL, u(gains + 4 * column))
    return plus(times(x, gain), numbers(x, REAL, u(gains + 4 * (width + column))))


@cache
def _rescaler() -> Any:
    """Return what writes rows of real numbers."""

    def rescale(sums: int, wide: int, fields: int, row: int) -> None:
        width = _field(fields, WIDTH)
        into = _field(fields, DATA) + 4 * row * width
        column = 0
        while column + 8 <= width:
            keep(_product(reals(8), sums, wide, fields, column), u(into + 4 * column))
            column += 8
        while column < width:
            keep(_product(reals(1), sums, wide, fields, column), u(into + 4 * column))
            column += 1

    return routine(rescale)


@inner
def _product(like: Any, sums: int, wide: int, fields: int, column: int) -> Any:
    """Return neighbouring sums times factors."""
    if wide:
        x = numbers(like, EXACT, u(sums + 8 * column))
    else:
        x = numbers(like, INTEGER, u(sums + 4 * column))
    return times(x, numbers(like, REAL, u(_field(fields, FACTOR) + 4 * column)))


@inner
def _field(fields: int, index: int) -> int:
    found: int = element(np.intp(0), u(fields), u(index))
    return found
