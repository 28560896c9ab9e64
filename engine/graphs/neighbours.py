"""Whom a node aggregates from: incoming edges in compressed rows, one self-loop a node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from engine.graphs.graph import Graph


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """The rows of a sparse matrix of edges, with the nodes' coefficients of the GCN.

    Row i holds edges ``rowptr[i]`` to ``rowptr[i + 1]``, by ascending source.

    Args:
        rowptr: Where each row starts, int64 [N + 1].
        source: The node at the other end of each edge, int32 [E'].
        weight: Weight of each edge, float32 [E'], or None where all are 1.
        coefficient: d^-1/2 of each node, d its weighted in-degree with the self-loop, 0 where d
            is 0, float32 [N].
        order: Where each edge stood in the list that was sorted into rows, an integer [E']; so
            ``values[order]`` brings what belongs to that list's edges into the rows' order.
    """

    rowptr: NDArray[np.int64]
    source: NDArray[np.int32]
    weight: NDArray[np.float32] | None
    coefficient: NDArray[np.float32]
    order: NDArray[np.signedinteger[Any]] | None = None

    @property
    def nodes(self) -> int:
        """Number of nodes N."""
        return len(self.rowptr) - 1

    @property
    def edges(self) -> int:
        """Number of edges E', self-loops included."""
        return len(self.source)

    def targets(self) -> NDArray[np.int32]:
        """Return the row of each edge, int32 [E']."""
        return np.repeat(np.arange(self.nodes, dtype=np.int32), np.diff(self.rowptr))

    def transposed(self) -> Neighbours:
        """Return the same edges in rows by source: the sums that a backward pass needs.

        In the result ``source`` is the target of each edge, ``coefficient`` is kept, and ``order``
        is the place of each edge in these rows.
        """
        order, rowptr = _counting_sort(self.source, self.nodes)
        weight = None if self.weight is None else self.weight[order]
        return Neighbours(rowptr, self.targets()[order], weight, self.coefficient, order)


def gcn_neighbours(graph: Graph) -> Neighbours:
    """Return the neighbourhoods that a GCN sums over, in O(N + E).

    ``out_i = coefficient_i sum_{j in N(i)} weight_ij coefficient_j h_j``, N(i) with i itself.

    A node without a self-loop gets one of weight 1; one that has a self-loop keeps its weight, of
    several the last. Repeated edges each count. The list that ``order`` refers to is that of the
    edges between different nodes, as given, and then one self-loop for each node.

    Args:
        graph: The graph.

    Source:
        Kipf & Welling, Semi-Supervised Classification with Graph Convolutional Networks, ICLR 2017;
        the treatment of self-loops is PyTorch Geometric's.
    """
    nodes = graph.nodes
    source, target = graph.edge_index.astype(np.int32)
    looped = source == target
    given, between = graph.edge_weight, ~looped
    own = np.arange(nodes, dtype=np.int32)
    listed_weight = None
    if given is not None:
        own_weight = np.ones(nodes, dtype=np.float32)
        own_weight[source[looped]] = given[looped]
        listed_weight = np.concatenate([given[between], own_weight])
    source = np.concatenate([source[between], own])
    target = np.concatenate([target[between], own])

    by_source, _ = _counting_sort(source, nodes)
    by_target, rowptr = _counting_sort(target[by_source], nodes)
    order = by_source[by_target]

    degree = np.bincount(target, weights=listed_weight, minlength=nodes).astype(np.float64)
    coefficient = np.zeros(nodes, dtype=np.float32)
    np.divide(1, np.sqrt(degree), out=coefficient, where=degree > 0, casting="same_kind")
    weight = None if listed_weight is None else listed_weight[order]
    return Neighbours(rowptr, source[order], weight, coefficient, order)


def _counting_sort(
    keys: NDArray[np.int32], bound: int
) -> tuple[NDArray[np.signedinteger[Any]], NDArray[np.int64]]:
    """Return the stable order of keys in [0, bound), and where each key starts in it.

    SciPy transposes sparse matrices by counting, in linear time; as a matrix with a 1 in column
    ``keys[i]`` of each row i the keys are so sorted several times faster than by comparison.
    """
    ones = np.ones(len(keys), dtype=np.int8)
    columns = csr_array((ones, keys, np.arange(len(keys) + 1)), shape=(len(keys), bound)).tocsc()
    return columns.indices, columns.indptr.astype(np.int64)
