"""Whose rows a stage gathers, and into which."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from engine.integer.kernels.operands import Incoming
from engine.integer.kernels.shares import share_out

Arrangement = Literal["gcn", "gat", "gin", "sage", "pool", "appnp", "elastic", "smp"]
"""Edges as an operator takes them, or each graph with its nodes."""


@dataclass(frozen=True, eq=False)
class Edges:
    """Edges in rows by target; a target is a node or, of a pool, a graph.

    Args:
        rowptr: Where each target's edges start, int64 [rows + 1].
        source: The node at the other end of each edge, int32 [E'].
    """

    rowptr: NDArray[np.int64]
    source: NDArray[np.int32]

    @property
    def rows(self) -> int:
        """Number of targets."""
        return self.rowptr.size - 1

    @property
    def count(self) -> int:
        """Number of edges E'."""
        return self.source.size

    @cached_property
    def degree(self) -> NDArray[np.int64]:
        """Edges of each target, [rows]."""
        return np.diff(self.rowptr)

    @cached_property
    def blocks(self) -> NDArray[np.int64]:
        """Ends of blocks of targets with about as many edges each, from 0 to the last."""
        work = self.rowptr + np.arange(self.rowptr.size)
        inner = np.searchsorted(work, np.linspace(0, work[-1], 65)[1:-1])
        return np.concatenate(([0], inner, [self.rows])).astype(np.int64)

    @cached_property
    def looped(self) -> NDArray[np.int64]:
        """Edges of each target from itself, [rows]."""
        return np.bincount(self.source[self._loops], minlength=self.rows)

    @cached_property
    def between(self) -> Edges:
        """The edges without those of targets from themselves."""
        rowptr = np.concatenate(([0], np.cumsum(self.degree - self.looped)))
        return Edges(rowptr, self.source[~self._loops])

    @property
    def _loops(self) -> NDArray[np.bool_]:
        target = np.repeat(np.arange(self.rows, dtype=np.int32), self.degree)
        loops: NDArray[np.bool_] = self.source == target
        return loops

    @cached_property
    def incoming(self) -> Incoming:
        """What every kernel that gathers takes first."""
        return share_out(self.rowptr, self.source)

    def matrix(self, weight: Any, nodes: int) -> csr_array:
        """Return the edges as a sparse matrix over nodes.

        Args:
            weight: Its entries, float32 [E'], or one for all.
            nodes: Its columns.
        """
        entries = np.broadcast_to(np.asarray(weight, np.float32), self.source.shape)
        return csr_array((entries, self.source, self.rowptr), shape=(self.rows, nodes))
