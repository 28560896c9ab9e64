"""Node features as the torch wing sees them: dense, or sparse rows quantized by value alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse
import torch
from torch import Tensor

from engine.learning.adjacency import sparse_rows
from engine.learning.kernels.sums import dots, turned


@dataclass(frozen=True, slots=True, eq=False)
class SparseRows:
    """Features of which most are zero, at places that never change, [N, F].

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

    def detach(self) -> SparseRows:
        """Return the features without what leads to them."""
        return self.map(Tensor.detach)

    def __matmul__(self, weight: Tensor) -> Tensor:
        """Return features times weight [F, F'], differentiable in values and weight; [N, F']."""
        found: Tensor = _Product.apply(self.values, weight, self)  # type: ignore[no-untyped-call]
        return found


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, weight: Tensor, x: SparseRows) -> Tensor:
        ctx.save_for_backward(values, weight)
        ctx.x = x.detach()
        return sparse_rows(x.rowptr, x.columns, values, x.shape) @ weight

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        values, weight = ctx.saved_tensors
        x, upstream = ctx.x, grads[0].contiguous()
        of_values = of_weight = None
        if ctx.needs_input_grad[0]:
            of_values = _dots(upstream, weight, x)
        if ctx.needs_input_grad[1]:
            of_weight = _turned(values, upstream, x)
        return of_values, of_weight, None


def _dots(rows: Tensor, columns: Tensor, x: SparseRows) -> Tensor:
    """Return ``(rows columns^T)_ij`` at the places of some features alone, [nnz]."""
    if not rows.is_cpu:
        return (rows[x.row] * columns[x.columns]).sum(1)
    found = torch.empty_like(x.values)
    held = rows, columns.detach().contiguous(), x.rowptr, x.columns, found
    dots(*(part.numpy() for part in held))
    return found


def _turned(values: Tensor, rows: Tensor, x: SparseRows) -> Tensor:
    """Return the transpose of features with some values, times rows; [F, F']."""
    if not rows.is_cpu:
        of_columns, placed = x.row[x.transpose], values[x.transpose]
        return sparse_rows(x.columnptr, of_columns, placed, x.shape[::-1]) @ rows
    product = rows.new_empty(x.shape[1], rows.shape[1])
    held = values.detach(), x.rowptr, x.columns, rows, product
    turned(*(part.numpy() for part in held))
    return product


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
