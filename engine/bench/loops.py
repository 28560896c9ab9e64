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
from engine.integer.kernels.neighbours import (
    AHEAD,
    ROOM,
    TILES,
    Loop,
    Rows,
    add_up,
    gather,
    gather_hubs,
    rows_of,
)
from engine.integer.kernels.operands import Incoming, Packed
from engine.integer.kernels.vectors import add, element, load, prefetch, store, zeros

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
    rows = rows_of(Packed(x, 32, 0, x.shape[1]))  # type: ignore[arg-type]
    fitting = (tile for tile in TILES if tile <= WIDEST)
    lanes = min(fitting, key=lambda tile: -(-x.shape[1] // tile) * (tile + 32))
    loop = Loop(_adding(x.dtype.kind == "f", lanes).address, lanes)
    shares = gather_hubs(loop, rows, incoming, x.dtype)
    _aggregate(loop, rows, shares, incoming, norm, out)


@cache
def _adding(real: bool, lanes: int) -> Any:
    """Return the loop that adds up rows of 32-bit numbers, called as those of `neighbours` are."""
    plus = add_real if real else add

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
        line, node = zeros(lanes, 32), np.int32(0)
        stride = u(width) * u(4)
        offset = (u(width) - u(1)) // u(lanes) * u(lanes)
        while True:  # over tiles, the last first: none may overwrite the row's beginning
            total, edge = line, u(0)
            body, end = u(words) + offset * u(4), u(tail) + offset * u(4)
            while edge < u(edges):
                soon = element(node, u(source), min(edge + u(AHEAD), u(left)))
                for part in range(lanes // 16):
                    prefetch(body + u(soon) * stride + u(64 * part))
                prefetch(body + u(soon) * stride + u(4 * lanes - 1))
                row = u(element(node, u(source), edge))
                place = (body if row < u(safe) else end) + row * stride
                total = plus(total, load(line, place))
                edge += u(1)
            store(total, line, u(sums) + offset * u(4), u(0))
            if offset == u(0):
                break
            offset -= u(lanes)

    return routine(gather)


@compiled
def _aggregate(
    loop: Loop, rows: Rows, shares: Wide, incoming: Incoming, norm: Wide, out: Wide
) -> None:
    rowptr, source, parts, _ = incoming
    for part in numba.prange(parts.shape[0]):
        room = np.empty(rows.width + ROOM, out.dtype)
        sums = room[: rows.width]
        for row in range(parts[part, 0], parts[part, 1]):
            if parts[part, 2] < parts[part, 3]:
                add_up(shares, parts[part, 2], parts[part, 3], sums)
            else:
                gather(loop, rows, source, rowptr[row], rowptr[row + 1], room)
            for column in range(sums.size):
                out[row, column] = sums[column] * norm[row]


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
