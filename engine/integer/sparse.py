"""Sparse matrices held in codes: only what is stored has one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from engine import affine
from engine.affine import Codes, QParams
from engine.integer.kernels.operands import Packed, Places
from engine.integer.nested import NestedArray
from engine.integer.packing import IntArray, pack


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

    @property
    def packed(self) -> Packed:
        """The stored codes as kernels see them; their rows must share the grid."""
        assert isinstance(self.values, IntArray)
        return self.values.packed

    def codes(self) -> Codes:
        """Return the signed codes of the stored entries, int32 [stored]."""
        return self.values.codes().reshape(-1)[: self.places.stored]

    def real(self) -> csr_array:
        """Return the sparse matrix that the codes stand for."""
        rowptr, column, *_ = self.places
        real = affine.dequantize(self.codes(), self.params)
        return csr_array((real, column, rowptr), shape=self.shape)

    def dense(self) -> IntArray:
        """Return the same matrix with every entry stored."""
        codes = np.full(self.shape, self.params.zero, np.int32)
        rowptr, column, *_ = self.places
        row = np.repeat(np.arange(self.shape[0]), np.diff(rowptr))
        codes[row, column] = self.codes()
        return IntArray(self.params, pack(codes, self.params.spec), self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of the packed codes and of the places they are at."""
        return int(self.values.nbytes + self.places.nbytes)


def alike(x: csr_array) -> bool:
    """Return whether all that a row stores is the same number, in every row."""
    first = np.repeat(x.indptr[:-1], np.diff(x.indptr))
    return bool((x.data == x.data[first]).all())
