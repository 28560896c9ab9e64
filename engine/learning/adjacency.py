"""The graph as the torch wing sees it: incoming edges as a sparse matrix, and its transpose."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.graphs import Neighbours


def sparse_rows(rowptr: Tensor, columns: Tensor, values: Tensor, size: tuple[int, int]) -> Tensor:
    """Return a torch CSR matrix, without torch's notice that CSR is young."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta state")
        return torch.sparse_csr_tensor(rowptr, columns, values, size=size, check_invariants=False)


@dataclass(frozen=True, slots=True, eq=False)
class Adjacency:
    """Sums over incoming edges, differentiable in what is summed.

    Args:
        incoming: CSR [N, N], row i holding the sources of node i's edges (one self-loop each).
        outgoing: Its transpose.
        coefficient: Node coefficients d^-1/2, [N].
        weights: Edge weights in the order of ``incoming``, [E'], or None where all are 1.
        transpose: Positions in ``incoming`` of the entries of ``outgoing``, [E'].
    """

    incoming: Tensor
    outgoing: Tensor
    coefficient: Tensor
    weights: Tensor | None
    transpose: Tensor

    @classmethod
    def of(cls, neighbours: Neighbours, device: torch.device | str = "cpu") -> Adjacency:
        """Return a graph's incoming edges on a device."""
        transposed = neighbours.transposed()
        weight = neighbours.weight
        return cls(
            _matrix(neighbours).to(device),
            _matrix(transposed).to(device),
            torch.from_numpy(neighbours.coefficient).to(device),
            None if weight is None else torch.from_numpy(weight).to(device),
            torch.from_numpy(np.asarray(transposed.order, dtype=np.int64)).to(device),
        )

    def double(self) -> Adjacency:
        """Return the same edges in float64."""
        return replace(
            self,
            incoming=self.incoming.double(),
            outgoing=self.outgoing.double(),
            coefficient=self.coefficient.double(),
            weights=None if self.weights is None else self.weights.double(),
        )

    def sum(self, messages: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return ``out_i = sum_{j in N(i)} w_ij messages_j``.

        Args:
            messages: What each node sends, [N, F].
            weights: Other edge weights than the graph's own, [E']; no gradient flows to them.

        Returns:
            Sums, [N, F].
        """
        incoming, outgoing = self.incoming, self.outgoing
        if weights is not None:
            incoming = _with_values(incoming, weights)
            outgoing = _with_values(outgoing, weights[self.transpose])
        return product(incoming, outgoing, messages)


def product(matrix: Tensor, transposed: Tensor, dense: Tensor) -> Tensor:
    """Return ``matrix @ dense`` for a constant sparse matrix [N, M] and dense [M, F]; [N, F].

    Gradient:
        To ``dense`` only: ``transposed @ grad``.
    """
    result: Tensor = _Product.apply(matrix, transposed, dense)  # type: ignore[no-untyped-call]
    return result


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, matrix: Tensor, transposed: Tensor, dense: Tensor) -> Tensor:
        ctx.transposed = transposed
        return matrix @ dense

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[None, None, Tensor]:
        return None, None, ctx.transposed @ grads[0].contiguous()


def _with_values(matrix: Tensor, values: Tensor) -> Tensor:
    rows, columns = matrix.shape
    return sparse_rows(matrix.crow_indices(), matrix.col_indices(), values, (rows, columns))


def _matrix(neighbours: Neighbours) -> Tensor:
    weight = neighbours.weight
    values = torch.ones(neighbours.edges) if weight is None else torch.from_numpy(weight)
    source = torch.from_numpy(neighbours.source.astype(np.int64))
    size = (neighbours.nodes, neighbours.nodes)
    return sparse_rows(torch.from_numpy(neighbours.rowptr), source, values, size)
