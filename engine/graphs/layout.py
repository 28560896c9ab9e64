"""Where to draw the nodes of a small graph."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def layout(edges: NDArray[np.int64], nodes: int, seed: int = 0) -> NDArray[np.float64]:
    """Return positions in the plane where neighbours are near and others apart: a spring layout.

    Meant for up to a few hundred nodes; a spring pulls on every pair.

    Args:
        edges: Sources and targets, [2, e], directions and repeats ignored.
        nodes: Number of nodes n, numbered from 0.
        seed: Seed of the starting positions; the same seed gives the same layout.

    Returns:
        Positions in [-1, 1], [n, 2].

    Source:
        Fruchterman & Reingold, Graph drawing by force-directed placement, 1991.
    """
    import networkx as nx

    g = nx.empty_graph(nodes)
    g.add_edges_from(edges.T.tolist())
    placed = nx.spring_layout(g, seed=seed)
    return np.array([placed[node] for node in range(nodes)], dtype=np.float64).reshape(nodes, 2)
