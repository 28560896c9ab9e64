"""Sums over neighbours as sparse matrices, all that is constant folded into their entries."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.learning.adjacency import Adjacency, sparse_rows


def normalised(edges: Adjacency) -> Tensor:
    """Return the GCN's edges with both of its factors, and the edges' own weights."""
    values = edges.coefficient[_targets(edges)] * edges.coefficient[edges.source]
    return _matrix(edges, values if edges.weights is None else values * edges.weights)


def averaged(edges: Adjacency) -> Tensor:
    """Return the edges with a row's sum of 1."""
    return _matrix(edges, 1 / edges.rowptr.diff()[_targets(edges)].float())


def with_own(edges: Adjacency, weight: float) -> Tensor:
    """Return the edges with ``weight`` added on the diagonal."""
    nodes = torch.arange(len(edges.rowptr) - 1)
    places = torch.stack((torch.cat((_targets(edges), nodes)), torch.cat((edges.source, nodes))))
    values = torch.cat((torch.ones(len(edges.source)), torch.full((len(nodes),), weight)))
    size = (len(nodes), len(nodes))
    rows = torch.sparse_coo_tensor(places, values, size, check_invariants=False).coalesce()
    rowptr = torch.zeros(len(nodes) + 1, dtype=torch.int64)
    rowptr[1:] = torch.bincount(rows.indices()[0], minlength=len(nodes)).cumsum(0)
    return compact_rows(rowptr, rows.indices()[1], rows.values(), size)


def compact_rows(rowptr: Tensor, columns: Tensor, values: Tensor, size: tuple[int, int]) -> Tensor:
    """Return a sparse matrix with indices of 32 bits, which MKL would else make at each product."""
    if len(columns) < 2**31:
        rowptr, columns = rowptr.int(), columns.int()
    return sparse_rows(rowptr, columns, values, size)


def _matrix(edges: Adjacency, values: Tensor) -> Tensor:
    nodes = len(edges.rowptr) - 1
    return compact_rows(edges.rowptr, edges.source, values, (nodes, nodes))


def _targets(edges: Adjacency) -> Tensor:
    return torch.arange(len(edges.rowptr) - 1).repeat_interleave(edges.rowptr.diff())
