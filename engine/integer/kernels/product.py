"""Codes times weights.

Some rows are unpacked once into bytes, or into 16 bits where bytes would overflow, without taking
off the code of zero: its share is the same in all rows and is what their sums start from. Then tile
by tile (see `tile`): the weights of 16 columns are met by all these rows while they are in the
nearest cache. Codes of 1 bit that meet weights of 1 bit stay packed. Sums or codes of more bits go
by plain loops.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from engine.integer.kernels.compile import routine
from engine.integer.kernels.memory import roomy
from engine.integer.kernels.operands import Accumulator, Matrix, Packed, Target
from engine.integer.kernels.rows import ROOM, ended, stride_of, together
from engine.integer.kernels.tile import ROWS, STEP_BYTES, tile_8, tile_16
from engine.integer.kernels.vectors import (
    call,
    element,
    field,
    fields,
    keep,
    load,
    put,
    widen,
    zeros,
)
from engine.integer.kernels.vectors import first as first_lanes
from engine.integer.kernels.work import Work, work

TOGETHER = 8 * ROWS
"""Rows that are unpacked together."""

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
    places = -(-x.width // max(count, 1))
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
    blocks, steps, _ = weight.lanes.shape
    lane_bytes = weight.lanes.itemsize
    bits, counted = x.bits, 0
    if weight.lanes.dtype == np.uint8:  # words go as they are
        bits, places, counted = 8, 1, x.stride
    row_bytes = (max(4 * steps, places * count * lane_bytes) + VECTOR * lane_bytes + 63) // 64 * 64
    stride = STEP_BYTES * blocks
    operands = (
        *(roomy(x.words), rows, count, places, row_bytes),
        *(weight.lanes, blocks, steps, weight.piece, weight.start),
        *(opened.address, opened.told),
    )
    scratch_bytes = TOGETHER * (row_bytes + stride) + ROOM * 4
    address = _in_tiles(8 * lane_bytes, bits, counted)
    return (work(address, -(-rows // TOGETHER), scratch_bytes, *operands),)


@cache
def _in_tiles(lane_bits: int, bits: int, counted: int) -> int:
    """Return what multiplies some rows in tiles.

    Args:
        lane_bits: Bits of unpacked codes and weights.
        bits: Bits of a code in a word, or of a word of bits.
        counted: How often agreeing bits count; 0 where codes are multiplied.
    """
    size, mask = lane_bits // 8, (1 << bits) - 1
    number: Any = np.int8(0) if size == 1 else np.int16(0)
    if counted:
        number = np.uint8(counted)

    def multiply(of: int, part: int, scratch: int) -> None:
        words, rows, count, places, row_bytes = fields(u(of), 12)[:5]
        lanes, blocks, steps, piece, start, end, target = fields(u(of), 12)[5:]
        first = part * TOGETHER
        taken = min(TOGETHER, rows - first)
        sums, stride = scratch + TOGETHER * row_bytes, STEP_BYTES * blocks
        block_bytes = STEP_BYTES * steps
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
            for block in range(blocks):
                begun = load(zeros(8, 32), u(start + STEP_BYTES * block))
                keep(begun, u(sums + row * stride + STEP_BYTES * block))
        for step in range(0, steps, piece):
            some = min(piece, steps - step)
            for block in range(0, blocks, 2):
                of_weights = lanes + block * block_bytes + step * STEP_BYTES
                for row in range(0, taken, ROWS):
                    x = scratch + row * row_bytes + 4 * step
                    into = sums + row * stride + STEP_BYTES * block
                    if block + 1 < blocks:
                        tile_16(number, x, row_bytes, of_weights, block_bytes, into, stride, some)
                    else:
                        tile_8(number, x, row_bytes, of_weights, block_bytes, into, stride, some)
        call(end, (sums, 0, stride, target, first, taken))

    return routine(multiply)


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
