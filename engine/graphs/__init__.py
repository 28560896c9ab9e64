"""Graphs and sets of them: the value every run learns on, its origins, and its neighbourhoods."""

from __future__ import annotations

from engine.graphs.catalogue import (
    EMBEDDED,
    EMBEDDED_SETS,
    PUBLIC,
    PUBLIC_SETS,
    SETS,
    GraphNotFound,
    keep_own,
    kept_at,
    load_graph,
)
from engine.graphs.degrees import (
    degree_cdf,
    expected_protected,
    mean_probability,
    protection_probability,
)
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
from engine.graphs.own import from_arrays, from_networkx
from engine.graphs.parts import calibration_part, measured_part
from engine.graphs.pyg import from_data
from engine.graphs.subset import subset
from engine.graphs.task import check_task

__all__ = [
    "EMBEDDED",
    "EMBEDDED_SETS",
    "PUBLIC",
    "PUBLIC_SETS",
    "SETS",
    "Features",
    "Graph",
    "GraphError",
    "GraphNotFound",
    "Neighbourhood",
    "Neighbourhoods",
    "Neighbours",
    "calibration_part",
    "check_task",
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
    "mean_probability",
    "measured_part",
    "plain_neighbours",
    "protection_probability",
    "read_npz",
    "row_normalized",
    "subset",
    "write_npz",
]
