"""Sums of one or two arrays of codes, activated and scaled, and a bias."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.integer.kernels.compile import routine
from engine.integer.kernels.operands import Accumulator, Target, Term
from engine.integer.kernels.rows import ROOM, ended, stride_of, together
from engine.integer.kernels.told import Told, told
from engine.integer.kernels.vectors import call, element, fields, put
from engine.integer.kernels.work import Work, work

u = np.uintp


def combine(
    first: Term,
    second: Term | None,
    bias: NDArray[Any],
    floor: int,
    target: Target,
    accumulator: Accumulator,
) -> tuple[Work, ...]:
    """Add ``multiplier_j table[code_ij]`` of each term, and the bias.

    Args:
        first: [N, F'].
        second: [N, F'], or None.
        bias: [F'], of the accumulator's type and scale.
        floor: Below it no sum ends: 0 for a ReLU.
        target: [N, F'].
        accumulator: Type of the sums.
    """
    sum_bits, count = 8 * accumulator.itemsize, first.words.shape[0]
    stride = stride_of(first.width, sum_bits)
    rows = together(stride)
    operands = (
        *(*_added(first, sum_bits), *((0, 0) if second is None else _added(second, sum_bits))),
        *(bias, floor, count, rows, stride, first.width, *ended(target.opened(), sum_bits)),
    )
    scratch_bytes = rows * stride + ROOM * sum_bits // 8
    return (work(_combining(sum_bits), -(-count // rows), scratch_bytes, *operands),)


def _added(term: Term, sum_bits: int) -> tuple[int, Told]:
    """Return what adds a row of a term, and what it is told."""
    words, bits, width, table, multiplier = term
    operands = words, words.shape[1], bits, width, table, multiplier
    return _term(8 * words.itemsize, sum_bits), told(*operands)


@cache
def _term(word_bits: int, sum_bits: int) -> int:
    word = np.uint8(0) if word_bits == 8 else np.uint16(0)
    cast = np.int64 if sum_bits == 64 else np.int32
    sum_ = cast(0)

    def add_term(of: int, row: int, sums: int) -> None:
        words, count, bits, width, table, multiplier = fields(u(of), 6)
        start, mask = u(words + row * count * (word_bits // 8)), (1 << bits) - 1
        column, shift = 0, 0
        while column < width:
            for index in range(min(count, width - column)):
                code = (np.int64(element(word, start, u(index))) >> shift) & mask
                meant = element(sum_, u(table), u(code))
                times = element(sum_, u(multiplier), u(column + index))
                total = element(sum_, u(sums), u(column + index)) + times * meant
                put(cast(total), u(sums), u(column + index))
            column += count
            shift += bits

    return routine(add_term)


@cache
def _combining(sum_bits: int) -> int:
    cast = np.int64 if sum_bits == 64 else np.int32
    sum_ = cast(0)

    def combine_rows(of: int, part: int, scratch: int) -> None:
        held = fields(u(of), 12)
        adding, first, adding_second, second, bias, floor = held[:6]
        count, rows, stride, columns, end, target = held[6:]
        row = part * rows
        rows = min(rows, count - row)
        for index in range(rows):
            sums = scratch + index * stride
            for column in range(columns):
                put(element(sum_, u(bias), u(column)), u(sums), u(column))
            call(adding, (first, row + index, sums))
            if adding_second:
                call(adding_second, (second, row + index, sums))
            for column in range(columns):
                total = np.int64(element(sum_, u(sums), u(column)))
                put(cast(max(total, floor)), u(sums), u(column))
        call(end, (target, scratch, stride, columns, row, rows))

    return routine(combine_rows)
