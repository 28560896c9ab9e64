"""Weighted sums of neighbours' codes: by edge weights, or by the coefficients of attention heads.

The weights of some edges, less their code of zero, are unpacked once for each head; then tile by
tile the loop of `neighbours` adds up what they weigh. A hub is weighed before, in pieces that
threads share.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from engine.integer.kernels.compile import routine
from engine.integer.kernels.memory import roomy
from engine.integer.kernels.neighbours import weigher
from engine.integer.kernels.operands import Accumulator, Incoming, Packed, Target
from engine.integer.kernels.rows import (
    ROOM,
    Factor,
    ended,
    join_rows,
    stride_of,
    together,
    weigh_rows,
    weighed_with,
)
from engine.integer.kernels.told import Told, told
from engine.integer.kernels.vectors import call, element, fields, put
from engine.integer.kernels.work import Work, work

CHUNK = 256
"""Edges whose weights are unpacked at once."""

u = np.uintp


def weighed(
    incoming: Incoming,
    message: Packed,
    weight: Packed,
    factor: Factor,
    width: int,
    target: Target,
    accumulator: Accumulator,
) -> tuple[Work, ...]:
    """Return what writes ``factor_i sum_e (weight_eh - zero_w) (message_eh - zero_m)``.

    Args:
        incoming: The edges.
        message: [N, heads C], head by head.
        weight: [E, heads].
        factor: Of each row.
        width: F', heads C to hold the heads side by side, or C to add them up.
        target: [N, F'].
        accumulator: Type of the sums.
    """
    sum_bits = 8 * accumulator.itemsize
    weight_bits = 16 if weight.words.itemsize == 1 else 32
    stride = stride_of(message.width, sum_bits) + ROOM * sum_bits // 8 // 64 * 64
    weighing = _row(8 * weight.words.itemsize, weight_bits, sum_bits)
    row = _told(incoming, message, weight, weight_bits, sum_bits)
    pieces, rows = len(incoming.pieces), together(stride)
    beside = stride + 8 * CHUNK  # for the sums of a chunk, and its weights
    shares = np.empty(pieces * stride, np.uint8)
    hubs = weighing, row, incoming.pieces, shares, stride
    first = (work(_piece(), pieces, beside, *hubs),) if pieces else ()
    passes = weighed_with(factor, (), width, sum_bits)
    operands = (
        *(weighing, row, incoming.rowptr, incoming.parts, shares, stride, message.width, rows),
        *(join_rows(sum_bits), told(*passes), len(passes), width),
        *ended(target.opened(), sum_bits),
    )
    address = _weighing(sum_bits)
    return *first, work(address, len(incoming.parts), rows * stride + beside, *operands)


def _told(
    incoming: Incoming, message: Packed, weight: Packed, weight_bits: int, sum_bits: int
) -> Told:
    """Return what `_row` is told."""
    words, bits, zero, heads, _ = weight
    loop = weigher(message, heads, weight_bits, sum_bits)
    count = message.words.shape[1]
    return told(
        *(loop.address, loop.rows, loop.lanes, count, message.bits, message.width),
        *(roomy(words), words.shape[1], bits, zero, heads),
        *(incoming.source, incoming.source.size - 1),
    )


@cache
def _row(word_bits: int, weight_bits: int, sum_bits: int) -> int:
    """Return what writes the weighted sums of some edges.

    It takes what `_told` tells, the edges from and to, the address of the sums, and the address of
    a scratch for the sums of a chunk and, as far behind, for its weights.

    Args:
        word_bits: Bits of a word of weights.
        weight_bits: Bits of a weight less its code of zero.
        sum_bits: Bits of a sum.
    """
    word = np.uint8(0) if word_bits == 8 else np.uint16(0)
    narrow = np.int16 if weight_bits == 16 else np.int32
    cast = np.int64 if sum_bits == 64 else np.int32
    sum_ = cast(0)
    sum_bytes = sum_bits // 8

    def weigh_row(of: int, begin: int, end: int, sums: int, part: int, weights: int) -> None:
        held = fields(u(of), 13)
        loop, rows, lanes, count, bits, columns = held[:6]
        packed, across, code_bits, zero, heads, source, final = held[6:]
        channels = columns // heads
        for column in range(columns):
            put(sum_, u(sums), u(column))
        for first in range(begin, end, CHUNK):
            edges = min(CHUNK, end - first)
            from_, left = source + 4 * first, final - first
            for head in range(heads):
                place = head // across
                at = packed + (head - place * across) * (word_bits // 8)
                shift, mask = place * code_bits, (1 << code_bits) - 1
                for edge in range(edges):
                    found = element(word, u(at), u((first + edge) * across))
                    put(narrow(((np.int64(found) >> shift) & mask) - zero), u(weights), u(edge))
                column, after = head * channels, (head + 1) * channels
                while column < after:
                    place = column // count
                    offset = column - place * count
                    into = part + column * sum_bytes
                    call(loop, (rows, offset, place * bits, from_, edges, left, weights, into))
                    column += min(lanes, count - offset, after - column)
            for column in range(columns):
                total = element(sum_, u(sums), u(column)) + element(sum_, u(part), u(column))
                put(cast(total), u(sums), u(column))

    return routine(weigh_row)


@cache
def _piece() -> int:
    """Return what weighs a piece of a hub's edges."""

    def weigh_piece(of: int, part: int, scratch: int) -> None:
        row, told_row, pieces, shares, stride = fields(u(of), 5)
        begin, end = fields(u(pieces + 16 * part), 2)
        call(row, (told_row, begin, end, shares + part * stride, scratch, scratch + stride))

    return routine(weigh_piece)


@cache
def _weighing(sum_bits: int) -> int:
    """Return what fills a part of the targets."""
    cast = np.int64 if sum_bits == 64 else np.int32
    sum_ = cast(0)

    def weigh_part(of: int, part: int, scratch: int) -> None:
        held = fields(u(of), 14)
        weighing, told_row, ends, parts, shares, stride, columns, most = held[:8]
        joining, passes, times, width, end, target = held[8:]
        row, stop, piece, last_piece = fields(u(parts + 32 * part), 4)
        while row < stop:
            after = min(row + most, stop)
            beside = scratch + most * stride
            for index in range(after - row):
                sums = scratch + index * stride
                if piece < last_piece:
                    joined = shares + piece * stride, stride, last_piece - piece, columns, sums
                    call(joining, joined)
                else:
                    begin, last = fields(u(ends + 8 * (row + index)), 2)
                    call(weighing, (told_row, begin, last, sums, beside, beside + stride))
                for first in range(width, columns, width):  # other heads, where they are added up
                    for column in range(width):
                        more = element(sum_, u(sums), u(first + column))
                        put(cast(element(sum_, u(sums), u(column)) + more), u(sums), u(column))
            weigh_rows(passes, times, row, after - row, scratch, stride)
            call(end, (target, scratch, stride, width, row, after - row))
            row = after

    return routine(weigh_part)
