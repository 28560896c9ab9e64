"""Node features as the torch wing sees them: dense, or sparse rows quantized by value alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse
import torch
from torch import Tensor

from engine.learning.adjacency import product, sparse_rows


@dataclass(frozen=True, slots=True, eq=False)
class SparseRows:
    """Constant features of which most are zero, [N, F].

    Zero has an exact code in every range, so only the values need quantizing, and dropping a zero
    changes nothing.

    Args:
        values: The non-zero entries, row by row, [nnz].
        row: Row of each value, [nnz].
        rowptr: Start of each row, [N + 1].
        columns: Column of each value, [nnz].
        transpose: Positions of the values in column-by-column order, [nnz].
        columnptr: Start of each column in that order, [F + 1].
    """

    values: Tensor
    row: Tensor
    rowptr: Tensor
    columns: Tensor
    transpose: Tensor
    columnptr: Tensor

    @property
    def shape(self) -> tuple[int, int]:
        """N and F."""
        return len(self.rowptr) - 1, len(self.columnptr) - 1

    def numel(self) -> int:
        """Return the number of entries that are stored."""
        return len(self.values)

    def map(self, change: Callable[[Tensor], Tensor]) -> SparseRows:
        """Return the features with ``change(values)`` for values."""
        return replace(self, values=change(self.values))

    def dense(self) -> Tensor:
        """Return all entries, differentiable in the values; [N, F]."""
        return self.values.new_zeros(self.shape).index_put((self.row, self.columns), self.values)

    def __matmul__(self, weight: Tensor) -> Tensor:
        """Return features times weight [F, F'], differentiable in the weight; [N, F']."""
        nodes, width = self.shape
        rows = sparse_rows(self.rowptr, self.columns, self.values, (nodes, width))
        columns = sparse_rows(
            self.columnptr, self.row[self.transpose], self.values[self.transpose], (width, nodes)
        )
        return product(rows, columns, weight)


Features = Tensor | SparseRows


def dense(x: Features) -> Tensor:
    """Return features with all their entries, [N, F]."""
    return x if isinstance(x, Tensor) else x.dense()


def features(x: Any, device: torch.device | str = "cpu") -> Features:
    """Return a graph's features on a device: sparse rows where the graph keeps them sparse.

    Args:
        x: Dense float32 array or SciPy CSR, [N, F].
        device: Where to.
    """
    if not scipy.sparse.issparse(x):
        return torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32)).to(device)
    rows = scipy.sparse.csr_array(x)
    columns = torch.from_numpy(rows.indices.astype(np.int64))
    rowptr = torch.from_numpy(rows.indptr.astype(np.int64))
    columnptr = torch.zeros(rows.shape[1] + 1, dtype=torch.int64)
    columnptr[1:] = torch.bincount(columns, minlength=rows.shape[1]).cumsum(0)
    parts = (
        torch.from_numpy(rows.data.astype(np.float32)),
        torch.repeat_interleave(torch.arange(rows.shape[0]), rowptr.diff()),
        rowptr,
        columns,
        torch.argsort(columns, stable=True),
        columnptr,
    )
    return SparseRows(*(part.to(device) for part in parts))
