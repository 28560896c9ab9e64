"""Sparse codes times weights.

Of words in a bag one in a hundred is there, so what is stored is met row by row: two stored codes
at a time bring in their two rows of weights, 16 bits each, which are woven together so that the
weights of a column lie side by side, multiplied by the codes and added up in pairs (see `pairs`).
The sums of up to 64 columns stay in registers over all that a row stores. Sums or codes of more
bits go by plain loops.

Where a row stores one number again and again, as if words were counted once, or over their count,
its sum is that number times the sum of its rows of weights: these are neighbours to be gathered,
packed as they are, without one multiplication.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.integer.kernels.compile import intrinsic, routine
from engine.integer.kernels.gather import gathered
from engine.integer.kernels.memory import roomy
from engine.integer.kernels.operands import BLOCK, Accumulator, Matrix, Packed, Places, Target
from engine.integer.kernels.pairs import (
    HALVES,
    SIZE,
    WORD,
    WORDS,
    multiply_halves,
    splat,
    weave,
)
from engine.integer.kernels.rows import ROOM, ended, stride_of, together
from engine.integer.kernels.shares import share_out
from engine.integer.kernels.vectors import add as add_lanes
from engine.integer.kernels.vectors import (
    call,
    cgutils,
    element,
    every,
    field,
    fields,
    filled,
    ir,
    keep,
    load,
    put,
    types,
    widen,
    zeros,
)
from engine.integer.kernels.work import Work, work

COLUMNS = 16
"""Columns of a register of weights."""

PART = 2048
"""About the stored codes of a part, each of its rows counted as one more."""

VECTOR = 32
"""Codes that are unpacked at once."""

WIDE = 32
"""Bytes of a row of packed weights from which on gathering them is quicker than multiplying."""

u, BIT = np.uintp, ir.IntType(1)


def sparse_product(
    places: Places,
    values: Packed,
    weight: Matrix,
    target: Target,
    accumulator: Accumulator,
) -> tuple[Work, ...]:
    """Sum ``(x_ik - zero_x) (weight_kj - zero_w)`` over the stored k; the others are zero.

    Args:
        places: The stored entries of x, [N, F].
        values: Their codes.
        weight: [F, F'], laid out for sparse codes.
        target: [N, F'].
        accumulator: Type of the sums.
    """
    signs = weight.stride > 1 or values.stride > 1
    if places.alike and weight.words.nbytes >= WIDE * weight.words.shape[0] and not signs:
        return _of_alike(places, values, weight, target, accumulator)
    sum_bits = 8 * accumulator.itemsize
    stride = stride_of(weight.lanes.shape[1], sum_bits)
    most = together(stride)
    words, bits, zero, width, _ = values
    rowptr, column, *_ = places
    narrow = weight.lanes.dtype == np.int16
    bounds = _bounds(rowptr, most)
    stored = int(np.diff(rowptr[bounds]).max(initial=0))
    sums_bytes = most * stride + ROOM * 8
    operands = (
        *(bounds, rowptr, column, roomy(words), words.shape[1], width, bits, zero),
        *(weight.lanes, weight.lanes.shape[1], stride, sums_bytes, weight.width),
        *ended(target.opened(), sum_bits),
    )
    scratch_bytes = sums_bytes + 8 * (stored + VECTOR)
    address = _multiplying(8 * words.itemsize, sum_bits, narrow)
    return (work(address, bounds.size - 1, scratch_bytes, *operands),)


def _of_alike(
    places: Places, values: Packed, weight: Matrix, target: Target, accumulator: Accumulator
) -> tuple[Work, ...]:
    """Return the works of rows that store one number each."""
    words, bits, zero, *_ = values
    rows = places.rowptr.size - 1
    number = np.empty(rows, np.int64)
    operands = places.rowptr, words, words.shape[1], bits, zero, BLOCK, number, rows
    first = work(_first_codes(8 * words.itemsize), -(-rows // PART), 0, *operands)
    message = Packed(weight.words, weight.bits, weight.zero, weight.width)
    incoming = share_out(places.rowptr, places.column)
    return first, *gathered("sum", incoming, message, number, (), target, accumulator)


@cache
def _first_codes(word_bits: int) -> int:
    """Return what writes the first code that each row stores, less that of zero."""
    word = np.uint8(0) if word_bits == 8 else np.uint16(0)

    def find_codes(of: int, part: int, scratch: int) -> None:
        rowptr, words, count, bits, zero, block, numbers, rows = fields(u(of), 8)
        for row in range(part * PART, min((part + 1) * PART, rows)):
            at, after = fields(u(rowptr + 8 * row), 2)
            code = np.int64(zero)
            if at < after:
                line = at // block
                place = (at - line * block) // count
                index = line * count + at - line * block - place * count
                held = np.int64(element(word, u(words), u(index)))
                code = (held >> (place * bits)) & ((1 << bits) - 1)
            put(code - zero, u(numbers), u(row))

    return routine(find_codes)


def _bounds(rowptr: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Return where parts begin and end: of about as much work each, and of so many rows at most."""
    rows = rowptr.size - 1
    work = rowptr + np.arange(rowptr.size)
    cuts = np.searchsorted(work, np.arange(0, work[-1], PART))
    return np.unique(np.concatenate([cuts, np.arange(0, rows, most), [rows]]))


@cache
def _multiplying(word_bits: int, sum_bits: int, narrow: bool) -> int:
    """Return what multiplies some rows.

    Args:
        word_bits: Bits of a word of codes.
        sum_bits: Bits of a sum.
        narrow: Whether codes and weights have 16 bits, and sums 32.
    """
    add, code_bits = (_in_registers(), 16) if narrow else (_plainly(sum_bits), 64)
    code_bytes, word_bytes = code_bits // 8, word_bits // 8

    def multiply_rows(of: int, part: int, scratch: int) -> None:
        bounds, rowptr, column, words, count, block, bits, zero = fields(u(of), 15)[:8]
        weights, across, stride, codes, width, end, target = fields(u(of), 15)[8:]
        row, after = fields(u(bounds + 8 * part), 2)
        start, into = element(np.int64(0), u(rowptr), u(row)), scratch + codes
        stop = element(np.int64(0), u(rowptr), u(after))
        like = zeros(VECTOR, code_bits)
        offset, at = filled(like, np.int64(-zero)), start
        while at < stop:
            line = at // block
            place = (at - line * block) // count
            begin = line * block + place * count
            last = min(stop, begin + count)
            for first in range(at, last, VECTOR):  # what is too much is written anew, or is behind
                from_ = u(words + (line * count + first - begin) * word_bytes)
                held = field(load(zeros(VECTOR, word_bits), from_), place * bits, (1 << bits) - 1)
                keep(add_lanes(widen(held, like), offset), u(into + (first - start) * code_bytes))
            at = last
        for index in range(after - row):
            first, last = fields(u(rowptr + 8 * (row + index)), 2)
            at = into + (first - start) * code_bytes
            sums = scratch + index * stride
            call(add, (column + 4 * first, at, last - first, weights, across, sums))
        call(end, (target, scratch, stride, width, row, after - row))

    return routine(multiply_rows)


@cache
def _in_registers() -> int:
    """Return what writes a row of sums, of 16 columns each or several times as many at once."""

    def combine_weights(
        columns: int, codes: int, count: int, weights: int, across: int, sums: int
    ) -> None:
        first, row_bytes = 0, 2 * across
        while first + 64 <= across:
            add_64(columns, codes, count, weights + 2 * first, row_bytes, sums + 4 * first)
            first += 64
        if first + 32 <= across:
            add_32(columns, codes, count, weights + 2 * first, row_bytes, sums + 4 * first)
            first += 32
        if first < across:
            add_16(columns, codes, count, weights + 2 * first, row_bytes, sums + 4 * first)

    return routine(combine_weights)


@cache
def _plainly(sum_bits: int) -> int:
    """Return what writes a row of sums in plain loops; weights are as wide as sums."""
    cast = np.int64 if sum_bits == 64 else np.int32
    size = sum_bits // 8

    def combine_plainly(
        columns: int, codes: int, count: int, weights: int, across: int, sums: int
    ) -> None:
        for column in range(across):
            put(cast(0), u(sums), u(column))
        for item in range(count):
            code = element(np.int64(0), u(codes), u(item))
            row = weights + np.int64(element(np.int32(0), u(columns), u(item))) * across * size
            for column in range(across):
                more = code * element(cast(0), u(row), u(column))
                put(cast(element(cast(0), u(sums), u(column)) + more), u(sums), u(column))

    return routine(combine_plainly)


@intrinsic
def add_16(
    _: Any, columns: Any, codes: Any, count: Any, weights: Any, row_bytes: Any, sums: Any
) -> Any:
    """Write 16 sums of rows of weights, each times a code.

    Args:
        columns: Address of the rows, int32 [count].
        codes: Address of the codes, int16 [count and one more, which may be anything].
        count: How many.
        weights: Address of the weights, int16 [F, ...], of every 16 columns as `WOVEN` says.
        row_bytes: Bytes from a row of weights to the next.
        sums: Address of the sums, int32 [16].
    """
    return types.void(*[types.intp] * 6), _emitter(1)


@intrinsic
def add_32(
    _: Any, columns: Any, codes: Any, count: Any, weights: Any, row_bytes: Any, sums: Any
) -> Any:
    """Do what `add_16` does for 32 columns."""
    return types.void(*[types.intp] * 6), _emitter(2)


@intrinsic
def add_64(
    _: Any, columns: Any, codes: Any, count: Any, weights: Any, row_bytes: Any, sums: Any
) -> Any:
    """Do what `add_16` does for 64 columns."""
    return types.void(*[types.intp] * 6), _emitter(4)


def _emitter(registers: int) -> Callable[..., Any]:
    """Return what emits sums of so many registers of weights."""

    def emit(context: Any, builder: Any, signature: Any, operands: Any) -> Any:
        columns, codes, count, weights, row_bytes, sums = operands

        def at(kind: Any, start: Any, index: Any, size: Any) -> Any:
            place = builder.add(start, builder.mul(index, size))
            return builder.inttoptr(place, kind.as_pointer())

        one, two = SIZE(1), SIZE(2)
        held = [
            [cgutils.alloca_once_value(builder, splat(WORDS, 0)) for _ in (0, 1)]
            for _ in range(registers)
        ]

        def add_two(first: Any, second: Any, codes: Any) -> None:
            rows = []
            for index in (first, second):
                row = builder.load(at(WORD, columns, index, SIZE(4)), align=4)
                row = builder.mul(builder.zext(row, SIZE), row_bytes)
                rows.append(builder.add(weights, row))
            both = builder.bitcast(every(builder, codes, WORDS), HALVES)
            for register, of_register in enumerate(held):
                loaded = [
                    builder.load(at(HALVES, row, SIZE(register), SIZE(32)), align=2) for row in rows
                ]
                for half in (0, 1):
                    woven = builder.shuffle_vector(*loaded, weave(half))
                    products = multiply_halves(builder, both, woven)
                    into = of_register[half]
                    builder.store(builder.add(builder.load(into), products), into)

        final = builder.sub(count, one)
        with cgutils.for_range_slice(builder, SIZE(0), final, two) as (item, _):
            code = builder.load(at(WORD, codes, item, two), align=2)
            add_two(item, builder.add(item, one), code)
        with builder.if_then(builder.trunc(count, BIT)):  # one is left, and 0 times it
            code = builder.load(at(WORD, codes, final, two), align=2)
            add_two(final, final, builder.and_(code, WORD(0xFFFF)))
        for register, of_register in enumerate(held):
            for half in (0, 1):
                place = at(WORDS, sums, SIZE(2 * register + half), SIZE(32))
                builder.store(builder.load(of_register[half]), place, align=4)
        return context.get_dummy_value()

    return emit
