"""What every kernel does with rows of sums: add a row's codes to them, multiply them, end them.

A row of sums has room for a vector more than its columns, and so has a row of codes.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.integer.kernels.compile import inner, routine
from engine.integer.kernels.encode import LANES, Opened
from engine.integer.kernels.memory import roomy
from engine.integer.kernels.operands import Packed
from engine.integer.kernels.told import Told, told
from engine.integer.kernels.vectors import (
    add,
    call,
    element,
    field,
    fields,
    filled,
    first,
    keep,
    load,
    multiply,
    put,
    zeros,
)

NEAREST_BYTES = 16384
"""About the bytes of sums that are ended together: half of the nearest cache."""

ROOM = 160
"""Numbers behind a row of sums that may be overwritten: more than the widest tile."""

u = np.uintp


def together(stride: int) -> int:
    """Return how many rows of sums, of so many bytes each, are ended together."""
    return max(NEAREST_BYTES // stride, 1)


def stride_of(columns: int, sum_bits: int) -> int:
    """Return the bytes from a row of sums to the next."""
    return -(-(columns + LANES) * sum_bits // 512) * 64


def codes_of(packed: Packed) -> Told:
    """Return what `add_codes` is told of rows of codes."""
    words, bits, zero, width, _ = packed
    count = words.shape[1]
    return told(roomy(words), count, bits, -(-width // max(count, 1)), zero)


@cache
def add_codes(word_bits: int, sum_bits: int) -> int:
    """Return what adds to a row of sums a multiple of a row's codes less the code of zero.

    It takes what `codes_of` tells, the row, the factor, and the address of the sums.

    Args:
        word_bits: Bits of a word.
        sum_bits: Bits of a sum.
    """
    size, sum_bytes = word_bits // 8, sum_bits // 8
    cast = np.int32 if sum_bits == 32 else np.int64

    def add_row(of: int, row: int, factor: int, sums: int) -> None:
        words, count, bits, places, zero = fields(u(of), 5)
        start, wide = words + row * count * size, zeros(8, sum_bits)
        offset = filled(wide, cast(-zero * factor))
        for place in range(places):
            word = 0
            while word < count:
                held = load(zeros(8, word_bits), u(start + word * size))
                codes = field(held, place * bits, (1 << bits) - 1)
                made = add(multiply(codes, cast(factor), wide), offset)
                into = u(sums + (place * count + word) * sum_bytes)
                keep(add(load(wide, into), first(made, count - word)), into)
                word += 8

    return routine(add_row)


Factor = NDArray[np.int64] | Packed | int
"""What rows are multiplied by: numbers, [N], codes, [1, N], of which zero is subtracted, or one."""


def by_row(factor: Factor) -> tuple[Any, int]:
    """Return what `factor_of` is told: where factors are, or 0 and the one for all; and how."""
    if isinstance(factor, Packed):
        words, bits, zero, *_ = factor
        return told(words, words.shape[1], bits, zero, words.itemsize), CODES
    if isinstance(factor, np.ndarray):
        return np.ascontiguousarray(factor, np.int64), NUMBERS
    return factor, SAME


SAME, NUMBERS, CODES = range(3)


@inner
def factor_of(held: int, how: int, row: int) -> int:
    """Return the factor of a row."""
    if how == SAME:
        return held
    if how == NUMBERS:
        found: int = element(np.int64(0), u(held), u(row))
        return found
    words, count, bits, zero, size = fields(u(held), 5)
    shift = 0
    while row >= count:  # a few times at most, and faster than a division
        row -= count
        shift += bits
    if size == 1:
        word = np.int64(element(np.uint8(0), u(words), u(row)))
    else:
        word = np.int64(element(np.uint16(0), u(words), u(row)))
    code: int = ((word >> shift) & ((1 << bits) - 1)) - zero
    return code


@cache
def multiply_row(sum_bits: int) -> int:
    """Return what multiplies a row of sums, of so many columns, by a number."""
    sum_bytes = sum_bits // 8
    cast = np.int32 if sum_bits == 32 else np.int64

    def multiply_all(sums: int, columns: int, factor: int) -> None:
        wide = zeros(8, sum_bits)
        for column in range(0, columns, 8):
            at = u(sums + column * sum_bytes)
            keep(multiply(load(wide, at), cast(factor), wide), at)

    return routine(multiply_all)


@cache
def join_rows(sum_bits: int, largest: bool = False) -> int:
    """Return what writes the sum, or the largest, of rows of sums, column by column.

    It takes the address of the first row, the bytes to the next, how many, their columns, and where
    the result goes.

    Args:
        sum_bits: Bits of a sum.
        largest: Whether it finds the largest.
    """
    cast = np.int64 if sum_bits == 64 else np.int32
    sum_ = cast(0)

    def join(first_row: int, stride: int, count: int, columns: int, into: int) -> None:
        for column in range(columns):
            total = np.int64(element(sum_, u(first_row), u(column)))
            for row in range(1, count):
                more = np.int64(element(sum_, u(first_row + row * stride), u(column)))
                total = max(total, more) if largest else total + more
            put(cast(total), u(into), u(column))

    return routine(join)


def ended(target: Opened, sum_bits: int) -> tuple[int, Told]:
    """Return what ends rows of sums, and what that is told."""
    narrowing = sum_bits == 64 and target.near
    return _ender(sum_bits, narrowing), told(target.address, target.told)


@cache
def _ender(sum_bits: int, narrowing: bool) -> int:
    """Return what ends rows of sums: rounded to codes and packed, or as real numbers.

    Sums of 64 bits are used up: in place they become float64, or 32 bits where those suffice.

    Args:
        sum_bits: Bits of a sum.
        narrowing: Whether 32 of 64 suffice.
    """
    number = np.int64(0)

    def end(of: int, sums: int, stride: int, columns: int, row: int, rows: int) -> None:
        address, target = fields(u(of), 2)
        if sum_bits == 64:
            for index in range(rows):
                at = u(sums + index * stride)
                for column in range(columns):
                    held = element(number, at, u(column))
                    if narrowing:
                        put(np.int32(held), at, u(column))
                    else:
                        put(np.float64(held), at, u(column))
        wide = 1 if sum_bits == 64 and not narrowing else 0
        call(address, (sums, wide, stride, target, row, rows))

    return routine(end)
