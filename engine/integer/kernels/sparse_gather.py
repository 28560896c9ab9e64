"""Sums and means of neighbours' sparse codes, held where they can be other than 0.

Which entries of a sum may be other than 0 is known before it runs: those that a neighbour stores.
So three works follow each other. Codes are unpacked once, less the code of zero. Then a row of
accumulators, one a column and all 0, takes in what a target's neighbours store, entry by entry, and
gives the sums at the target's own places, in order, whereby it becomes 0 again. At last the sums,
which lie one behind the other, end like the rows of any other target, `BLOCK` at a time.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from engine.integer.kernels.compile import routine
from engine.integer.kernels.operands import BLOCK, Accumulator, Incoming, Packed, Places, Target
from engine.integer.kernels.rows import add_codes, codes_of, ended, together
from engine.integer.kernels.vectors import call, element, fields, put
from engine.integer.kernels.work import Work, work

PART = 4096
"""About the entries that a part adds up, each of its rows counted as one more."""

u = np.uintp


def sparse_total(
    incoming: Incoming,
    places: Places,
    message: Packed,
    each: int,
    own: int,
    made: Places,
    target: Target,
    accumulator: Accumulator,
) -> tuple[Work, ...]:
    """Add ``each`` times the sum of ``message_e - zero`` over a row's edges and ``own`` times its.

    Args:
        incoming: The edges.
        places: The stored entries of the message, [N, F].
        message: Their codes.
        each: Weight of every neighbour.
        own: Weight of the row's own message.
        made: The stored entries of the sums, [N, F]: at least those that add up anything.
        target: Their codes, or what else becomes of them, ``made.blocks``.
        accumulator: Type of the sums.
    """
    sum_bits = 8 * accumulator.itemsize
    sums = np.zeros((made.blocks[0] + 1, BLOCK), accumulator)  # and as many that may be read behind
    ends = ended(target.opened(), sum_bits)
    adding = _add_up(incoming, places, message, (each, own), made, sums)
    return *adding, _end(ends, sums, real=False)


def sparse_mean(
    incoming: Incoming,
    places: Places,
    message: Packed,
    made: Places,
    target: Target,
    accumulator: Accumulator,
) -> tuple[Work, ...]:
    """Average ``message_e - zero`` over a row's edges; 0 without edges.

    Args:
        incoming: The edges.
        places: The stored entries of the message, [N, F].
        message: Their codes.
        made: The stored entries of the means, as of `sparse_total`.
        target: Likewise.
        accumulator: Of no account; sums are of 64 bits.
    """
    opened = target.opened()
    sums = np.zeros((made.blocks[0] + 1, BLOCK), np.float64)
    adding = _add_up(incoming, places, message, (1, 0), made, sums)
    return *adding, _end((opened.address, opened.told), sums, real=True)


def _add_up(
    incoming: Incoming,
    places: Places,
    message: Packed,
    weights: tuple[int, int],
    made: Places,
    sums: NDArray[np.number],
) -> tuple[Work, Work]:
    """Return what unpacks codes, and what writes sums, or means where ``sums`` are real numbers."""
    mean = sums.dtype == np.float64
    sum_bits = 8 * sums.itemsize
    codes = np.empty(places.blocks, f"i{sums.itemsize}")
    most = together(BLOCK * sums.itemsize)
    adding = add_codes(8 * message.words.itemsize, sum_bits), codes_of(message)
    unpacked = codes, len(codes), most
    unpacking = work(_unpacking(sum_bits), -(-len(codes) // most), 0, *adding, *unpacked)

    bounds = _bounds(incoming, places)
    edges = incoming.rowptr, incoming.source, *places[:2], codes
    operands = bounds, *edges, *weights, places.width, *made[:2], sums
    address = _adding(sum_bits, mean)
    return unpacking, work(address, bounds.size - 1, places.width * sums.itemsize, *operands)


def _bounds(incoming: Incoming, places: Places) -> NDArray[np.int64]:
    """Return where parts of the targets begin and end, of about as much work each."""
    stored = np.concatenate(([0], np.cumsum(np.diff(places.rowptr)[incoming.source])))
    work = stored[incoming.rowptr] + np.arange(incoming.rowptr.size)
    cuts = np.searchsorted(work, np.arange(0, work[-1], PART))
    return np.unique(np.concatenate([cuts, [incoming.rowptr.size - 1]]))


def _end(ends: tuple[int, object], sums: NDArray[np.number], *, real: bool) -> Work:
    """Return what ends all rows of sums but the last one."""
    rows, stride = len(sums) - 1, BLOCK * sums.itemsize
    most = together(stride)
    return work(_ending(real), -(-rows // most), 0, *ends, sums, stride, rows, most)


@cache
def _unpacking(sum_bits: int) -> int:
    """Return what unpacks some rows of codes into numbers of so many bits."""
    stride = BLOCK * sum_bits // 8
    number = np.int64(0)

    def unpack_rows(of: int, part: int, scratch: int) -> None:
        adding, codes, into, rows, most = fields(u(of), 5)
        for row in range(part * most, min((part + 1) * most, rows)):
            at = into + row * stride
            for index in range(stride // 8):
                put(number, u(at), u(index))
            call(adding, (codes, row, 1, at))

    return routine(unpack_rows)


@cache
def _adding(sum_bits: int, mean: bool) -> int:
    """Return what writes some rows' sums, of so many bits, or their means as real numbers."""
    cast = np.int32 if sum_bits == 32 else np.int64
    index_, sum_ = np.int32(0), cast(0)

    def add_part(of: int, part: int, scratch: int) -> None:
        bounds, rowptr, source, starts, columns, codes = fields(u(of), 12)[:6]
        each, own, width, made, made_columns, sums = fields(u(of), 12)[6:]
        for column in range(width):
            put(sum_, u(scratch), u(column))
        row, after = fields(u(bounds + 8 * part), 2)
        while row < after:
            edge, stop = fields(u(rowptr + 8 * row), 2)
            count = max(stop - edge, 1)
            rows = stop - edge + (1 if own else 0)
            for index in range(rows):
                from_, factor = row, own
                if edge + index < stop:
                    from_, factor = int(element(index_, u(source), u(edge + index))), each
                at, last = fields(u(starts + 8 * from_), 2)
                while at < last:
                    column = int(element(index_, u(columns), u(at)))
                    more = element(sum_, u(codes), u(at)) * factor
                    put(cast(element(sum_, u(scratch), u(column)) + more), u(scratch), u(column))
                    at += 1
            at, last = fields(u(made + 8 * row), 2)
            while at < last:
                column = int(element(index_, u(made_columns), u(at)))
                total = element(sum_, u(scratch), u(column))
                if mean:
                    put(np.float64(total) / count, u(sums), u(at))
                else:
                    put(total, u(sums), u(at))
                put(sum_, u(scratch), u(column))
                at += 1
            row += 1

    return routine(add_part)


@cache
def _ending(real: bool) -> int:
    """Return what ends some rows of sums, or of real numbers."""

    def end_rows(of: int, part: int, scratch: int) -> None:
        end, target, sums, stride, rows, most = fields(u(of), 6)
        row = part * most
        count = min(most, rows - row)
        at = sums + row * stride
        if real:
            call(end, (at, 1, stride, target, row, count))
        else:
            call(end, (target, at, stride, BLOCK, row, count))

    return routine(end_rows)
