"""Graphs: the value every run learns on, where it comes from, and how a GCN sees it."""

from __future__ import annotations

from engine.graphs.catalogue import (
    EMBEDDED,
    PUBLIC,
    GraphNotFound,
    keep_own,
    kept_at,
    load_graph,
)
from engine.graphs.degrees import degree_cdf, expected_protected, protection_probability
from engine.graphs.features import Features, row_normalized
from engine.graphs.graph import Graph, GraphError
from engine.graphs.hubs import hubs
from engine.graphs.layout import layout
from engine.graphs.neighbourhood import Neighbourhood, khop
from engine.graphs.neighbours import (
    Neighbourhoods,
    Neighbours,
    gcn_neighbours,
    looped_neighbours,
    plain_neighbours,
)
from engine.graphs.npz import read_npz, write_npz
from engine.graphs.own import from_arrays, from_data, from_networkx

__all__ = [
    "EMBEDDED",
    "PUBLIC",
    "Features",
    "Graph",
    "GraphError",
    "GraphNotFound",
    "Neighbourhood",
    "Neighbourhoods",
    "Neighbours",
    "degree_cdf",
    "expected_protected",
    "from_arrays",
    "from_data",
    "from_networkx",
    "gcn_neighbours",
    "hubs",
    "keep_own",
    "kept_at",
    "khop",
    "layout",
    "load_graph",
    "looped_neighbours",
    "plain_neighbours",
    "protection_probability",
    "read_npz",
    "row_normalized",
    "write_npz",
]
