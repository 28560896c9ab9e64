"""One graph of a set, drawn whole."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from explorer.figures.member import member

TRIANGLE: dict[str, Any] = {
    "positions": [[0, 0], [1, 0], [0, 1]],
    "edges": [[0, 1, 2], [1, 2, 0]],
    "nodes": [20, 21, 22],
    "degree": [1, 4, 1],
    "error": [0.1, 0.5, math.inf],
    "number": 7,
    "total": 3,
}


def test_nodes_are_coloured_by_error_and_sized_by_degree(seen) -> None:
    edges, known, unknown = seen(member(**TRIANGLE))["data"]
    assert edges["x"][:2] == [0, 1]
    assert known["customdata"] == [20, 21]
    assert known["marker"]["color"] == [0.1, 0.5]
    assert known["marker"]["size"][0] < known["marker"]["size"][1]
    assert unknown["customdata"] == [22]


def test_summary_and_rows(seen) -> None:
    figure = member(**TRIANGLE)
    seen(figure)
    meta = figure.layout.meta
    assert meta["summary"] == (
        "Graph 7 has 3 nodes; 3 edges are drawn; the relative L2 error of its nodes has the median "
        "0.3 and is largest, 0.5, at node 21."
    )
    assert meta["table"]["keys"] == [20, 21, 22]
    assert meta["table"]["rows"][2] == [22, 1, None]


def test_a_part_of_a_large_graph_says_so(seen) -> None:
    figure = member(**{**TRIANGLE, "total": 3782})
    seen(figure)
    assert "3,782 nodes" in figure.layout.meta["summary"]
    assert "Only the 3 nodes of highest in-degree are drawn." in figure.layout.meta["summary"]


def test_graphs_of_no_node_and_of_one(seen) -> None:
    none = np.empty((2, 0), dtype=int)
    empty = member([], none, [], number=1, degree=[], error=[], total=0)
    assert seen(empty)["data"] == []
    assert "no nodes" in empty.layout.meta["summary"]
    alone = member([[0, 0]], none, [5], number=1, degree=[0], error=[math.nan], total=1)
    assert [trace["name"] for trace in seen(alone)["data"]] == ["edges", "no finite error"]
