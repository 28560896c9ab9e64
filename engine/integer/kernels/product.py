"""Codes times weights.

Some rows are unpacked once into bytes, or into 16 bits where bytes would overflow, without taking
off the code of zero: its share is the same in all rows and is what their sums start from. Weights
less their own code of zero may be beyond a byte; what all of them are then laid out too small by is
made up for by as many times the sum of a row's codes. Then tile by tile (see `tile`): the weights
of some columns are met by all these rows while they are in the nearest cache. Codes of 1 bit that
meet weights of 1 bit stay packed. Sums or codes of more bits go by plain loops.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.integer.kernels.compile import inner, routine
from engine.integer.kernels.memory import roomy
from engine.integer.kernels.operands import Accumulator, Matrix, Packed, Target
from engine.integer.kernels.pairs import quad_bytes
from engine.integer.kernels.rows import ROOM, ended, stride_of, together
from engine.integer.kernels.tile import IN_QUADS, OF_BITS, OF_BYTES, OF_HALVES, rows_of, tile
from engine.integer.kernels.vectors import (
    add,
    call,
    element,
    field,
    fields,
    filled,
    keep,
    load,
    put,
    widen,
    zeros,
)
from engine.integer.kernels.vectors import first as first_lanes
from engine.integer.kernels.work import Work, work

TILES = 8
"""Tiles whose rows are unpacked together."""

VECTOR = 32
"""Codes that are unpacked at once."""

u = np.uintp


def product(
    x: Packed, weight: Matrix, target: Target, accumulator: Accumulator
) -> tuple[Work, ...]:
    """Sum ``(stride_x x_ik - zero_x) (stride_w weight_kj - zero_w)`` over k.

    Args:
        x: [N, F].
        weight: [F, F'], laid out for codes like x.
        target: [N, F'].
        accumulator: Type of the sums.
    """
    rows, count = x.words.shape
    opened = target.opened()
    if weight.lanes.ndim == 2:
        sum_bits = 8 * accumulator.itemsize
        stride = stride_of(weight.width, sum_bits)
        most = together(stride)
        operands: tuple[Any, ...] = (
            *(x.words, rows, count, x.bits, x.stride, x.zero, x.width),
            *(weight.lanes, weight.width, stride, most, *ended(opened, sum_bits)),
        )
        scratch_bytes = most * stride + ROOM * 8
        address = _plainly(8 * x.words.itemsize, sum_bits)
        return (work(address, -(-rows // most), scratch_bytes, *operands),)
    blocks, steps, lanes = weight.lanes.shape
    register_bytes = lanes * weight.lanes.itemsize
    way, lane_bytes = _way(weight.lanes), weight.lanes.itemsize
    bits, each = (8, x.stride) if way == OF_BITS else (x.bits, 1)
    places = 1 if way == OF_BITS else -(-x.width // max(count, 1))
    row_bytes = (max(4 * steps, places * count * lane_bytes) + VECTOR * lane_bytes + 63) // 64 * 64
    most, stride = TILES * rows_of(register_bytes), register_bytes * blocks
    operands = (
        *(roomy(x.words), rows, count, places, x.width, row_bytes, each),
        *(weight.lanes, blocks, steps, weight.piece, weight.start, weight.level),
        *(opened.address, opened.told),
    )
    scratch_bytes = most * (row_bytes + stride) + ROOM * 4
    address = _in_tiles(way, register_bytes, bits)
    return (work(address, -(-rows // most), scratch_bytes, *operands),)


def _way(lanes: NDArray[np.integer[Any]]) -> int:
    """Return how a tile multiplies by weights."""
    if lanes.dtype == np.int8:
        return IN_QUADS if quad_bytes() else OF_BYTES
    return OF_BITS if lanes.dtype == np.uint8 else OF_HALVES


@cache
def _in_tiles(way: int, register_bytes: int, bits: int) -> int:
    """Return what multiplies some rows in tiles.

    Args:
        way: How a tile does.
        register_bytes: Bytes of a tile's registers.
        bits: Bits of a code in a word, or of a word of bits.
    """
    counted, lane_bits = way == OF_BITS, 16 if way == OF_HALVES else 8
    size, mask, lanes = lane_bits // 8, (1 << bits) - 1, register_bytes // 4
    in_tile = rows_of(register_bytes)
    most = TILES * in_tile

    def multiply(of: int, part: int, scratch: int) -> None:
        words, rows, count, places, width, row_bytes, each = fields(u(of), 15)[:7]
        weights, blocks, steps, piece, start, level, end, target = fields(u(of), 15)[7:]
        first = part * most
        taken = min(most, rows - first)
        sums, stride = scratch + most * row_bytes, register_bytes * blocks
        block_bytes = register_bytes * steps
        apart = row_bytes, block_bytes, stride
        for row in range(taken):
            from_ = words + (first + row) * count
            for place in range(places):
                into = scratch + row * row_bytes + place * count * size
                for word in range(0, count, VECTOR):
                    held = load(zeros(VECTOR, 8), u(from_ + word))
                    if counted:  # every bit counts, those of the next row would too
                        held = first_lanes(held, count - word)
                    held = field(held, place * bits, mask)
                    keep(widen(held, zeros(VECTOR, lane_bits)), u(into + word * size))
            more = level * _total(scratch + row * row_bytes, width) if level != 0 else 0
            for block in range(blocks):
                begun = load(zeros(lanes, 32), u(start + register_bytes * block))
                begun = add(begun, filled(begun, more))
                keep(begun, u(sums + row * stride + register_bytes * block))
        for step in range(0, steps, piece):
            some = min(piece, steps - step)
            for block in range(0, blocks, 2):
                by = weights + block * block_bytes + step * register_bytes
                for row in range(0, taken, in_tile):
                    x = scratch + row * row_bytes + 4 * step
                    to = sums + row * stride + register_bytes * block
                    if block + 1 < blocks:
                        tile(way, register_bytes, 2, each, x, by, to, apart, some)
                    else:
                        tile(way, register_bytes, 1, each, x, by, to, apart, some)
        call(end, (sums, 0, stride, target, first, taken))

    return routine(multiply)


@inner
def _total(codes: int, width: int) -> int:
    """Return the sum of so many bytes."""
    total = np.int64(0)
    for k in range(width):
        total += np.int64(element(np.uint8(0), u(codes), u(k)))
    return total  # type: ignore[return-value]


@cache
def _plainly(word_bits: int, sum_bits: int) -> int:
    """Return what multiplies some rows in plain loops; weights are as wide as sums.

    Args:
        word_bits: Bits of a word of codes.
        sum_bits: Bits of a sum.
    """
    word = np.uint8(0) if word_bits == 8 else np.uint16(0)
    cast = np.int64 if sum_bits == 64 else np.int32

    def multiply_plainly(of: int, part: int, scratch: int) -> None:
        words, rows, count, bits, each, zero, inputs = fields(u(of), 13)[:7]
        weights, columns, stride, most, end, target = fields(u(of), 13)[7:]
        first = part * most
        taken = min(most, rows - first)
        for row in range(taken):
            sums = scratch + row * stride
            for column in range(columns):
                put(cast(0), u(sums), u(column))
            for k in range(inputs):
                place = k // count
                at = u((first + row) * count + k - place * count)
                code = (np.int64(element(word, u(words), at)) >> (place * bits)) & ((1 << bits) - 1)
                held = weights + k * columns * (sum_bits // 8)
                for column in range(columns):
                    more = (each * code - zero) * element(cast(0), u(held), u(column))
                    put(cast(element(cast(0), u(sums), u(column)) + more), u(sums), u(column))
        call(end, (target, scratch, stride, columns, first, taken))

    return routine(multiply_plainly)
