"""Codes as they are stored: unsigned, several in a word, beside the parameters they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from engine import affine
from engine.affine import Codes, QParams, Real
from engine.integer.kernels.operands import Packed, Places, Words
from engine.integer.kernels.table import NUMBA, Kernels
from engine.spec import QuantSpec


def word_type(spec: QuantSpec) -> np.dtype[Any]:
    """Return the type of the words that hold a spec's codes."""
    return np.dtype(np.uint16 if spec.storage_bits == 16 else np.uint8)


def word_count(width: int, spec: QuantSpec) -> int:
    """Return the words that a row of ``width`` codes takes."""
    return -(-width * spec.storage_bits // (8 * word_type(spec).itemsize))


def pack(codes: Codes, spec: QuantSpec) -> Words:
    """Return codes packed along the last axis.

    The first W codes lie in the lowest bits of the W words, the next W above them, and so on.

    Args:
        codes: Signed codes within the spec's, [..., F].
        spec: Gives the smallest code, which is stored as 0, the next one as 1, and the bits.

    Returns:
        uint8 (1, 2, 4 and 8 stored bits) or uint16 words, [..., W].
    """
    kind, words = word_type(spec), word_count(codes.shape[-1], spec)
    places = 8 * kind.itemsize // spec.storage_bits
    unsigned = np.zeros((*codes.shape[:-1], words * places), dtype=kind)
    unsigned[..., : codes.shape[-1]] = (codes - spec.qmin) // spec.stride
    shifts = (np.arange(places) * spec.storage_bits).astype(kind)[:, None]
    by_place = unsigned.reshape(*codes.shape[:-1], places, words) << shifts
    packed: Words = np.bitwise_or.reduce(by_place, axis=-2)
    return packed


def unpack(words: Words, width: int, spec: QuantSpec) -> Codes:
    """Return the signed codes, int32 [..., width], of packed words, [..., W]."""
    bits = spec.storage_bits
    shifts = np.arange(0, 8 * words.itemsize, bits)[:, None]
    by_place = (words[..., None, :].astype(np.int32) >> shifts) & ((1 << bits) - 1)
    unsigned = by_place.reshape(*words.shape[:-1], shifts.size * words.shape[-1])[..., :width]
    codes: Codes = (unsigned * spec.stride + spec.qmin).astype(np.int32)
    return codes


def zero_offset(params: QParams) -> int:
    """Return what is taken off a stored code, times the stride, the same in every channel.

    Without a stride it is the stored code of 0.0.
    """
    return int(params.zero.flat[0]) - params.spec.qmin


def stored_zero(params: QParams) -> int:
    """Return the stored code that 0.0 becomes; as a sign, it is the lower one."""
    return zero_offset(params) if params.has_zero else 0


@dataclass(frozen=True, slots=True, eq=False)
class IntArray:
    """A tensor held in packed codes.

    Args:
        params: The meaning of the codes.
        words: Codes packed along the last axis, [..., W].
        shape: The tensor's shape, [..., F].
    """

    params: QParams
    words: Words
    shape: tuple[int, ...]

    @classmethod
    def quantize(cls, x: Real, params: QParams) -> IntArray:
        """Return real numbers quantized."""
        return cls(params, pack(affine.quantize(x, params), params.spec), np.shape(x))

    def codes(self) -> Codes:
        """Return the signed codes, int32."""
        return unpack(self.words, self.shape[-1], self.params.spec)

    def real(self) -> NDArray[np.float32]:
        """Return the real numbers that the codes stand for."""
        return affine.dequantize(self.codes(), self.params)

    @property
    def nbytes(self) -> int:
        """Bytes of the packed codes."""
        return int(self.words.nbytes)

    @property
    def packed(self) -> Packed:
        """The codes as kernels see them: the rows of a matrix, or a vector as one row."""
        words: Any = np.atleast_2d(self.words)
        spec = self.params.spec
        zero = zero_offset(self.params)
        return Packed(words, spec.storage_bits, zero, self.shape[-1], spec.stride)


Rows = Sequence[NDArray[np.int64]]
"""The rows of each bucket of in-degrees, ascending; those below the first bucket come first."""


@dataclass(frozen=True, slots=True, eq=False)
class NestedArray:
    """A tensor whose rows are held in codes as wide as their bucket says, each bucket packed apart.

    Args:
        params: Of the grid, with its nested codes.
        rows: The rows of each block; of a tensor [E] its entries.
        blocks: Codes of the rows on the grid itself, then of each bucket, all from 0.
        shape: The tensor's shape, [N, F] or [E].
    """

    params: QParams
    rows: Rows
    blocks: tuple[Words, ...]
    shape: tuple[int, ...]

    @classmethod
    def narrow(cls, x: IntArray, rows: Rows, kernels: Kernels = NUMBA) -> NestedArray:
        """Return codes of a grid as the nearest of each row's own.

        Args:
            x: Codes of the grid, whose parameters have nested ones.
            rows: The rows of each bucket.
            kernels: What recodes rows; single entries are NumPy's to do.
        """
        params, bits = x.params, x.params.spec.storage_bits
        blocks = []
        for table, spec, of_bucket in zip(_narrowing(params), _specs(params), rows, strict=True):
            if len(x.shape) == 1:
                stored = table[_spread(x.words, x.shape[0], bits)[of_bucket]]
                blocks.append(_joined(stored.astype(word_type(spec)), spec.storage_bits))
                continue
            shape = of_bucket.size, word_count(x.shape[1], spec)
            block: Words = np.empty(shape, word_type(spec))
            whole = np.arange(of_bucket.size)
            to = block, spec.storage_bits, whole
            kernels.recode(x.words, bits, of_bucket, table, *to, x.shape[1])
            blocks.append(block)
        return cls(params, rows, tuple(blocks), x.shape)

    def widened(self, kernels: Kernels = NUMBA) -> IntArray:
        """Return the same numbers in codes of the grid.

        Args:
            kernels: What recodes rows; single entries are NumPy's to do.
        """
        params, spec = self.params, self.params.spec
        parts = zip(_widening(params), _specs(params), self.rows, self.blocks, strict=True)
        if len(self.shape) == 1:
            stored = np.empty(self.shape, word_type(spec))
            for table, own, rows, words in parts:
                stored[rows] = table[_spread(words, rows.size, own.storage_bits)]
            return IntArray(params, _joined(stored, spec.storage_bits), self.shape)
        width = self.shape[1]
        whole: Words = np.empty((self.shape[0], word_count(width, spec)), word_type(spec))
        for table, own, rows, words in parts:
            to = whole, spec.storage_bits, rows
            every = np.arange(rows.size)
            kernels.recode(words, own.storage_bits, every, table, *to, width)
        return IntArray(params, whole, self.shape)

    def codes(self) -> Codes:
        """Return the signed codes on the grid, int32."""
        return self.widened().codes()

    def real(self) -> NDArray[np.float32]:
        """Return the real numbers that the codes stand for."""
        return self.widened().real()

    @property
    def nbytes(self) -> int:
        """Bytes of the packed codes; who is in which bucket is the graph's to know."""
        return sum(block.nbytes for block in self.blocks)


def nested_bytes(shape: tuple[int, int], params: QParams, rows: Rows) -> int:
    """Return the bytes that a `NestedArray` of a shape, [N, F], takes."""
    return sum(
        of_bucket.size * word_count(shape[1], spec) * word_type(spec).itemsize
        for spec, of_bucket in zip(_specs(params), rows, strict=True)
    )


@cache
def _unsigned(bits: int) -> QuantSpec:
    """Return the spec of codes from 0."""
    return QuantSpec(bits=bits, signed=False)


def _specs(params: QParams) -> tuple[QuantSpec, ...]:
    """Return how the codes of each bucket are packed, those of the grid first."""
    return params.spec, *(_unsigned(nested.bits) for nested in params.nested)


@lru_cache(1024)
def _narrowing(params: QParams) -> tuple[NDArray[np.uint16], ...]:
    """Return each bucket's stored code for every stored code of the grid."""
    whole = np.arange(params.spec.last + 1)
    steps = whole - zero_offset(params)
    tables: list[NDArray[Any]] = [whole]
    tables += [nested.places(steps) + nested.below for nested in params.nested]
    return tuple(table.astype(np.uint16) for table in tables)


@lru_cache(1024)
def _widening(params: QParams) -> tuple[NDArray[np.uint16], ...]:
    """Return the stored code of the grid for every stored code of each bucket."""
    tables: list[NDArray[Any]] = [np.arange(params.spec.last + 1)]
    for nested in params.nested:
        codes = np.arange(1 << nested.bits) - nested.below
        tables.append(zero_offset(params) + nested.multiple * codes)
    return tuple(table.astype(np.uint16) for table in tables)


def _spread(words: Words, width: int, bits: int) -> Words:
    """Return packed codes one to a word, [..., width]."""
    if bits >= 8:
        return words
    count, mask = words.shape[-1], np.uint8((1 << bits) - 1)
    spread = np.empty((*words.shape[:-1], count * 8 // bits), np.uint8)
    for place in range(8 // bits):
        part = spread[..., place * count : (place + 1) * count]
        np.bitwise_and(words >> np.uint8(place * bits), mask, out=part)
    return spread[..., :width]


def _joined(codes: Words, bits: int) -> Words:
    """Return codes that lie one to a word packed along the last axis, as `pack` does."""
    if bits >= 8:
        return codes
    width = codes.shape[-1]
    words = np.zeros((*codes.shape[:-1], -(-width * bits // 8)), np.uint8)
    for place in range(8 // bits):
        part = codes[..., place * words.shape[-1] : (place + 1) * words.shape[-1]]
        words[..., : part.shape[-1]] |= part << np.uint8(place * bits)
    return words


@dataclass(frozen=True, slots=True, eq=False)
class SparseIntArray:
    """A sparse matrix whose stored entries are held in packed codes; all others are exactly 0.0.

    Args:
        values: Codes of the stored entries, ``places.blocks``; behind the last one, anything. In
            their rows' own codes, [stored].
        places: Where they are.
    """

    values: IntArray | NestedArray
    places: Places

    @property
    def shape(self) -> tuple[int, int]:
        """N and F."""
        return self.places.rowptr.size - 1, self.places.width

    @property
    def params(self) -> QParams:
        """The meaning of the codes."""
        return self.values.params

    def codes(self) -> Codes:
        """Return the signed codes of the stored entries, int32 [stored]."""
        return self.values.codes().reshape(-1)[: self.places.stored]

    def real(self) -> csr_array:
        """Return the sparse matrix that the codes stand for."""
        rowptr, column, _ = self.places
        real = affine.dequantize(self.codes(), self.params)
        return csr_array((real, column, rowptr), shape=self.shape)

    def dense(self) -> IntArray:
        """Return the same matrix with every entry stored."""
        codes = np.full(self.shape, self.params.zero, np.int32)
        rowptr, column, _ = self.places
        row = np.repeat(np.arange(self.shape[0]), np.diff(rowptr))
        codes[row, column] = self.codes()
        return IntArray(self.params, pack(codes, self.params.spec), self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of the packed codes and of the places they are at."""
        return int(self.values.nbytes + self.places.nbytes)
