"""The slow twin of every kernel: the same operands, whole arrays, int64, nothing clever."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.integer.kernels.operands import (
    Accumulator,
    CodeTarget,
    Packed,
    RealTarget,
    Target,
    Term,
)

Integers = NDArray[np.int64]


def quantize(x: NDArray[np.float32], target: CodeTarget) -> None:
    """Twin of `kernels.quantize`."""
    codes = np.rint(x / target.factor) + target.zero
    _store(np.clip(codes, 0, target.high).astype(np.int64), target)


def product(x: Packed, weight: Packed, target: Target, accumulator: Accumulator) -> None:
    """Twin of `kernels.product`."""
    _finish(_codes(x) @ _codes(weight), target)


def sparse_product(
    rowptr: NDArray[np.int64],
    column: NDArray[np.int32],
    values: Packed,
    weight: Packed,
    target: Target,
    accumulator: Accumulator,
) -> None:
    """Twin of `kernels.sparse_product`."""
    dense = np.zeros((rowptr.size - 1, weight.words.shape[0]), np.int64)
    row = np.repeat(np.arange(rowptr.size - 1), np.diff(rowptr))
    np.add.at(dense, (row, column), _codes(values)[0])
    _finish(dense @ _codes(weight), target)


def scale(x: Packed, norm: Packed, target: Target, accumulator: Accumulator) -> None:
    """Twin of `kernels.scale`."""
    _finish(_codes(x) * _codes(norm).T, target)


def aggregate(
    rowptr: NDArray[np.int64],
    source: NDArray[np.int32],
    blocks: NDArray[np.int64],
    message: Packed,
    weight: Packed | None,
    norm: Packed | None,
    target: Target,
    accumulator: Accumulator,
) -> None:
    """Twin of `kernels.aggregate`."""
    edges = _codes(message)[source]
    sums = _sum(rowptr, edges if weight is None else edges * _codes(weight).T)
    _finish(sums if norm is None else sums * _codes(norm).T, target)


def total(
    rowptr: NDArray[np.int64],
    source: NDArray[np.int32],
    blocks: NDArray[np.int64],
    message: Packed,
    each: int,
    own: int,
    target: Target,
    accumulator: Accumulator,
) -> None:
    """Twin of `kernels.total`."""
    sums = each * _sum(rowptr, _codes(message)[source])
    _finish(sums + own * _codes(message) if own else sums, target)


def mean(
    rowptr: NDArray[np.int64],
    source: NDArray[np.int32],
    blocks: NDArray[np.int64],
    message: Packed,
    target: Target,
    accumulator: Accumulator,
) -> None:
    """Twin of `kernels.mean`."""
    count = np.maximum(np.diff(rowptr), 1)[:, None]
    _finish(_sum(rowptr, _codes(message)[source]) / count, target)


def maximum(
    rowptr: NDArray[np.int64],
    source: NDArray[np.int32],
    blocks: NDArray[np.int64],
    message: Packed,
    target: Target,
    accumulator: Accumulator,
) -> None:
    """Twin of `kernels.maximum`."""
    edges = _codes(message)[source]
    largest = np.zeros((rowptr.size - 1, message.width), np.int64)
    for row in np.flatnonzero(np.diff(rowptr)):
        largest[row] = edges[rowptr[row] : rowptr[row + 1]].max(axis=0)
    _finish(largest, target)


def attend(
    rowptr: NDArray[np.int64],
    source: NDArray[np.int32],
    blocks: NDArray[np.int64],
    message: Packed,
    coefficient: Packed,
    width: int,
    target: Target,
    accumulator: Accumulator,
) -> None:
    """Twin of `kernels.attend`."""
    heads = coefficient.width
    by_head = _codes(message).reshape(-1, heads, message.width // heads)
    edges = by_head[source] * _codes(coefficient)[:, :, None]
    edges = edges.reshape(-1, message.width) if width == message.width else edges.sum(axis=1)
    _finish(_sum(rowptr, edges), target)


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


def _sum(rowptr: NDArray[np.int64], edges: Integers) -> Integers:
    """Return the sums over each row's edges, [N, F']."""
    sums = np.zeros((rowptr.size - 1, edges.shape[1]), np.int64)
    np.add.at(sums, np.repeat(np.arange(rowptr.size - 1), np.diff(rowptr)), edges)
    return sums


def _codes(packed: Packed) -> Integers:
    """Return the codes less the code of zero, [N, F]."""
    words, bits, zero, width = packed
    places = [
        (words.astype(np.int64) >> p) & (2**bits - 1) for p in range(0, 8 * words.itemsize, bits)
    ]
    return np.concatenate(places, axis=1)[:, :width] - zero


def _finish(sums: NDArray[Any], target: Target) -> None:
    if isinstance(target, RealTarget):
        np.multiply(sums.astype(np.float32), target.factor, out=target.real)
        return
    scaled: Any = sums.astype(target.factor.dtype)
    codes = np.rint(scaled * target.factor).astype(np.float64)
    _store(np.clip(codes + target.zero, 0, target.high).astype(np.int64), target)


def _store(codes: Integers, target: CodeTarget) -> None:
    count = target.words.shape[1]
    target.words[:] = 0
    for column in range(codes.shape[1]):
        shifted = codes[:, column] << (column // count * target.bits)
        target.words[:, column % count] |= shifted.astype(target.words.dtype)
