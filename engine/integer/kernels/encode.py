"""The end of rows, compiled once for all kernels: sums to packed codes or to real numbers.

Codes that share a word are as many columns apart as a row has words. So neighbouring words are
made of a vector of sums for each place in a word, which stays in registers on all its way: scaled
in float32 (in float64, where float32 is not proven to do the same), clamped, rounded, sent through
the links, shifted to its place. 32 words are made at once, then 16, then 8. The last 8 of a row may
overlap others; of a row of less than 8 words, they are written over the beginning of the next row,
which comes after; of the last rows aside, from where what belongs to each is copied. Rows of 2, 4
or 8 words are ended several at once, side by side in one vector, for which what each column is
multiplied by is repeated.

Kernels are many, and each takes the longer to compile the more it holds. So this works on addresses
and is itself called by one, which a kernel is given with its target.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.integer.kernels.compile import inner, routine
from engine.integer.kernels.memory import roomy
from engine.integer.kernels.reals import (
    at_least,
    at_most,
    exactly,
    nearest,
    numbers,
    of_rows,
    placed,
    plus,
    real,
    reals,
    rescaled,
    side_by_side,
    times,
)
from engine.integer.kernels.told import Told, told
from engine.integer.kernels.vectors import (
    element,
    fields,
    first,
    join,
    keep,
    load,
    meet,
    put,
    zeros,
)

if TYPE_CHECKING:
    from engine.integer.kernels.operands import CodeTarget, RealTarget

LANES = 8
"""Words of the shortest vector, and numbers that may be read behind each row of sums."""

SEVERAL = 16
"""Words of several rows that are made at once."""

INTEGER, REAL, EXACT = np.int32(0), np.float32(0), np.float64(0)
u = np.uintp

Columns = Callable[[NDArray[Any]], NDArray[Any]]


class Opened(NamedTuple):
    """A target as kernels see it.

    Args:
        address: Of what writes rows.
        near: Whether that takes no sums but those of 32 bits.
        told: What it is told; the address of the words or numbers comes first.
    """

    address: int
    near: bool
    told: Told


def opened_codes(target: CodeTarget) -> Opened:
    """Return a target of codes as kernels see it."""
    words, bits, zero, _, factor, near, limits, _, _ = target
    count, width = words.shape[1], factor.size
    places = -(-width // count)
    last = count, places, width - (places - 1) * count, zero
    of = 8 * words.itemsize, bits, limits.shape[0] > 1
    if near.size and count in (2, 4, 8):
        chain = _chain(target, partial(_repeated, count=count, places=places), places * SEVERAL)
        mask = _mask(words, bits, width)
        return Opened(_encoder_of_several(*of, count), True, told(words, *chain, *last, mask))
    padded = places * count + LANES
    chain = _chain(target, partial(_padded, width=padded), padded)
    return Opened(_encoder(*of, near.size > 0), near.size > 0, told(words, *chain, *last))


def opened_reals(target: RealTarget) -> Opened:
    """Return a target of real numbers as kernels see it."""
    real, factor, codes, exact = target
    width = factor.size
    padded = width + LANES
    scale = _padded(factor.astype(np.float32), padded)
    if codes is None:
        return Opened(_rescaler(), False, told(real, width, scale))
    near, linked = codes.near.size > 0, codes.limits.shape[0] > 1
    last = width, scale, _padded(exact, padded)
    chain = _chain(codes, partial(_padded, width=padded), padded)
    return Opened(_decoder(near, linked), near, told(real, *chain, *last))


def _chain(target: CodeTarget, laid_out: Columns, length: int) -> tuple[Any, ...]:
    """Return what is told of how sums become a target's codes.

    Args:
        target: The target.
        laid_out: Makes rows of numbers, one for each column, longer.
        length: What their length then is.
    """
    _, _, zero, high, factor, near, limits, rows, columns = target
    ends = limits[0, 1:] if limits.size else (-zero, high - zero)
    links = np.ascontiguousarray(limits[1:])
    own = roomy(np.ascontiguousarray(rows)) if rows.size else 0
    first = length, laid_out(near if near.size else factor), *ends
    return *first, links, len(links), own, laid_out(columns)


def _padded(array: NDArray[Any], width: int) -> NDArray[Any]:
    """Return an array with zeros behind each row."""
    filled = np.zeros((*array.shape[:-1], width), array.dtype)
    filled[..., : array.shape[-1]] = array
    return filled


def _repeated(array: NDArray[Any], count: int, places: int) -> NDArray[Any]:
    """Return an array with the columns of each place, one a word, repeated for several rows."""
    by_place = _padded(array, places * count).reshape(*array.shape[:-1], places, 1, count)
    repeated = np.repeat(by_place, SEVERAL // count, axis=-2)
    return repeated.reshape(*array.shape[:-1], places * SEVERAL)


def _mask(words: NDArray[Any], bits: int, width: int) -> NDArray[Any]:
    """Return the words of several rows with all bits set in which there are codes."""
    count = words.shape[1]
    codes = np.array([len(range(word, width, count)) for word in range(count)])
    return np.tile((1 << bits * codes) - 1, SEVERAL // count).astype(words.dtype)


@cache
def _encoder_of_several(word_bits: int, bits: int, linked: bool, count: int) -> int:
    """Return what writes rows of few words of codes, several rows at once.

    Args:
        word_bits: Bits of a word.
        bits: Bits of a code in a word.
        linked: Whether links follow.
        count: Words of a row.
    """
    size, together = word_bits // 8, SEVERAL // count
    unit = np.uint8(0) if size == 1 else np.uint16(0)

    def encode_several(sums: int, wide: int, stride: int, of: int, row: int, rows: int) -> None:
        held = fields(u(of), 14)
        data, padded, factor, low, high = held[:5]
        limits, links, own, columns = held[5:9]
        places, zero = held[10], held[12]
        places_of = factor, limits, links, columns, padded
        ends = np.float32(low), np.float32(high)
        mask = load(zeros(SEVERAL, word_bits), u(held[13]))
        for index in range(0, rows, together):
            at, into = sums + index * stride, data + (row + index) * count * size
            gains = own + 8 * (row + index) if own else 0
            made = zeros(SEVERAL, word_bits)
            for place in range(places):
                from_, of_one = u(at + 4 * place * count), reals(count)
                x = side_by_side(reals(SEVERAL), of_one, from_, u(stride))
                code = _affine(x, factor, padded, place * SEVERAL)
                code = _sent_on(code, of_one, linked, places_of, ends, gains, place * SEVERAL)
                made = placed(code, zero, place * bits, made)
            made = meet(made, mask)
            if index + together <= rows:
                keep(made, u(into))
            else:
                _keep_first(made, unit, (rows - index) * count, into, sums + rows * stride)

    return routine(encode_several)


@cache
def _encoder(word_bits: int, bits: int, linked: bool, near: bool) -> int:
    """Return what writes rows of codes.

    Args:
        word_bits: Bits of a word.
        bits: Bits of a code in a word.
        linked: Whether links follow.
        near: Whether float32 is proven.
    """
    size = word_bits // 8
    unit = np.uint8(0) if size == 1 else np.uint16(0)

    def encode(sums: int, wide: int, stride: int, of: int, row: int, rows: int) -> None:
        held = fields(u(of), 13)
        data, padded, factor, low, high = held[:5]
        limits, links, own, columns = held[5:9]
        count, places, full, zero = held[9:]
        way = near, wide, linked
        places_of = factor, limits, links, columns, padded
        ends = np.float32(low), np.float32(high)
        aside = sums + rows * stride
        for index in range(rows):
            at, into = sums + index * stride, data + (row + index) * count * size
            gains = own + 8 * (row + index) if own else 0
            word = 0
            while word + 32 <= count:
                start = reals(32), zeros(32, word_bits)
                shape = word, count, places, full, zero, bits
                made = _encoded(start, shape, way, at, places_of, ends, gains)
                keep(made, u(into + word * size))
                word += 32
            if word + 16 <= count:
                start = reals(16), zeros(16, word_bits)
                shape = word, count, places, full, zero, bits
                made = _encoded(start, shape, way, at, places_of, ends, gains)
                keep(made, u(into + word * size))
                word += 16
            while word < count:
                word = min(word, max(count - 8, 0))
                start = reals(8), zeros(8, word_bits)
                shape = word, count, places, full, zero, bits
                made = _encoded(start, shape, way, at, places_of, ends, gains)
                if (rows - index) * count >= 8:
                    keep(made, u(into + word * size))
                else:
                    _keep_first(made, unit, count, into, aside)
                word += 8

    return routine(encode)


@inner
def _encoded(start: Any, shape: Any, way: Any, sums: int, held: Any, ends: Any, own: int) -> Any:
    """Return neighbouring words of a row.

    Args:
        start: A vector of as many numbers, and one of as many words, all 0.
        shape: The first word, words of a row, codes in a word, words that hold as many, the code
            of zero, the bits of a code.
        way: As of `_coded`.
        sums: Address of the row's sums.
        held: As of `_coded`.
        ends: Of the first rounding.
        own: Address of the row's own link, or 0.
    """
    like, made = start
    word, count, places, full, zero, bits = shape
    for place in range(places - 1):
        code = _coded(like, way, sums, held, ends, own, place * count + word)
        made = placed(code, zero, place * bits, made)
    place = places - 1
    code = _coded(like, way, sums, held, ends, own, place * count + word)
    if full == count:
        return placed(code, zero, place * bits, made)
    return join(made, first(placed(code, zero, place * bits, start[1]), max(full - word, 0)))


@inner
def _coded(like: Any, way: Any, sums: int, held: Any, ends: Any, own: int, column: int) -> Any:
    """Return neighbouring codes of a row less the code of zero, the last of them not yet rounded.

    Args:
        like: A vector of as many numbers.
        way: Whether float32 is proven, whether sums are of float64, whether there are links.
        sums: Address of the row's sums.
        held: Address of the factors, of the links' limits, how many links, address of those by
            column, and columns with what is behind them.
        ends: The smallest and the largest first code.
        own: Address of the row's own link, or 0.
        column: The first column.
    """
    near, wide, linked = way
    factor = held[0]
    if near:
        code = _affine(numbers(like, INTEGER, u(sums + 4 * column)), factor, held[4], column)
    elif wide:
        code = rescaled(like, EXACT, u(sums + 8 * column), u(factor + 8 * column))
    else:
        code = rescaled(like, INTEGER, u(sums + 4 * column), u(factor + 8 * column))
    return _sent_on(code, like, linked, held, ends, own, column)


@inner
def _sent_on(
    code: Any, part: Any, linked: bool, held: Any, ends: Any, own: int, column: int
) -> Any:
    """Return what codes that are neither clamped nor rounded become through the links.

    Args:
        code: Neighbouring codes of a row, or of several.
        part: A vector of as many numbers as codes are of each row.
        linked: Whether there are links.
        held: As of `_coded`.
        ends: As of `_coded`.
        own: Address of the first row's own link, or 0.
        column: Where what is held of them begins.
    """
    _, limits, links, columns, padded = held
    code = at_most(at_least(code, ends[0]), ends[1])
    if linked:
        gains = columns
        for link in range(links):
            limit = u(limits + 12 * link)
            code = at_least(nearest(code), real(limit, 0))
            if link == 0 and own != 0:
                gain = of_rows(code, part, u(own), u(8))
                offset = of_rows(code, part, u(own + 4), u(8))
                code = plus(times(code, gain), offset)
            else:
                code = _affine(code, gains, padded, column)
                gains += 8 * padded
            code = at_most(at_least(code, real(limit, 1)), real(limit, 2))
    return code


@inner
def _affine(x: Any, gains: int, padded: int, column: int) -> Any:
    """Return numbers times gains plus offsets, two rows of numbers at an address."""
    gain = numbers(x, REAL, u(gains + 4 * column))
    return plus(times(x, gain), numbers(x, REAL, u(gains + 4 * (padded + column))))


@cache
def _rescaler() -> int:
    """Return what writes rows of real numbers."""

    def rescale(sums: int, wide: int, stride: int, of: int, row: int, rows: int) -> None:
        data, width, factor = fields(u(of), 3)
        aside = sums + rows * stride
        for index in range(rows):
            at, into = sums + index * stride, data + 4 * (row + index) * width
            column = 0
            while column < width:
                column = min(column, max(width - 8, 0))
                if wide:
                    x = numbers(reals(8), EXACT, u(at + 8 * column))
                else:
                    x = numbers(reals(8), INTEGER, u(at + 4 * column))
                made = times(x, numbers(x, REAL, u(factor + 4 * column)))
                _keep(made, into, column, width, rows - index, aside)
                column += 8

    return routine(rescale)


@cache
def _decoder(near: bool, linked: bool) -> int:
    """Return what writes rows of codes as the real numbers that something makes of them.

    Args:
        near: As of `_encoder`.
        linked: As of `_encoder`.
    """

    def decode(sums: int, wide: int, stride: int, of: int, row: int, rows: int) -> None:
        held = fields(u(of), 12)
        data, padded, factor, low, high = held[:5]
        limits, links, own, columns = held[5:9]
        width, scale, exact = held[9:]
        way = near, wide, linked
        gained = factor, limits, links, columns, padded
        ends = np.float32(low), np.float32(high)
        aside = sums + rows * stride
        for index in range(rows):
            at, into = sums + index * stride, data + 4 * (row + index) * width
            gains = own + 8 * (row + index) if own else 0
            column = 0
            while column < width:
                column = min(column, max(width - 8, 0))
                code = nearest(_coded(reals(8), way, at, gained, ends, gains, column))
                places = u(exact + 8 * column), u(exact + 8 * (padded + column))
                x = exactly(code, places[0], places[1])
                made = times(x, numbers(x, REAL, u(scale + 4 * column)))
                _keep(made, into, column, width, rows - index, aside)
                column += 8

    return routine(decode)


@inner
def _keep(made: Any, into: int, column: int, width: int, rows: int, aside: int) -> None:
    """Write 8 neighbouring numbers of a row, or as many as it and the rows behind it have."""
    if rows * width >= 8:
        keep(made, u(into + 4 * column))
    else:
        _keep_first(made, REAL, width, into, aside)


@inner
def _keep_first(made: Any, unit: Any, count: int, into: int, aside: int) -> None:
    """Write the first lanes of a vector, of the type of a number; all of them aside before."""
    keep(made, u(aside))
    for part in range(count):
        put(element(unit, u(aside), u(part)), u(into), u(part))
