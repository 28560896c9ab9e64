"""Our loops on wide numbers: they tell the gain of narrow codes from the gain of a better loop.

The same walk over edges and rows as the integer kernels', sums in registers, rows asked for ahead,
edges shared out alike, on float32 or int32 that are stored as they are: no codes, no packing, no
rounding. Sums of int32 may wrap, which costs no time.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

import numba
import numpy as np
from numpy.typing import NDArray

from engine.bench.lanes import add_product, add_real
from engine.integer.kernels.compile import routine
from engine.integer.kernels.gather import shares_of
from engine.integer.kernels.memory import roomy
from engine.integer.kernels.neighbours import AHEAD, Loop, tile_of
from engine.integer.kernels.operands import Incoming
from engine.integer.kernels.rows import ROOM, stride_of, together
from engine.integer.kernels.told import told
from engine.integer.kernels.vectors import (
    add,
    call,
    element,
    fields,
    load,
    prefetch,
    put,
    store,
    zeros,
)
from engine.integer.kernels.work import perform, work

Wide = NDArray[np.float32] | NDArray[np.int32]

BLOCK = 60
"""Rows that one thread takes at a time."""

TALL, LANES = 5, 16
"""Rows and columns of a tile of a product, as the integer kernels'."""

WIDEST = 64
"""Columns of a tile of a sum: as many registers as the integer kernels'."""

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

u = np.uintp


def compiled(function: Kernel) -> Kernel:
    """Compile a loop whose blocks threads share."""
    decorate: Any = numba.njit(parallel=True, nogil=True, error_model="numpy")
    kernel: Kernel = decorate(function)
    return kernel


@compiled
def read(numbers: NDArray[np.int64]) -> int:
    """Return the sum of numbers, [n]: what is measured is how fast they come from memory."""
    total = 0
    for index in numba.prange(numbers.size):
        total += numbers[index]
    return total


def aggregate(incoming: Incoming, x: Wide, norm: Wide, out: Wide) -> None:
    """Sum the rows of x over each target's edges, times the target's norm.

    Args:
        incoming: The edges.
        x: [N, F].
        norm: [N].
        out: [N, F].
    """
    words = roomy(x)
    lanes = tile_of(x.shape[1], WIDEST)
    rows = told(words, x.shape[1])
    loop = Loop(_adding(x.dtype.kind == "f", lanes), lanes, rows)
    stride = stride_of(x.shape[1], 32)
    first, shares = shares_of(loop, incoming, stride)
    most = together(stride)
    operands = (
        *(loop.address, loop.rows, incoming.rowptr, incoming.source, incoming.source.size - 1),
        *(incoming.parts, shares, stride, x.shape[1], most, norm, out),
    )
    scratch_bytes = most * stride + ROOM * 4
    last = work(_summing(x.dtype.kind == "f"), len(incoming.parts), scratch_bytes, *operands)
    perform([*first, last])


@cache
def _adding(real: bool, lanes: int) -> int:
    """Return the loop that adds up rows of 32-bit numbers, called as those of the kernels are."""
    plus = add_real if real else add

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
        words, width = fields(u(of), 2)
        line, node, number = zeros(lanes, 32), np.int32(0), np.int64(0)
        row_bytes = u(width) * u(4)
        furthest = (u(width) - u(1)) // u(lanes) * u(lanes)
        for row in range(start, stop):
            begin = u(element(number, u(ends), u(row * apart)))
            end = u(element(number, u(ends), u(row * apart + 1)))
            into, offset = u(sums + (row - start) * stride), furthest
            while True:  # over tiles, the last first: none may overwrite the row's beginning
                total, edge, body = line, begin, u(words) + offset * u(4)
                while edge < end:
                    soon = element(node, u(source), min(edge + u(AHEAD), u(final)))
                    ahead = body + u(soon) * row_bytes
                    for part in range(lanes // 16):
                        prefetch(ahead + u(64 * part))
                    prefetch(ahead + u(4 * lanes - 1))
                    place = body + u(element(node, u(source), edge)) * row_bytes
                    total = plus(total, load(line, place))
                    edge += u(1)
                store(total, line, into + offset * u(4), u(0))
                if offset == u(0):
                    break
                offset -= u(lanes)

    return routine(gather)


@cache
def _summing(real: bool) -> int:
    """Return what fills a part of the targets."""
    number = np.float32(0) if real else np.int32(0)
    cast = np.float32 if real else np.int32

    def sum_part(of: int, part: int, scratch: int) -> None:
        held = fields(u(of), 12)
        loop, rows, ends, source, final, parts, shares, stride, columns, most = held[:10]
        norm, out = held[10:]
        row, stop, piece, last_piece = fields(u(parts + 32 * part), 4)
        while row < stop:
            after = min(row + most, stop)
            if piece < last_piece:  # a hub, alone in its part
                for column in range(columns):
                    total = element(number, u(shares + piece * stride), u(column))
                    for at in range(piece + 1, last_piece):
                        more = element(number, u(shares + at * stride), u(column))
                        total = cast(total + more)
                    put(total, u(scratch), u(column))
            else:
                call(loop, (rows, ends, 1, source, final, row, after, scratch, stride))
            for index in range(after - row):
                factor = element(number, u(norm), u(row + index))
                into = u(out + 4 * (row + index) * columns)
                for column in range(columns):
                    total = element(number, u(scratch + index * stride), u(column))
                    put(cast(factor * total), into, u(column))
            row = after

    return routine(sum_part)


def product(x: Wide, weight: Wide, out: Wide) -> None:
    """Multiply x, [N, F], by a weight, [F, F'], in tiles of 5 rows and 16 columns.

    Args:
        x: [N, F].
        weight: [F, F'].
        out: [N, F'].
    """
    fan_in, width = weight.shape
    filled = np.zeros((fan_in, -(-width // LANES) * LANES), weight.dtype)
    filled[:, :width] = weight
    _multiply(x, filled, out)


@compiled
def _multiply(x: Wide, weight: Wide, out: Wide) -> None:
    rows, fan_in = x.shape
    width = out.shape[1]
    for block in numba.prange((rows + BLOCK - 1) // BLOCK):
        line, none = zeros(16, 32), u(0)
        stride = u(weight.shape[1]) * u(4)
        start = np.empty((TALL, weight.shape[1]), x.dtype)
        first, last = block * BLOCK, min((block + 1) * BLOCK, rows)
        for row in range(first, last, TALL):
            second, third = min(row + 1, last - 1), min(row + 2, last - 1)
            fourth, fifth = min(row + 3, last - 1), min(row + 4, last - 1)
            into = u(start.ctypes.data)
            for tile in range(weight.shape[1] // LANES):
                place = u(weight.ctypes.data) + u(tile) * u(4 * LANES)
                a, b, c, d, e = line, line, line, line, line
                for k in range(fan_in):
                    held = load(line, place)
                    a = add_product(a, x[row, k], held)
                    b = add_product(b, x[second, k], held)
                    c = add_product(c, x[third, k], held)
                    d = add_product(d, x[fourth, k], held)
                    e = add_product(e, x[fifth, k], held)
                    place += stride
                store(a, line, into, none)
                store(b, line, into + stride, none)
                store(c, line, into + u(2) * stride, none)
                store(d, line, into + u(3) * stride, none)
                store(e, line, into + u(4) * stride, none)
                into += u(4 * LANES)
            for index in range(min(TALL, last - row)):
                for column in range(width):
                    out[row + index, column] = start[index, column]


@compiled
def scale(x: Wide, norm: Wide) -> None:
    """Multiply each row of x, [N, F], by its norm, [N], in place."""
    for row in numba.prange(x.shape[0]):
        for column in range(x.shape[1]):
            x[row, column] *= norm[row]


@compiled
def shift(x: Wide, bias: Wide, floor: Any) -> None:
    """Add a bias, [F], to each row of x, [N, F], and raise what is below a floor, in place."""
    for row in numba.prange(x.shape[0]):
        for column in range(x.shape[1]):
            x[row, column] = max(x[row, column] + bias[column], floor)


@compiled
def choose(x: Wide) -> NDArray[np.int32]:
    """Return the column of the largest number of each row of x, [N]."""
    classes = np.empty(x.shape[0], np.int32)
    for row in numba.prange(x.shape[0]):
        largest = 0
        for column in range(1, x.shape[1]):
            if x[row, column] > x[row, largest]:
                largest = column
        classes[row] = largest
    return classes
