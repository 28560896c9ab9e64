"""Which part of a set of graphs a run is measured on, and which its ranges are found on."""

from __future__ import annotations

import numpy as np

from engine.graphs.graph import Graph
from engine.graphs.subset import subset

CALIBRATED_ON = 256
"""Training graphs of a set on which post-training quantization finds its ranges, at most."""


def measured_part(graph: Graph) -> Graph:
    """Return what a run is measured on: a single graph, all of it, or a set's graphs for testing.

    Args:
        graph: The graph or set that it learned on.

    Raises:
        GraphError: If a set has no graph for testing.
    """
    return subset(graph, graph.test) if graph.is_set else graph


def calibration_part(graph: Graph) -> Graph:
    """Return what ranges are found on after training: a graph, or a set's first training graphs.

    Args:
        graph: The graph or set that the float network learned on.

    Raises:
        GraphError: If a set has no graph for training.
    """
    if not graph.is_set:
        return graph
    return subset(graph, np.flatnonzero(graph.train)[:CALIBRATED_ON])
