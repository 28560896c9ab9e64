"""Tensors whose rows have codes of their own: as wide as the in-degree of each row's node asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.affine import Codes, QParams
from engine.integer.kernels.operands import Words
from engine.integer.kernels.table import NUMBA, Kernels
from engine.integer.packing import IntArray, pack, unpack, word_count, word_type, zero_offset
from engine.spec import QuantSpec

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
        params = x.params
        parts = list(zip(_narrowing(params), _specs(params), rows, strict=True))
        if len(x.shape) == 1:
            stored = x.codes() - params.spec.qmin
            recoded = [(table[stored[bucket]], spec) for table, spec, bucket in parts]
            entries = tuple(pack(codes.astype(np.int32), spec) for codes, spec in recoded)
            return cls(params, rows, entries, x.shape)
        blocks = []
        for table, spec, bucket in parts:
            block: Words = np.empty((bucket.size, word_count(x.shape[1], spec)), word_type(spec))
            to = block, spec.storage_bits, np.arange(bucket.size)
            kernels.recode(x.words, params.spec.storage_bits, bucket, table, *to, x.shape[1])
            blocks.append(block)
        return cls(params, rows, tuple(blocks), x.shape)

    def widened(self, kernels: Kernels = NUMBA) -> IntArray:
        """Return the same numbers in codes of the grid.

        Args:
            kernels: What recodes rows; single entries are NumPy's to do.
        """
        params, specs = self.params, _specs(self.params)
        spec = specs[0]
        parts = zip(_widening(params), specs, self.rows, self.blocks, strict=True)
        if len(self.shape) == 1:
            stored = np.empty(self.shape, np.int32)
            for table, own, rows, words in parts:
                stored[rows] = table[unpack(words, rows.size, own)]
            return IntArray(params, pack(stored, spec), self.shape)
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
    """Return what the stored codes of each bucket are, those of the grid first."""
    return tuple(_unsigned(bits) for bits in (params.spec.bits, *(n.bits for n in params.nested)))


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
