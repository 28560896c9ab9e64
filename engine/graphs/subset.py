"""Some graphs of a set, as a set of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.graphs.graph import Graph, GraphError


def subset(graph: Graph, indices: Any) -> Graph:
    """Return the chosen graphs of a set, in their order, in time that grows with their size.

    ``subset(graph, graph.test)`` is the part for testing; its other masks are empty.

    Args:
        graph: The set.
        indices: Which graphs, as NumPy indexes an array of G: numbers [g], which may repeat, or a
            bool mask [G].

    Raises:
        GraphError: If the graph is no set, or no graph is chosen.
        IndexError: If there is no such graph.
    """
    if graph.starts is None:
        raise GraphError(f"{graph.name} is one graph, wanted a set of graphs to choose from")
    chosen = np.arange(graph.units)[indices]
    size = np.diff(graph.starts)[chosen]
    starts = np.concatenate([[0], np.cumsum(size)])
    edge_starts = graph.edge_starts
    edges = np.diff(edge_starts)[chosen]
    node = _ranges(graph.starts[chosen], size)
    edge = _ranges(edge_starts[chosen], edges)
    moved = np.repeat(starts[:-1] - graph.starts[chosen], edges)
    return Graph(
        name=graph.name,
        edge_index=graph.edge_index.take(edge, axis=1) + moved,
        edge_weight=None if graph.edge_weight is None else graph.edge_weight[edge],
        x=graph.x[node],
        y=graph.y[chosen],
        train=graph.train[chosen],
        val=graph.val[chosen],
        test=graph.test[chosen],
        classes=graph.classes,
        starts=starts,
        targets=None if graph.targets is None else graph.targets[chosen],
    )


def _ranges(first: NDArray[np.int64], size: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the numbers of ranges one after another: ``first[i]``, ... ``size[i]`` of them."""
    before = np.cumsum(size) - size
    return np.repeat(first - before, size) + np.arange(size.sum())
