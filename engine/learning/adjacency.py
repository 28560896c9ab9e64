"""A graph's edges as the torch wing sees them: what is summed, averaged or compared along them."""

from __future__ import annotations

import warnings
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.graphs import Neighbourhoods, Neighbours
from engine.learning import edges
from engine.spec import LayerOperator


def sparse_rows(rowptr: Tensor, columns: Tensor, values: Tensor, size: tuple[int, int]) -> Tensor:
    """Return a torch CSR matrix, without torch's notice that CSR is young."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta state")
        return torch.sparse_csr_tensor(rowptr, columns, values, size=size, check_invariants=False)


class Adjacency:
    """Edges in R rows that gather what N nodes send, differentiable in what is sent.

    Args:
        rows: The edges by the row they lead to.
        columns: The same edges by the node they come from.
        device: Where to.
        dtype: Of all real numbers, here and in what is gathered.

    Attributes:
        rowptr: Where each row starts, [R + 1].
        source: Node that each edge comes from, [E'].
        weights: Weight of each edge, [E'], or None where all are 1.
        coefficient: The GCN's node coefficients d^-1/2, [N].
    """

    def __init__(
        self,
        rows: Neighbours,
        columns: Neighbours,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        def indices(array: Any) -> Tensor:
            return torch.from_numpy(np.asarray(array, dtype=np.int64)).to(device)

        def real(array: Any) -> Tensor:
            return torch.from_numpy(array).to(device, dtype)

        self.rowptr, self.source = indices(rows.rowptr), indices(rows.source)
        self._columnptr, self._target = indices(columns.rowptr), indices(columns.source)
        self._transpose = indices(columns.order)
        self.weights = None if rows.weight is None else real(rows.weight)
        self._coefficient = None if rows.coefficient is None else real(rows.coefficient)
        self._dtype = dtype

    @property
    def coefficient(self) -> Tensor:
        """Return the GCN's node coefficients d^-1/2, [N]."""
        assert self._coefficient is not None  # only the GCN's arrangement is asked, and has some
        return self._coefficient

    def sum(self, messages: Tensor, weights: Tensor | None = None, own: float = 0.0) -> Tensor:
        """Return ``out_i = sum_{j in N(i)} w_ij messages_j + own messages_i``.

        Args:
            messages: What each node sends, [N, F].
            weights: Other edge weights than the graph's own, [E']; no gradient flows to them.
            own: Weight of a node's own message, 0 unless the rows are the nodes.

        Returns:
            Sums, [R, F].
        """
        weights = self.weights if weights is None else weights
        backward = None if weights is None else weights[self._transpose]
        rows = self.rowptr, self.source, weights
        columns = self._columnptr, self._target, backward
        return edges.sums(messages, rows, columns, own)

    def mean(self, messages: Tensor) -> Tensor:
        """Return the mean of each row's messages, [R, F]; 0 in a row without edges."""
        return self.sum(messages) / self.count

    def max(self, messages: Tensor) -> Tensor:
        """Return the highest of each row's messages, [R, F]; 0 in a row without edges."""
        return edges.maximum(messages, self.rowptr, self.source)

    def softmax(self, logits: Tensor, slope: float) -> Tensor:
        """Return each edge's share of its row, [E', heads], for logits [N, 2 heads]."""
        return edges.softmax(logits, self.rowptr, self.source, slope)

    def weighted_sum(self, coefficients: Tensor, messages: Tensor) -> Tensor:
        """Return the sums [R, heads C] of messages by coefficients [E', heads]."""
        return edges.weighted_sum(coefficients, messages, self.rowptr, self.source)

    @cached_property
    def count(self) -> Tensor:
        """Edges of each row, at least 1, [R, 1]."""
        return self.rowptr.diff().clamp_(min=1).to(self._dtype).unsqueeze(1)

    @cached_property
    def root(self) -> Tensor:
        """The root of each row's number of edges, [R, 1]."""
        return self.count.sqrt()


class Adjacencies:
    """A graph's edges in the arrangement of each operator, each made when a layer first asks.

    Args:
        neighbourhoods: The arrangements.
        device: Where to.
        dtype: Of all real numbers.
    """

    def __init__(
        self,
        neighbourhoods: Neighbourhoods,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.neighbourhoods = neighbourhoods
        self._device, self._dtype = device, dtype
        self._made: dict[Neighbours, Adjacency] = {}

    def of(self, operator: LayerOperator) -> Adjacency:
        """Return what an operator gathers over.

        Raises:
            SpecError: If it gathers over no edges, or takes no weights and the graph has some.
        """
        neighbours = self.neighbourhoods.of(operator)
        if neighbours not in self._made:
            columns = neighbours.transposed()
            self._made[neighbours] = Adjacency(neighbours, columns, self._device, self._dtype)
        return self._made[neighbours]

    @cached_property
    def in_degree(self) -> Tensor:
        """In-degrees of the nodes before self-loops are added, int64 [N]."""
        return torch.from_numpy(self.neighbourhoods.in_degree).to(self._device)

    @cached_property
    def ends(self) -> tuple[Tensor, Tensor]:
        """The nodes that each undirected edge joins, [P] each."""
        incidence = self.neighbourhoods.incidence
        first, second = (
            torch.from_numpy(end.astype(np.int64)).to(self._device)
            for end in (incidence.first, incidence.second)
        )
        return first, second

    @cached_property
    def differences(self) -> tuple[Tensor, Tensor]:
        """The sparse matrix [P, N] of each undirected edge's difference, and its transpose."""
        incidence = self.neighbourhoods.incidence
        pairs, nodes = incidence.pairs, incidence.nodes
        ends = np.stack((incidence.first, incidence.second), axis=1).ravel()
        signs = np.tile(np.array([1, -1]), pairs)
        order = np.argsort(ends, kind="stable")
        starts = np.concatenate(([0], np.cumsum(np.bincount(ends, minlength=nodes))))

        def matrix(rowptr: Any, columns: Any, values: Any, size: tuple[int, int]) -> Tensor:
            rows, places = (
                torch.from_numpy(part.astype(np.int64)).to(self._device)
                for part in (rowptr, columns)
            )
            entries = torch.from_numpy(values).to(self._device, self._dtype)
            return sparse_rows(rows, places, entries, size)

        return (
            matrix(2 * np.arange(pairs + 1), ends, signs, (pairs, nodes)),
            matrix(starts, order // 2, signs[order], (nodes, pairs)),
        )

    @cached_property
    def pools(self) -> Adjacency:
        """The nodes of each graph as the edges of its row, [G, N]."""
        nodes = np.arange(self.neighbourhoods.nodes + 1)
        pools = Neighbours(self.neighbourhoods.pools, nodes[:-1].astype(np.int32), None, None)
        columns = Neighbours(nodes, pools.targets(), None, None, nodes[:-1])
        return Adjacency(pools, columns, self._device, self._dtype)

    @cached_property
    def graphs(self) -> Tensor:
        """The graph of each node, [N]."""
        sizes = np.diff(self.neighbourhoods.pools)
        return torch.from_numpy(np.repeat(np.arange(sizes.size), sizes)).to(self._device)

    def double(self) -> Adjacencies:
        """Return the same edges in float64."""
        return Adjacencies(self.neighbourhoods, self._device, torch.float64)


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
