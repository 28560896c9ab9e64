"""The slow twin of every kernel: the same operands, whole arrays, int64, nothing clever."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.integer.kernels.operands import (
    Accumulator,
    CodeTarget,
    Incoming,
    Matrix,
    Packed,
    Places,
    Target,
    Term,
    Words,
)
from engine.integer.kernels.softmax import FAINTEST, LOG2E, POWERS, weight_bits

Integers = NDArray[np.int64]


def quantize(x: NDArray[np.float32], target: CodeTarget) -> None:
    """Twin of `kernels.quantize`."""
    codes = np.rint(x / target.factor) + target.zero
    _store(np.clip(codes, 0, target.high).astype(np.int64), target)


def product(x: Packed, weight: Matrix, target: Target, accumulator: Accumulator) -> None:
    """Twin of `kernels.product`."""
    _finish(_codes(x) @ _codes(weight), target)


def sparse_product(
    places: Places,
    values: Packed,
    weight: Matrix,
    target: Target,
    accumulator: Accumulator,
) -> None:
    """Twin of `kernels.sparse_product`."""
    _finish(_dense(places, values) @ _codes(weight), target)


def sparse_total(
    incoming: Incoming,
    places: Places,
    message: Packed,
    each: int,
    own: int,
    made: Places,
    target: Target,
    accumulator: Accumulator,
) -> None:
    """Twin of `kernels.sparse_total`."""
    codes = _dense(places, message)
    sums = each * _sum(incoming.rowptr, codes[incoming.source])
    _finish_stored(sums + own * codes if own else sums, made, target)


def sparse_mean(
    incoming: Incoming,
    places: Places,
    message: Packed,
    made: Places,
    target: Target,
    accumulator: Accumulator,
) -> None:
    """Twin of `kernels.sparse_mean`."""
    count = np.maximum(np.diff(incoming.rowptr), 1)[:, None]
    sums = _sum(incoming.rowptr, _dense(places, message)[incoming.source])
    _finish_stored(sums / count, made, target)


def scale(x: Packed, norm: Packed, target: Target, accumulator: Accumulator) -> None:
    """Twin of `kernels.scale`."""
    _finish(_codes(x) * _codes(norm).T, target)


def aggregate(
    incoming: Incoming,
    message: Packed,
    weight: Packed | None,
    norm: Packed | None,
    target: Target,
    accumulator: Accumulator,
) -> None:
    """Twin of `kernels.aggregate`."""
    edges = _codes(message)[incoming.source]
    sums = _sum(incoming.rowptr, edges if weight is None else edges * _codes(weight))
    _finish(sums if norm is None else sums * _codes(norm).T, target)


def total(
    incoming: Incoming,
    message: Packed,
    each: int,
    own: int,
    target: Target,
    accumulator: Accumulator,
) -> None:
    """Twin of `kernels.total`."""
    sums = each * _sum(incoming.rowptr, _codes(message)[incoming.source])
    _finish(sums + own * _codes(message) if own else sums, target)


def mean(
    incoming: Incoming,
    message: Packed,
    target: Target,
    accumulator: Accumulator,
) -> None:
    """Twin of `kernels.mean`."""
    count = np.maximum(np.diff(incoming.rowptr), 1)[:, None]
    _finish(_sum(incoming.rowptr, _codes(message)[incoming.source]) / count, target)


def maximum(
    incoming: Incoming,
    message: Packed,
    target: Target,
    accumulator: Accumulator,
) -> None:
    """Twin of `kernels.maximum`."""
    rowptr, edges = incoming.rowptr, _codes(message)[incoming.source]
    largest = np.zeros((rowptr.size - 1, message.width), np.int64)
    for row in np.flatnonzero(np.diff(rowptr)):
        largest[row] = edges[rowptr[row] : rowptr[row + 1]].max(axis=0)
    _finish(largest, target)


def softmax(
    incoming: Incoming,
    logit: Packed | NDArray[np.float32],
    scale: NDArray[np.float64],
    slope: float,
    target: Target,
) -> None:
    """Twin of `kernels.softmax`."""
    held = scale * (_codes(logit) if isinstance(logit, Packed) else logit)
    of_sources, of_targets = np.hsplit(held, 2)
    row = np.repeat(np.arange(incoming.rowptr.size - 1), np.diff(incoming.rowptr))
    x = of_sources[incoming.source] + of_targets[row]
    x = np.maximum(x, slope * x)
    largest = np.full(of_targets.shape, -np.inf)
    np.maximum.at(largest, row, x)
    y = np.maximum((x - largest[row]) * LOG2E, FAINTEST)
    whole = np.rint(y)
    power = np.polyval(POWERS, y - whole)
    weight = np.rint(np.ldexp(power, whole.astype(int) + weight_bits(incoming)))
    sums = np.zeros(of_targets.shape)
    np.add.at(sums, row, weight)
    _finish(weight * (1 / sums[row]), target)


def attend(
    incoming: Incoming,
    message: Packed,
    coefficient: Packed,
    width: int,
    target: Target,
    accumulator: Accumulator,
) -> None:
    """Twin of `kernels.attend`."""
    heads = coefficient.width
    by_head = _codes(message).reshape(-1, heads, message.width // heads)
    edges = by_head[incoming.source] * _codes(coefficient)[:, :, None]
    edges = edges.reshape(-1, message.width) if width == message.width else edges.sum(axis=1)
    _finish(_sum(incoming.rowptr, edges), target)


def combine(
    first: Term,
    second: Term | None,
    bias: NDArray[Any],
    floor: int,
    target: Target,
    accumulator: Accumulator,
) -> None:
    """Twin of `kernels.combine`."""
    sums = bias.astype(np.int64)
    for term in (first, second):
        if term is not None:
            codes = _codes(Packed(term.words, term.bits, 0, term.width))
            sums = sums + term.multiplier.astype(np.int64) * term.table[codes]
    _finish(np.maximum(sums, floor), target)


def propagate(
    incoming: Incoming,
    message: Packed,
    factor: NDArray[Any],
    first: Packed | None,
    first_factor: NDArray[Any],
    second: Packed | None,
    second_factor: NDArray[Any],
    target: Target,
) -> None:
    """Twin of `kernels.propagate`."""
    sums = _by_row(factor, _sum(incoming.rowptr, _codes(message)[incoming.source]))
    for own, own_factor in ((first, first_factor), (second, second_factor)):
        if own is not None:
            sums = sums + _by_row(own_factor, _codes(own))
    _finish(sums, target)


def pull(
    firsts: NDArray[np.int64],
    seconds: NDArray[np.int64],
    by_second: NDArray[np.int32],
    blocks: NDArray[np.int64],
    dual: Packed,
    factor: NDArray[Any],
    own: Packed,
    own_factor: NDArray[Any],
    target: Target,
) -> None:
    """Twin of `kernels.pull`."""
    codes = _codes(dual)
    pulled = _sum(firsts, codes) - _sum(seconds, codes[by_second])
    _finish(_by_row(factor, pulled) + _by_row(own_factor, _codes(own)), target)


def ascend(
    first: NDArray[np.int32],
    second: NDArray[np.int32],
    ends: Packed,
    each: int,
    dual: Packed | None,
    own: int,
    most: int,
    target: Target,
) -> None:
    """Twin of `kernels.ascend`."""
    codes = _codes(ends)
    sums = each * (codes[first] - codes[second])
    if dual is not None:
        sums = sums + own * _codes(dual)
    _finish(np.clip(sums, -most, most), target)


def choose(scores: NDArray[np.float32], classes: NDArray[np.int32]) -> None:
    """Twin of `kernels.choose`."""
    classes[:] = scores.argmax(axis=1)


def recode(
    source: Words,
    bits: int,
    rows: NDArray[np.int64],
    table: NDArray[np.uint16],
    target: Words,
    to_bits: int,
    to_rows: NDArray[np.int64],
    width: int,
) -> None:
    """Twin of `kernels.recode`."""
    codes = table[_codes(Packed(source[rows], bits, 0, width))].astype(np.int64)
    count = target.shape[1]
    made = np.zeros((rows.size, count), np.int64)
    for column in range(width):
        made[:, column % count] |= codes[:, column] << (column // count * to_bits)
    target[to_rows] = made


def _by_row(factor: NDArray[Any], codes: Integers) -> Integers:
    """Return each row's codes times its factor, [N, F']."""
    return factor.astype(np.int64)[:, None] * codes


def _sum(rowptr: NDArray[np.int64], edges: Integers) -> Integers:
    """Return the sums over each row's edges, [N, F']."""
    sums = np.zeros((rowptr.size - 1, edges.shape[1]), np.int64)
    np.add.at(sums, np.repeat(np.arange(rowptr.size - 1), np.diff(rowptr)), edges)
    return sums


def _codes(packed: Packed | Matrix) -> Integers:
    """Return what the codes stand for, less the code of zero, [N, F]."""
    words, bits, zero, width, stride = packed[:5]
    places = [
        (words.astype(np.int64) >> p) & (2**bits - 1) for p in range(0, 8 * words.itemsize, bits)
    ]
    return stride * np.concatenate(places, axis=1)[:, :width] - zero


def _dense(places: Places, codes: Packed) -> Integers:
    """Return what all entries of a sparse matrix stand for, less the code of zero, [N, F]."""
    rowptr, column, width, _ = places
    dense = np.zeros((rowptr.size - 1, width), np.int64)
    row = np.repeat(np.arange(rowptr.size - 1), np.diff(rowptr))
    np.add.at(dense, (row, column), _codes(codes).flat[: places.stored])
    return dense


def _finish_stored(sums: NDArray[Any], places: Places, target: Target) -> None:
    """Finish the sums at some places, [N, F]; behind the last one stand zeros."""
    rowptr, column, *_ = places
    row = np.repeat(np.arange(rowptr.size - 1), np.diff(rowptr))
    stored = np.zeros(places.blocks, sums.dtype)
    stored.flat[: places.stored] = sums[row, column]
    _finish(stored, target)


def _finish(sums: NDArray[Any], target: Target) -> None:
    if isinstance(target, CodeTarget):
        _store(_ended(sums, target).astype(np.int64) + target.zero, target)
        return
    if target.codes is not None:
        gain, offset = target.exact
        sums = _ended(sums, target.codes).astype(np.float64) * gain + offset
    np.multiply(sums.astype(np.float32), target.factor, out=target.real)


def _ended(sums: NDArray[Any], target: CodeTarget) -> NDArray[np.float32]:
    """Return the codes that sums end in, less the code of zero."""
    limits = target.limits
    low, high = limits[0, 1:] if limits.size else (-target.zero, target.high - target.zero)
    if target.near.size:
        gain, offset = target.near
        codes = np.rint(np.clip(sums.astype(np.float32) * gain + offset, low, high))
    else:
        scaled: Any = sums.astype(target.factor.dtype)
        codes = np.clip(np.rint(scaled * target.factor), low, high).astype(np.float32)
    links = list(target.columns)
    if len(limits) - 1 > len(links):  # one link goes by row; of no rows there may be none
        links.insert(0, target.rows.T[:, :, None])
    for (least, low, high), (gain, offset) in zip(limits[1:], links, strict=True):
        codes = np.rint(np.clip(np.maximum(codes, least) * gain + offset, low, high))
    ended: NDArray[np.float32] = codes
    return ended


def _store(codes: Integers, target: CodeTarget) -> None:
    count = target.words.shape[1]
    target.words[:] = 0
    for column in range(codes.shape[1]):
        shifted = codes[:, column] << (column // count * target.bits)
        target.words[:, column % count] |= shifted.astype(target.words.dtype)
