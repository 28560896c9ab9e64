"""Whom a node aggregates from: incoming edges in compressed rows, as each operator wants them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from engine.graphs.graph import Graph
from engine.graphs.incidence import Incidence, incidence
from engine.spec import LayerOperator, SpecError
from engine.spec.errors import check_choice


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """The rows of a sparse matrix of edges, with the nodes' coefficients where it is the GCN's.

    Row i holds edges ``rowptr[i]`` to ``rowptr[i + 1]``, by ascending source.

    Args:
        rowptr: Where each row starts, int64 [N + 1].
        source: The node at the other end of each edge, int32 [E'].
        weight: Weight of each edge, float32 [E'], or None where all are 1.
        coefficient: d^-1/2 of each node, d its weighted in-degree with the self-loop, 0 where d
            is 0, float32 [N]; None where the operator has none.
        order: Where each edge stood in the list that was sorted into rows, an integer [E']; so
            ``values[order]`` brings what belongs to that list's edges into the rows' order.
    """

    rowptr: NDArray[np.int64]
    source: NDArray[np.int32]
    weight: NDArray[np.float32] | None
    coefficient: NDArray[np.float32] | None
    order: NDArray[np.signedinteger[Any]] | None = None

    @property
    def nodes(self) -> int:
        """Number of nodes N."""
        return len(self.rowptr) - 1

    @property
    def edges(self) -> int:
        """Number of edges E', self-loops included where the operator adds them."""
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
    own = np.arange(nodes, dtype=np.int32)
    weight = None
    if graph.edge_weight is not None:
        own_weight = np.ones(nodes, dtype=np.float32)
        own_weight[source[looped]] = graph.edge_weight[looped]
        weight = np.concatenate([graph.edge_weight[~looped], own_weight])
    target = np.concatenate([target[~looped], own])
    degree = np.bincount(target, weights=weight, minlength=nodes).astype(np.float64)
    coefficient = np.zeros(nodes, dtype=np.float32)
    np.divide(1, np.sqrt(degree), out=coefficient, where=degree > 0, casting="same_kind")
    return _in_rows(nodes, np.concatenate([source[~looped], own]), target, weight, coefficient)


def joined_neighbours(graph: Graph) -> Neighbours:
    """Return the neighbourhoods of a GCN on the graph's undirected edges, each pair joined once.

    An objective over edges has no directions, and the steps that descend on it are as long as an
    incidence normalised by the same degrees allows: were a node's degree that of its incoming
    edges alone, one with many more outgoing ones would be pulled too far, and more in every step.

    Args:
        graph: The graph; weights are left out.
    """
    pairs, own = incidence(graph), np.arange(graph.nodes, dtype=np.int32)
    source = np.concatenate([pairs.first, pairs.second, own])
    target = np.concatenate([pairs.second, pairs.first, own])
    degree = np.bincount(target, minlength=graph.nodes)
    coefficient = (1 / np.sqrt(degree)).astype(np.float32)
    return _in_rows(graph.nodes, source, target, None, coefficient)


def looped_neighbours(graph: Graph) -> Neighbours:
    """Return the neighbourhoods that attention looks at: each node itself, once, and its sources.

    The edges of `gcn_neighbours`, in its order, without weights and coefficients.

    Args:
        graph: The graph.
    """
    source, target = graph.edge_index.astype(np.int32)
    between = source != target
    own = np.arange(graph.nodes, dtype=np.int32)
    sources = np.concatenate([source[between], own])
    return _in_rows(graph.nodes, sources, np.concatenate([target[between], own]))


def plain_neighbours(graph: Graph) -> Neighbours:
    """Return the edges as they are given, self-loops and repeated ones too, without coefficients.

    Args:
        graph: The graph.
    """
    source, target = graph.edge_index.astype(np.int32)
    return _in_rows(graph.nodes, source, target, graph.edge_weight)


class Neighbourhoods:
    """A graph's edges in the arrangement that each operator sums over, each made when first asked.

    Args:
        graph: The graph or set.
        pools: Where each graph's nodes start, int64 [G + 1]; None for what the graph itself says.
    """

    def __init__(self, graph: Graph, pools: NDArray[np.int64] | None = None) -> None:
        self.nodes = graph.nodes
        own = np.array([0, graph.nodes]) if graph.starts is None else graph.starts
        self.pools = own if pools is None else pools
        self._graph = graph
        self._made: dict[Callable[[Graph], Neighbours], Neighbours] = {}

    @property
    def in_degree(self) -> NDArray[np.int64]:
        """In-degrees before self-loops are added, [N]."""
        return self._graph.in_degree

    def of(self, operator: LayerOperator) -> Neighbours:
        """Return what an operator sums over.

        Raises:
            SpecError: If the operator sums over no edges, or takes no weights and the graph has
                some.
        """
        check_choice("operator", operator, tuple(ARRANGED))
        if operator in UNWEIGHTED and self._graph.edge_weight is not None:
            raise SpecError(
                "graph", f"{self._graph.name} with edge weights", f"one without, for {operator}"
            )
        arrange = ARRANGED[operator]
        if arrange not in self._made:
            self._made[arrange] = arrange(self._graph)
        return self._made[arrange]

    @cached_property
    def incidence(self) -> Incidence:
        """The graph's undirected edges, each once."""
        return incidence(self._graph)


ARRANGED: dict[LayerOperator, Callable[[Graph], Neighbours]] = {
    "gcn": gcn_neighbours,
    "gat": looped_neighbours,
    "gin": plain_neighbours,
    "sage": plain_neighbours,
    "appnp": gcn_neighbours,
    "elastic": joined_neighbours,
    "smp": gcn_neighbours,
}
UNWEIGHTED = ("gat", "gin", "sage", "appnp", "elastic", "smp")
"""Operators defined for graphs without weights: in their papers and in PyTorch Geometric, or here,
where a step of a propagation is a plain mean."""


def _in_rows(
    nodes: int,
    source: NDArray[np.int32],
    target: NDArray[np.int32],
    weight: NDArray[np.float32] | None = None,
    coefficient: NDArray[np.float32] | None = None,
) -> Neighbours:
    """Return a list of edges, [E'], in rows by target, each by ascending source."""
    by_source, _ = _counting_sort(source, nodes)
    by_target, rowptr = _counting_sort(target[by_source], nodes)
    order = by_source[by_target]
    weight = None if weight is None else weight[order]
    return Neighbours(rowptr, source[order], weight, coefficient, order)


def _counting_sort(
    keys: NDArray[np.int32], bound: int
) -> tuple[NDArray[np.signedinteger[Any]], NDArray[np.int64]]:
    """Return the stable order of keys in [0, bound), and where each key starts in it.

    SciPy transposes sparse matrices by counting, in linear time; as a matrix with a 1 in column
    ``keys[i]`` of each row i the keys are so sorted several times faster than by comparison.
    """
    ones = np.ones(len(keys), dtype=np.int8)
    # starts of the keys' type keep SciPy from copying all indices to 64 bits
    starts = np.arange(len(keys) + 1, dtype=np.int32 if len(keys) < 2**31 - 1 else np.int64)
    columns = csr_array((ones, keys, starts), shape=(len(keys), bound)).tocsc()
    return columns.indices, columns.indptr.astype(np.int64)
