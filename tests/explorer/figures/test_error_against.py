"""Error against degree, and against the size of graphs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.spec import Bucket
from explorer.figures.error_against import (
    MEASURES,
    MOST_POINTS,
    SIZE,
    error_against,
    wilson,
)
from explorer.plot import figure_json

DEGREE = np.repeat([1, 2, 100], 4)
ERROR = np.concatenate([np.full(4, 0.1), np.full(4, 0.2), [0.3, 0.3, 0.3, 0.9]])


def _named(drawn: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [trace for trace in drawn["data"] if trace.get("name") == name]


def test_line_is_the_median_and_shade_the_quantiles_of_each_band(seen) -> None:
    figure = error_against(DEGREE, {"integer": ERROR})
    shade, line = _named(seen(figure), "integer")
    assert line["x"] == pytest.approx([1, 2, 100])
    assert line["y"] == pytest.approx([0.1, 0.2, 0.3])
    q05, q95 = np.quantile(ERROR[8:], (0.05, 0.95))
    assert shade["y"][:5] == pytest.approx([0.1, 0.1, 0.2, q05, q05])
    assert shade["y"][5:] == pytest.approx([q95, q95, 0.2, 0.1, 0.1])
    row = figure.layout.meta["table"]["rows"][2]
    assert row[:3] == ["integer", "100", 4]
    assert row[3:] == pytest.approx([0.3, q05, q95, 0])
    assert figure.layout.meta["summary"] == (
        "Integer: the median relative L2 error is 0.1 at in-degree 1 and 0.3 at 100, "
        "3 times as much."
    )


def test_small_graph_shows_every_node_a_large_one_the_extremes(seen) -> None:
    (points,) = _named(seen(error_against(DEGREE, {"integer": ERROR})), "integer, single nodes")
    assert points["customdata"] == list(range(12))
    rng = np.random.default_rng(0)
    degree, values = rng.integers(0, 50, 5000), rng.lognormal(size=5000)
    values[7] = 1e6
    drawn = seen(error_against(degree, {"integer": values, "simulated": values}))
    (points,) = _named(drawn, "integer, single nodes")
    assert len(points["x"]) == MOST_POINTS // 2
    assert points["customdata"][0] == 7
    assert points["marker"]["symbol"][0] == "triangle-up", "beyond the edge"
    assert points["y"][0] == pytest.approx(10 ** drawn["layout"]["yaxis"]["range"][1], rel=1e-6)
    assert "1e+06" in points["text"][0]


def test_selected_node_is_ringed_in_every_series(seen) -> None:
    drawn = seen(error_against(DEGREE, {"integer": ERROR, "simulated": 2 * ERROR}, selected=11))
    rings = _named(drawn, "selected node")
    assert [ring["customdata"] for ring in rings] == [[11], [11]]
    points = _named(drawn, "integer, single nodes")[0]
    assert rings[0]["x"] == pytest.approx(points["x"][11:], rel=1e-6)
    assert rings[0]["textposition"] == "middle left", "a hub has no room to its right"
    assert not _named(seen(error_against(DEGREE, {"integer": ERROR}, selected=99)), "selected node")


def test_pinned_series_is_a_line_without_a_shade(seen) -> None:
    drawn = seen(error_against(DEGREE, {"integer": ERROR}, pinned={"INT8": ERROR / 10}))
    (line,) = _named(drawn, "INT8 (pinned)")
    assert line["y"] == pytest.approx([0.01, 0.02, 0.03])


def test_class_flips_are_shares_with_an_interval(seen) -> None:
    flips = np.array([0, 0, 0, 1, 0, 0, 0, 0, 1, 1, 1, 1], dtype=bool)
    figure = error_against(DEGREE, {"integer": flips}, measure="class_flip")
    drawn = seen(figure)
    shade, line = _named(drawn, "integer")
    assert line["y"] == pytest.approx([0.25, 0.0, 1.0])
    assert shade["y"][2] == 0
    assert shade["y"][6] == pytest.approx(1.0)
    (points,) = _named(drawn, "integer, single nodes")
    assert points["customdata"] == [3, 8, 9, 10, 11]
    assert "hubs are worse off than leaves" in figure.layout.meta["summary"]


@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_interval_holds_its_share_and_solves_its_equation(drawn: tuple[int, int]) -> None:
    hits, count = drawn
    share = hits / count
    low, high = wilson(share, count)
    assert 0 <= low <= share + 1e-12
    assert share - 1e-12 <= high <= 1
    for end in (low, high):
        if 0 < end < 1:
            assert (end - share) ** 2 == pytest.approx(
                1.645**2 * end * (1 - end) / count, abs=1e-12
            )


def test_sqnr_of_exact_nodes_is_left_out_and_counted(seen) -> None:
    values = np.where(np.arange(12) == 0, np.inf, 20.0)
    figure = error_against(DEGREE, {"integer": values}, measure="sqnr_db")
    seen(figure)
    assert "1 nodes of integer are not finite and left out." in figure.layout.meta["summary"]
    exact = error_against(DEGREE, {"integer": np.full(12, np.inf)}, measure="sqnr_db")
    assert "Every node is exact" in exact.layout.meta["summary"]
    assert seen(exact)["data"] == []


def test_exact_layer_has_a_chart(seen) -> None:
    drawn = seen(error_against(DEGREE, {"integer": np.zeros(12)}))
    low, high = drawn["layout"]["yaxis"]["range"]
    assert low < 0 < high


@given(
    degree=st.lists(st.integers(0, 300), max_size=25),
    measure=st.sampled_from(tuple(MEASURES)),
    data=st.data(),
)
def test_any_graph_and_any_number_has_a_chart(degree: list[int], measure: str, data: Any) -> None:
    number = st.floats(0, 1) | st.sampled_from([math.nan, math.inf, 0.0])
    if measure == "class_flip":
        number = st.sampled_from([0.0, 1.0])
    if measure == "sqnr_db":
        number = number | st.floats(-200, 200) | st.just(-math.inf)
    values = data.draw(st.lists(number, min_size=len(degree), max_size=len(degree)))
    figure = error_against(
        np.array(degree, dtype=np.int64),
        {"integer": values},
        measure=measure,
        selected=data.draw(st.none() | st.integers(-1, 26)),
    )
    layout = figure_json(figure)["layout"]
    assert figure.layout.meta["summary"]
    if figure.data:
        assert np.isfinite(layout["yaxis"]["range"]).all()
        assert layout["yaxis"]["range"][0] < layout["yaxis"]["range"][1]
        assert np.isfinite(layout["xaxis"]["range"]).all()


def test_names_are_text(seen) -> None:
    hostile = "<script>%{x}</script>"
    seen(
        error_against(
            DEGREE, {hostile: ERROR}, pinned={hostile: ERROR}, selected=0, subtitle=hostile
        )
    )


def test_graphs_stand_by_their_sizes(seen) -> None:
    figure = error_against(DEGREE, {"integer": ERROR}, against=SIZE, selected=11)
    drawn = seen(figure)
    assert drawn["layout"]["xaxis"]["title"]["text"] == "Nodes of the graph (log scale)"
    assert "<b>Error against graph size</b>" in drawn["layout"]["title"]["text"]
    (points,) = _named(drawn, "integer, single graphs")
    assert points["text"][11].startswith("graph 11, size 100<br>")
    assert [ring["text"] for ring in _named(drawn, "selected graph")] == ["<b>graph 11</b>"]
    meta = figure.layout.meta
    assert meta["summary"].startswith("Integer: the median relative L2 error is 0.1 at size 1 and")
    assert meta["table"]["columns"][:3] == ["Series", "Size", "Graphs"]
    flips = error_against(DEGREE, {"integer": DEGREE == 1}, against=SIZE, measure="class_flip")
    assert "large graphs are better off than small graphs" in flips.layout.meta["summary"]
    assert error_against([], {}, against=SIZE).layout.meta["summary"] == (
        "There are no graphs to show."
    )


def test_lines_stand_where_widths_change(seen) -> None:
    buckets = (Bucket(degree=0, bits=8), Bucket(degree=2, bits=4), Bucket(degree=16, bits=2))
    figure = error_against(DEGREE, {"integer": ERROR}, buckets=buckets)
    layout = seen(figure)["layout"]
    assert [shape["x0"] for shape in layout["shapes"]] == pytest.approx([0.5, 2**0.5, 240**0.5])
    assert [note["text"] for note in layout["annotations"]] == [
        "8 bits →",
        "4 bits →",
        "2 bits →",
    ]
    assert (
        "Nodes have 8 bits from in-degree 0, 4 bits from in-degree 2"
        in (figure.layout.meta["summary"])
    )
