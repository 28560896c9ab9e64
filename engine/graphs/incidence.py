"""A graph's undirected edges, each once, and which nodes each of them joins."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from engine.graphs.graph import Graph


@dataclass(frozen=True, eq=False)
class Incidence:
    """Pairs of different nodes that an edge joins, directions and repeated edges forgotten.

    They are held in order of their first node, which is the smaller one, and then of their second.
    A pair's difference is its first node's value less its second's.

    Args:
        first: int32 [P].
        second: int32 [P].
        nodes: Number of nodes N.
    """

    first: NDArray[np.int32]
    second: NDArray[np.int32]
    nodes: int

    @property
    def pairs(self) -> int:
        """Number of pairs P."""
        return self.first.size

    @cached_property
    def firsts(self) -> NDArray[np.int64]:
        """Where the pairs of each first node start, [N + 1]."""
        return _starts(self.first, self.nodes)

    @cached_property
    def seconds(self) -> NDArray[np.int64]:
        """Where the pairs of each second node start in `by_second`, [N + 1]."""
        return _starts(self.second, self.nodes)

    @cached_property
    def by_second(self) -> NDArray[np.int32]:
        """The pairs in order of their second node, [P]."""
        return np.argsort(self.second, kind="stable").astype(np.int32)


def incidence(graph: Graph) -> Incidence:
    """Return a graph's undirected edges between different nodes, weights left out."""
    nodes = graph.nodes
    source, target = graph.edge_index
    between = source != target
    low = np.minimum(source, target)[between].astype(np.int64)
    high = np.maximum(source, target)[between].astype(np.int64)
    joined = np.unique(low * nodes + high)
    first, second = np.divmod(joined, max(nodes, 1))
    return Incidence(first.astype(np.int32), second.astype(np.int32), nodes)


def _starts(keys: NDArray[np.int32], nodes: int) -> NDArray[np.int64]:
    counts = np.bincount(keys, minlength=nodes)
    return np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
