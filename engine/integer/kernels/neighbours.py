"""Rows of neighbours' codes, added up or compared in registers.

Most of the time goes into waiting for rows that lie anywhere in memory, the rest into adding them.
Against the first, the row of every edge is asked for `AHEAD` edges before it is needed, whichever
target that edge belongs to, and the numbers that count bytes are small: codes are read as they are
packed, several in a byte. Against the second, a tile of a row, up to 128 bytes, is added to sums
that stay in registers over all edges of the target. Those are lanes of 8 bits (of 16, for codes of
8) that hold as many unsigned codes as cannot overflow them, 17 of 4 bits or 85 of 2; only then are
they added to wider ones, and the code of zero is subtracted once a row, from all its codes at once.
To widen bytes one by one takes a shuffle for each register; of two that are read as one of 16 bits,
a mask leaves the lower and a shift the upper, which any unit does, and sums are sorted at the end.

A tile may reach past the end of its row, into the next or the room behind the last. What it makes
of the bytes beyond its row is written before, and so overwritten by, what belongs there.

Wide sums may wrap around on the way: they are right modulo 2^32 or 2^64, and the proof of a stage
says that the last one fits.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from engine.integer.kernels.compile import routine
from engine.integer.kernels.memory import roomy
from engine.integer.kernels.operands import Packed
from engine.integer.kernels.told import Told, told
from engine.integer.kernels.vectors import (
    add,
    element,
    field,
    fields,
    filled,
    interleave,
    larger,
    load,
    multiply,
    prefetch,
    store,
    unpack,
    widen,
    zeros,
)

AHEAD = 32
"""Edges between asking for a row and adding it: memory answers within that time."""

TILES = 16, 32, 64, 128
"""Words of a row that are added at once."""

REGISTERS = 2048
"""Bits of sums at once, half of what the machine's registers hold."""

FAR_BYTES = 1 << 19
"""Bytes of rows from which on they are asked for ahead: fewer stay in a cache that is near."""

u = np.uintp


class Loop(NamedTuple):
    """A compiled loop, and what it is told of the rows.

    Args:
        address: Where it is.
        lanes: Words of a row that it reads at once.
        rows: What it is told.
    """

    address: int
    lanes: int
    rows: Told


def adder(message: Packed, sum_bits: int) -> Loop:
    """Return the loop that writes sums of rows of codes.

    It is called with what it is told, the address of where edges begin and end and how many
    numbers lie between two beginnings, the address of the edges' sources and the last edge, then
    rows from and to, the address of the sums of the first and the bytes from row to row.
    """
    return _gatherer(message, 8 if message.bits < 8 else 2 * message.bits, sum_bits, False)


def comparer(message: Packed, sum_bits: int) -> Loop:
    """Return the loop that writes the largest of rows of codes, 0 of none, called as `adder`."""
    return _gatherer(message, 8 * message.words.itemsize, sum_bits, True)


def _gatherer(message: Packed, lane_bits: int, sum_bits: int, largest: bool) -> Loop:
    words, bits, zero, *_ = message
    word_bits = 8 * words.itemsize
    lanes = tile_of(words.shape[1], REGISTERS // (word_bits // bits * lane_bits))
    far = words.nbytes >= FAR_BYTES
    address = _gathering(largest, far, word_bits, bits, lanes, lane_bits, sum_bits)
    return Loop(address, lanes, told(roomy(words), words.shape[1], zero))


def tile_of(words: int, widest: int) -> int:
    """Return the size of tile that reads a row with the least work, each tile's start included."""
    return min((t for t in TILES if t <= widest), key=lambda tile: -(-words // tile) * (tile + 32))


@cache
def _gathering(
    largest: bool, far: bool, word_bits: int, bits: int, lanes: int, lane_bits: int, sum_bits: int
) -> int:
    """Return the loop that adds up rows, or that finds the largest.

    Args:
        largest: Whether it finds the largest.
        far: Whether rows are asked for ahead.
        word_bits: Bits of a word.
        bits: Bits of a code.
        lanes: Words of a tile.
        lane_bits: Bits of a number in registers.
        sum_bits: Bits of the sums.
    """
    count = lanes * word_bits // bits
    batch = 1 << 62 if largest else ((1 << lane_bits) - 1) // ((1 << bits) - 1)
    word_bytes, sum_bytes, reach = word_bits // 8, sum_bits // 8, lanes * word_bits // 8 - 1
    by_two = lane_bits == 2 * word_bits == 16 and lanes >= 32
    line_lanes, line_bits = (lanes // 2, 16) if by_two else (lanes, word_bits)

    def gather(
        of: int,
        ends: int,
        apart: int,
        source: int,
        final: int,
        start: int,
        stop: int,
        sums: int,
        stride: int,
    ) -> None:
        words, width, zero = fields(u(of), 3)
        line, narrow = zeros(line_lanes, line_bits), zeros(count, lane_bits)
        part, wide = zeros(lanes, word_bits), zeros(count, sum_bits)
        node, number = np.int32(0), np.int64(0)
        row_bytes, last_edge = u(width) * u(word_bytes), u(final)
        furthest = (u(width) - u(1)) // u(lanes) * u(lanes)
        for row in range(start, stop):
            begin = u(element(number, u(ends), u(row * apart)))
            end = u(element(number, u(ends), u(row * apart + 1)))
            edges = np.intp(end - begin)
            into, offset = u(sums + (row - start) * stride), furthest
            base = -zero * min(edges, 1) if largest else -zero * edges
            while True:  # over tiles, the last first: none may overwrite the row's beginning
                total, edge = filled(wide, base), begin
                body = u(words) + offset * u(word_bytes)
                while edge < end:
                    last = min(edge + u(batch), end)
                    held = narrow
                    while edge < last:
                        if far:
                            soon = element(node, u(source), min(edge + u(AHEAD), last_edge))
                            ahead = body + u(soon) * row_bytes
                            prefetch(ahead)
                            if reach >= 32:
                                prefetch(ahead + u(reach))
                        place = body + u(element(node, u(source), edge)) * row_bytes
                        codes = unpack(load(line, place), narrow)
                        held = larger(held, codes) if largest else add(held, codes)
                        edge += u(1)
                    total = add(total, widen(held, wide))
                if by_two:
                    total = interleave(total)
                store(total, part, into + offset * u(sum_bytes), u(width) * u(sum_bytes))
                if offset == u(0):
                    break
                offset -= u(lanes)

    return routine(gather)


def weigher(message: Packed, heads: int, weight_bits: int, sum_bits: int) -> Loop:
    """Return the loop that writes the weighted sums of one tile, of the columns of one head."""
    words, bits, zero, width, _ = message
    word_bits, count = 8 * words.itemsize, words.shape[1]
    lanes = tile_of(min(width // heads, count), REGISTERS // 32)
    address = _weighing(word_bits, lanes, weight_bits, sum_bits)
    return Loop(address, lanes, told(roomy(words), count, zero, (1 << bits) - 1))


@cache
def _weighing(word_bits: int, lanes: int, weight_bits: int, sum_bits: int) -> int:
    """Return the loop that adds up one tile of weighted rows.

    It is called with what it is told, the word that the tile begins with, the lowest bit of its
    codes, the address of the edges' sources, how many, how many there are to the last, and the
    addresses of weights and sums.

    Args:
        word_bits: Bits of a word.
        lanes: Words of a tile.
        weight_bits: Bits of a weight.
        sum_bits: Bits of the sums.
    """
    word_bytes = word_bits // 8
    reach = lanes * word_bytes - 1
    weight_type = np.int16 if weight_bits == 16 else np.int32

    def weigh(
        of: int, word: int, shift: int, source: int, edges: int, left: int, weights: int, sums: int
    ) -> None:
        words, width, zero, mask = fields(u(of), 4)
        body = u(words) + u(word) * u(word_bytes)
        line, wide, node = zeros(lanes, word_bits), zeros(lanes, sum_bits), np.int32(0)
        stride = u(width) * u(word_bytes)
        total, weighed, edge = wide, 0, u(0)
        while edge < u(edges):
            soon = element(node, u(source), min(edge + u(AHEAD), u(left)))
            prefetch(body + u(soon) * stride)
            prefetch(body + u(soon) * stride + u(reach))
            place = body + u(element(node, u(source), edge)) * stride
            weight = element(weight_type(0), u(weights), edge)
            codes = field(load(line, place), shift, mask)
            total = add(total, multiply(codes, weight, wide))
            weighed += weight
            edge += u(1)
        store(add(total, filled(wide, -zero * weighed)), line, u(sums), u(0))

    return routine(weigh)
