"""A node among its sources."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from explorer.figures.neighbourhood import MOST_NODES, neighbourhood

STAR: dict[str, Any] = {
    "positions": [[0, 0], [1, 0], [0, 1], [2, 0]],
    "edges": [[1, 2, 3], [0, 0, 1]],
    "nodes": [10, 11, 12, 13],
    "degree": [4, 1, 0, 9],
    "error": [0.1, 0.2, math.inf, 0.4],
    "hop": [0, 1, 1, 2],
}


def test_nodes_edges_and_hops_are_drawn(seen) -> None:
    edges, ring, near, far, middle, unknown = seen(neighbourhood(**STAR))["data"]
    assert edges["x"][:2] == [1, 0]
    assert edges["y"][3:5] == [1, 0]
    assert math.isnan(edges["x"][2])
    assert ring["customdata"] == middle["customdata"] == [10]
    assert near["customdata"] == [11]
    assert near["marker"]["color"] == [0.2]
    assert far["customdata"] == [13]
    assert unknown["customdata"] == [12]
    assert near["marker"]["symbol"] != far["marker"]["symbol"]


def test_area_grows_with_degree(seen) -> None:
    _, _, near, far, middle, _ = seen(neighbourhood(**STAR))["data"]
    assert near["marker"]["size"][0] < middle["marker"]["size"][0] < far["marker"]["size"][0]


def test_summary_and_rows(seen) -> None:
    figure = neighbourhood(**STAR, complete=False)
    seen(figure)
    assert figure.layout.meta["summary"] == (
        "Node 10 has in-degree 4, its relative L2 error is 0.1; the median of the 3 nodes around "
        "it, up to 2 hops away, is 0.3; 3 edges are drawn. "
        "The neighbourhood is larger: this is a random part of it."
    )
    assert figure.layout.meta["table"]["keys"] == [10, 11, 12, 13]
    assert figure.layout.meta["table"]["rows"][2] == [12, 1, 0, None]


def test_lonely_node(seen) -> None:
    lonely = neighbourhood(
        [[0, 0]], np.empty((2, 0), dtype=int), [5], degree=[0], error=[math.nan], hop=[0]
    )
    assert [trace["name"] for trace in seen(lonely)["data"]] == [
        "edges",
        "node 5",
        "no finite error",
    ]


def test_no_node(seen) -> None:
    none = neighbourhood([], [[], []], [], degree=[], error=[], hop=[])
    assert seen(none)["data"] == []


def test_equal_errors_have_a_colour_axis(seen) -> None:
    drawn = seen(neighbourhood(**{**STAR, "error": [0.0] * 4}))
    axis = drawn["layout"]["coloraxis"]
    assert axis["cmin"] < axis["cmax"]


def test_too_many_nodes_are_cut_and_counted(seen) -> None:
    n = MOST_NODES + 10
    figure = neighbourhood(
        np.zeros((n, 2)),
        [np.arange(1, n), np.zeros(n - 1, dtype=int)],
        np.arange(n),
        degree=np.ones(n),
        error=np.ones(n),
        hop=np.minimum(np.arange(n), 1),
    )
    drawn = seen(figure)
    assert len(drawn["data"][2]["x"]) == MOST_NODES - 1
    assert "Only 1,500 of 1,510 nodes are drawn." in figure.layout.meta["summary"]


@pytest.mark.parametrize("title", ["<script>x</script>"])
def test_names_are_text(seen, title: str) -> None:
    seen(neighbourhood(**STAR, error_title=title, subtitle=title))
