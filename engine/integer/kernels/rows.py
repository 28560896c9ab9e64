"""What every kernel does with rows of sums: add rows of codes to them, multiply them, end them.

A row of sums has room for a vector more than its columns, and so has a row of codes.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    widen,
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
                held = widen(load(zeros(8, word_bits), u(start + word * size)), wide)
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


Term = tuple[Packed, Factor]
"""Codes, a row of which is added to a row of sums, and what each is multiplied by."""


def weighed_with(
    factor: Factor, terms: Sequence[Term], columns: int, sum_bits: int
) -> tuple[Told, ...]:
    """Return what multiplies rows of sums by factors and adds terms: what `weigh_rows` is told.

    Terms whose rows are laid out alike are added as the sums are multiplied; going through the
    sums once for each would take longer than what is done to them.

    Args:
        factor: Of the sums.
        terms: No more than two.
        columns: Of the sums.
        sum_bits: Bits of a sum.
    """
    if not terms:
        is_one = isinstance(factor, int) and factor == 1
        return () if is_one else (_pass(factor, (), columns, sum_bits),)
    if len({(codes.words.shape[1], codes.bits) for codes, _ in terms}) == 1:
        return (_pass(factor, terms, columns, sum_bits),)
    first, second = terms
    alone = _pass(1, (second,), columns, sum_bits)
    return _pass(factor, (first,), columns, sum_bits), alone


def _pass(factor: Factor, terms: Sequence[Term], columns: int, sum_bits: int) -> Told:
    """Return one pass over the sums: its routine, and what that is told."""
    count, bits = columns, 8
    for codes, _ in terms:
        count, bits = codes.words.shape[1], codes.bits
    held = [part for codes, _ in terms for part in (roomy(codes.words), codes.zero)]
    factors: list[Factor] = [factor, *(by for _, by in terms), *[0] * (2 - len(terms))]
    rows = told(
        *(count, -(-columns // max(count, 1)), *held, *[0] * (4 - len(held))),
        *(part for factor in factors for part in by_row(factor)),
    )
    return told(_weigh(bits, sum_bits, len(terms)), rows)


@inner
def weigh_rows(passes: int, count: int, row: int, rows: int, sums: int, stride: int) -> None:
    """Multiply rows of sums, and add to them, as some passes say.

    Args:
        passes: Address of the passes.
        count: How many they are.
        row: Which row the first is.
        rows: How many rows.
        sums: Address of the first.
        stride: Bytes to the next.
    """
    for index in range(count):
        weigh, of = fields(u(element(np.int64(0), u(passes), u(index))), 2)
        call(weigh, (of, row, rows, sums, stride))


@cache
def _weigh(bits: int, sum_bits: int, terms: int) -> int:
    """Return what multiplies rows of sums and adds multiples of rows of codes less those of zero.

    Args:
        bits: Bits of a code.
        sum_bits: Bits of a sum.
        terms: Rows of codes that are added to each.
    """
    word_bits = max(bits, 8)
    size, sum_bytes, most = word_bits // 8, sum_bits // 8, word_bits // bits
    cast = np.int32 if sum_bits == 32 else np.int64

    def weigh(of: int, row: int, rows: int, sums: int, stride: int) -> None:
        count, places, firsts, first_zero, seconds, second_zero = fields(u(of), 12)[:6]
        factors, how, first_factors, first_how, second_factors, second_how = fields(u(of), 12)[6:]
        wide, line, mask = zeros(8, sum_bits), zeros(8, word_bits), (1 << bits) - 1
        by_first = by_second = 0
        for at in range(row, row + rows):
            factor = factor_of(factors, how, at)
            if terms > 0:
                by_first = factor_of(first_factors, first_how, at)
            if terms > 1:
                by_second = factor_of(second_factors, second_how, at)
            offset = filled(wide, cast(-first_zero * by_first - second_zero * by_second))
            start, second_start = firsts + at * count * size, seconds + at * count * size
            for word in range(0, count, 8):
                words = second_words = wide
                if terms > 0:
                    words = widen(load(line, u(start + word * size)), wide)
                if terms > 1:
                    second_words = widen(load(line, u(second_start + word * size)), wide)
                for place in range(min(places, most)):
                    into = u(sums + (place * count + word) * sum_bytes)
                    held = load(wide, into)
                    more = multiply(held, cast(factor - 1), wide)
                    if terms > 0:
                        codes = field(words, place * bits, mask)
                        more = add(more, add(multiply(codes, cast(by_first), wide), offset))
                    if terms > 1:
                        codes = field(second_words, place * bits, mask)
                        more = add(more, multiply(codes, cast(by_second), wide))
                    if most > 1:  # what lies behind belongs to the next place
                        more = first(more, count - word)
                    keep(add(held, more), into)
            sums += stride

    return routine(weigh)


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
