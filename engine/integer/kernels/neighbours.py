"""Rows of neighbours' codes, added up or compared in registers.

Most of the time goes into waiting for rows that lie anywhere in memory, the rest into adding them.
Against the first, the row of every edge is asked for `AHEAD` edges before it is needed, whichever
target that edge belongs to, and the numbers that count bytes are small: codes are read as they are
packed, several in a byte. Against the second, a tile of a row, up to 128 bytes, is added to sums
that stay in registers over all edges of the target. Those are lanes of 8 bits (of 16, for codes of
8) that hold as many unsigned codes as cannot overflow them, 17 of 4 bits or 85 of 2; only then are
they added to wider ones, and the code of zero is subtracted once a row, from all its codes at once.

A tile may reach past the end of its row, into the next or, of the last rows, past the array: those
are read from a copy with room behind it. What a tile makes of the bytes beyond its row is written
before, and so overwritten by, what belongs there.

Wide sums may wrap around on the way: they are right modulo 2^32 or 2^64, and the proof of a stage
says that the last one fits.

These loops are compiled once for each width of codes and tiles and called by their address, so that
a kernel, of which there are many, compiles quickly whichever of them it uses.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import prange
from numpy.typing import NDArray

from engine.integer.kernels.compile import inner, kernel, routine
from engine.integer.kernels.operands import Accumulator, Incoming, Packed, Words
from engine.integer.kernels.rows import clear, read
from engine.integer.kernels.vectors import (
    add,
    call,
    element,
    field,
    filled,
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

ROOM = 144
"""Numbers that a tile may write past the end of a row of sums."""

CHUNK = 256
"""Edges whose weights are unpacked at once."""

u = np.uintp


class Rows(NamedTuple):
    """Packed codes that may be read a tile beyond the end of any row.

    Args:
        words: [N, W].
        tail: The last rows with room behind them, in one row.
        safe: The rows before those.
        bits: Bits one code takes in a word.
        zero: The unsigned code of 0.0.
        width: Codes in a row.
    """

    words: Words
    tail: Words
    safe: int
    bits: int
    zero: int
    width: int


class Loop(NamedTuple):
    """A compiled loop.

    Args:
        address: Where it is.
        lanes: Words of a row that it reads at once.
    """

    address: int
    lanes: int


def rows_of(message: Packed) -> Rows:
    """Return rows beside a copy of the last of them, all that a tile may overrun."""
    words, bits, zero, columns = message
    rows, width = words.shape
    count = min(rows, -(-TILES[-1] // width))
    tail = np.zeros(count * width + TILES[-1], words.dtype)
    tail[: count * width] = words[rows - count :].ravel()
    return Rows(words, tail, rows - count, bits, zero, columns)


def adder(rows: Rows, accumulator: Accumulator) -> Loop:
    """Return what `gather` runs for the sums of rows."""
    return _gatherer(rows, 8 if rows.bits < 8 else 2 * rows.bits, accumulator, False)


def comparer(rows: Rows, accumulator: Accumulator) -> Loop:
    """Return what `gather` runs for the largest of rows."""
    return _gatherer(rows, 8 * rows.words.itemsize, accumulator, True)


def _gatherer(rows: Rows, lane_bits: int, accumulator: Accumulator, largest: bool) -> Loop:
    word_bits, bits = 8 * rows.words.itemsize, rows.bits
    lanes = _tile(rows.words.shape[1], REGISTERS // (word_bits // bits * lane_bits))
    sum_bits = 8 * accumulator.itemsize
    return Loop(_gathering(largest, word_bits, bits, lanes, lane_bits, sum_bits).address, lanes)


def weigher(rows: Rows, heads: int, weight_type: Accumulator, accumulator: Accumulator) -> Loop:
    """Return what `weigh` runs for the columns of one head at a time."""
    word_bits, words = 8 * rows.words.itemsize, rows.words.shape[1]
    lanes = _tile(min(rows.width // heads, words), REGISTERS // 32)
    compiled = _weighing(word_bits, lanes, 8 * weight_type.itemsize, 8 * accumulator.itemsize)
    return Loop(compiled.address, lanes)


def weight_type(weight: Packed) -> Accumulator:
    """Return the type that holds weights less their code of zero."""
    return np.dtype(np.int16 if weight.words.itemsize == 1 else np.int32)


def _tile(words: int, widest: int) -> int:
    """Return the size of tile that reads a row with the least work, each tile's start included."""
    return min((t for t in TILES if t <= widest), key=lambda tile: -(-words // tile) * (tile + 32))


@cache
def _gathering(
    largest: bool, word_bits: int, bits: int, lanes: int, lane_bits: int, sum_bits: int
) -> Any:
    """Return the loop that adds up rows, or that finds the largest.

    Args:
        largest: Whether it finds the largest.
        word_bits: Bits of a word.
        bits: Bits of a code.
        lanes: Words of a tile.
        lane_bits: Bits of a number in registers.
        sum_bits: Bits of the sums.
    """
    count = lanes * word_bits // bits
    batch = 1 << 62 if largest else ((1 << lane_bits) - 1) // ((1 << bits) - 1)
    word_bytes, sum_bytes, reach = word_bits // 8, sum_bits // 8, lanes * word_bits // 8 - 1

    def gather(
        words: int,
        tail: int,
        safe: int,
        width: int,
        zero: int,
        source: int,
        edges: int,
        left: int,
        sums: int,
    ) -> None:
        line, narrow = zeros(lanes, word_bits), zeros(count, lane_bits)
        wide, node = zeros(count, sum_bits), np.int32(0)
        stride = u(width) * u(word_bytes)
        offset = (u(width) - u(1)) // u(lanes) * u(lanes)
        start = -zero * min(edges, 1) if largest else -zero * edges
        while True:  # over tiles, the last first: none may overwrite the row's beginning
            total, edge = filled(wide, start), u(0)
            body, end = u(words) + offset * u(word_bytes), u(tail) + offset * u(word_bytes)
            while edge < u(edges):
                last = min(edge + u(batch), u(edges))
                held = narrow
                while edge < last:
                    soon = element(node, u(source), min(edge + u(AHEAD), u(left)))
                    prefetch(body + u(soon) * stride)
                    prefetch(body + u(soon) * stride + u(reach))
                    row = u(element(node, u(source), edge))
                    place = (body if row < u(safe) else end) + row * stride
                    codes = unpack(load(line, place), narrow)
                    held = larger(held, codes) if largest else add(held, codes)
                    edge += u(1)
                total = add(total, widen(held, wide))
            store(total, line, u(sums) + offset * u(sum_bytes), u(width) * u(sum_bytes))
            if offset == u(0):
                break
            offset -= u(lanes)

    return routine(gather)


@cache
def _weighing(word_bits: int, lanes: int, weight_bits: int, sum_bits: int) -> Any:
    """Return the loop that adds up one tile of weighted rows.

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
        words: int,
        tail: int,
        safe: int,
        width: int,
        zero: int,
        shift: int,
        mask: int,
        source: int,
        edges: int,
        left: int,
        weights: int,
        sums: int,
    ) -> None:
        line, wide, node = zeros(lanes, word_bits), zeros(lanes, sum_bits), np.int32(0)
        stride = u(width) * u(word_bytes)
        total, weighed, edge = wide, 0, u(0)
        while edge < u(edges):
            soon = element(node, u(source), min(edge + u(AHEAD), u(left)))
            prefetch(u(words) + u(soon) * stride)
            prefetch(u(words) + u(soon) * stride + u(reach))
            row = u(element(node, u(source), edge))
            place = u(words if row < u(safe) else tail) + row * stride
            weight = element(weight_type(0), u(weights), edge)
            codes = field(load(line, place), shift, mask)
            total = add(total, multiply(codes, weight, wide))
            weighed += weight
            edge += u(1)
        store(add(total, filled(wide, -zero * weighed)), line, u(sums), u(0))

    return routine(weigh)


@inner
def gather(
    loop: Loop, rows: Rows, source: NDArray[np.int32], first: int, last: int, sums: NDArray[Any]
) -> None:
    """Write the sums of ``message_e - zero`` over some edges, or the largest; 0 without edges.

    Args:
        loop: An `adder` or a `comparer`.
        rows: What nodes send, [N, F'].
        source: [E], the node a message comes from.
        first: The first edge.
        last: Where the edges end.
        sums: [F' + ROOM]; what lies behind F' is overwritten too.
    """
    words, tail, safe, _, zero, _ = rows
    width, size = words.shape[1], words.itemsize
    places = np.intp(words.ctypes.data), np.intp(tail.ctypes.data) - safe * width * size
    edges = np.intp(source.ctypes.data) + 4 * first, last - first, source.size - 1 - first
    call(loop.address, (*places, safe, width, zero, *edges, np.intp(sums.ctypes.data)))


@inner
def weigh(
    loop: Loop,
    rows: Rows,
    source: NDArray[np.int32],
    weight: Packed,
    first: int,
    last: int,
    weights: NDArray[Any],
    sums: NDArray[Any],
) -> None:
    """Add the sums of ``(weight_eh - zero_w) (message_eh - zero)`` over some edges.

    Args:
        loop: A `weigher`.
        rows: What nodes send, [N, heads C], head by head.
        source: [E], the node a message comes from.
        weight: [E, heads].
        first: The first edge.
        last: Where the edges end.
        weights: [CHUNK], overwritten.
        sums: [2, heads C + ROOM]; the first row is added to, the other overwritten.
    """
    words, tail, safe, bits, zero, columns = rows
    width, size = words.shape[1], words.itemsize
    start, end = np.intp(words.ctypes.data), np.intp(tail.ctypes.data) - safe * width * size
    mask, channels = (1 << bits) - 1, columns // weight.width
    total, part = sums[0], sums[1]
    while first < last:
        count = min(CHUNK, last - first)
        edges = np.intp(source.ctypes.data) + 4 * first, count, source.size - 1 - first
        for head in range(weight.width):
            for edge in range(count):
                weights[edge] = read(weight, first + edge, head)
            column, after = head * channels, (head + 1) * channels
            while column < after:
                place = column // width
                offset = column - place * width
                places = start + offset * size, end + offset * size
                codes = safe, width, zero, place * bits, mask
                into = np.intp(part.ctypes.data) + column * part.itemsize
                call(loop.address, (*places, *codes, *edges, np.intp(weights.ctypes.data), into))
                column += min(loop.lanes, width - offset, after - column)
        for column in range(columns):
            total[column] += part[column]
        first += count


def gather_hubs(
    loop: Loop, rows: Rows, incoming: Incoming, accumulator: Accumulator
) -> NDArray[Any]:
    """Return what `gather` writes for each piece of a hub's edges, [pieces, F' + ROOM]."""
    shares = np.empty((incoming.pieces.shape[0], rows.width + ROOM), accumulator)
    if shares.shape[0]:
        _gather_pieces(loop, rows, incoming, shares)
    return shares


def weigh_hubs(
    loop: Loop,
    rows: Rows,
    incoming: Incoming,
    weight: Packed,
    weight_type: Accumulator,
    accumulator: Accumulator,
) -> NDArray[Any]:
    """Return what `weigh` adds for each piece of a hub's edges, [pieces, heads C + ROOM]."""
    shares = np.zeros((incoming.pieces.shape[0], 2, rows.width + ROOM), accumulator)
    if shares.shape[0]:
        _weigh_pieces(loop, rows, incoming, weight, weight_type, shares)
    return shares[:, 0]


@kernel
def _gather_pieces(loop: Loop, rows: Rows, incoming: Incoming, shares: NDArray[Any]) -> None:
    pieces, source = incoming.pieces, incoming.source
    for piece in prange(pieces.shape[0]):
        gather(loop, rows, source, pieces[piece, 0], pieces[piece, 1], shares[piece])


@kernel
def _weigh_pieces(
    loop: Loop,
    rows: Rows,
    incoming: Incoming,
    weight: Packed,
    weight_type: Accumulator,
    shares: NDArray[Any],
) -> None:
    pieces, source = incoming.pieces, incoming.source
    for piece in prange(pieces.shape[0]):
        weights = np.empty(CHUNK, weight_type)
        first, last = pieces[piece, 0], pieces[piece, 1]
        weigh(loop, rows, source, weight, first, last, weights, shares[piece])


@inner
def add_up(shares: NDArray[Any], first: int, last: int, sums: NDArray[Any]) -> None:
    """Write the sums of some rows of shares, [pieces, F' + ROOM]."""
    clear(sums)
    for piece in range(first, last):
        for column in range(sums.size):
            sums[column] += shares[piece, column]


@inner
def pick_largest(shares: NDArray[Any], first: int, last: int, largest: NDArray[Any]) -> None:
    """Write the largest of some rows of shares, [pieces, F' + ROOM]."""
    for column in range(largest.size):
        largest[column] = shares[first, column]
    for piece in range(first + 1, last):
        for column in range(largest.size):
            largest[column] = max(largest[column], shares[piece, column])
