"""The surroundings of one node: whom its result depends on, sampled where they are many."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.graphs.graph import Graph


@dataclass(frozen=True, slots=True, eq=False)
class Neighbourhood:
    """Some of the nodes that reach one node, and all edges between them.

    Args:
        nodes: Numbers in the graph of the n nodes, the middle one first, then by hop, int64 [n].
        hop: Fewest edges from each node to the middle one, int64 [n].
        edges: Sources and targets as places in ``nodes``, int64 [2, e].
        edge: Number of each edge in the graph's ``edge_index``, int64 [e].
        complete: Whether no node within the hops was left out.
    """

    nodes: NDArray[np.int64]
    hop: NDArray[np.int64]
    edges: NDArray[np.int64]
    edge: NDArray[np.int64]
    complete: bool


def khop(graph: Graph, node: int, hops: int, limit: int, seed: int = 0) -> Neighbourhood:
    """Return a node's k-hop neighbourhood against the direction of the edges.

    These are the nodes that a GCN of k layers computes the node's result from. Where a hop brings
    more new nodes than the limit leaves room for, a random part of them is kept.

    Args:
        graph: The graph.
        node: The node in the middle.
        hops: Number of hops k.
        limit: Most nodes to return, the middle one included.
        seed: Seed of the sample.

    Raises:
        ValueError: If there is no such node, or hops or limit make no sense.
    """
    if not 0 <= node < graph.nodes:
        raise ValueError(f"there is no node {node}: nodes are numbered 0 to {graph.nodes - 1}")
    if hops < 0 or limit < 1:
        raise ValueError(f"hops is {hops} and limit {limit}, wanted at least 0 and 1")
    rng = np.random.default_rng(seed)
    source, target = graph.edge_index
    place = np.full(graph.nodes, -1, dtype=np.int64)
    place[node] = 0
    found = [np.array([node], dtype=np.int64)]
    size, complete = 1, True
    for _ in range(hops):
        frontier = np.zeros(graph.nodes, dtype=bool)
        frontier[found[-1]] = True
        reached = np.zeros(graph.nodes, dtype=bool)
        reached[source[frontier[target]]] = True
        new = np.flatnonzero(reached & (place < 0))
        if len(new) > limit - size:
            new = np.sort(rng.choice(new, limit - size, replace=False))
            complete = False
        place[new] = size + np.arange(len(new))
        found.append(new)
        size += len(new)
    edge = np.flatnonzero((place[source] >= 0) & (place[target] >= 0))
    return Neighbourhood(
        nodes=np.concatenate(found),
        hop=np.repeat(np.arange(len(found)), [len(new) for new in found]),
        edges=place[graph.edge_index[:, edge]],
        edge=edge,
        complete=complete,
    )
