"""The whole graph twice: each side in its own colours, the same places on both."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.figures import map as maps
from explorer.figures.focus import Focus
from explorer.figures.map import Colors, Side, graph_map

RNG = np.random.default_rng(0)
PLACES = RNG.uniform(-1, 1, (30, 2))
LINKS = np.array([[0, 1, 2, 4], [1, 2, 3, 5]])
LABEL = np.arange(30) % 4 - 1
ERROR = np.r_[RNG.random(28), np.nan, np.inf]
CLASSES = Side("Float", Colors("class", LABEL))
ERRORS = Side("Integers", Colors("error", ERROR))


def drawn(seen, sides=(CLASSES, ERRORS), **given):
    words = {"columns": {"Class": LABEL, "Error": ERROR}, **given}
    return seen(graph_map(PLACES, LINKS, np.arange(30), sides, **words))


def told(**given):
    words = {"columns": {"Class": LABEL, "Error": ERROR}, **given}
    return graph_map(PLACES, LINKS, np.arange(30), (CLASSES, ERRORS), **words).layout.meta


def of_side(figure, axis: str):
    return [t for t in figure["data"] if t.get("xaxis", "x") == axis and "customdata" in t]


def test_every_node_stands_once_on_both_sides_at_its_place(seen) -> None:
    figure = drawn(seen)
    for axis in ("x", "x2"):
        traces = of_side(figure, axis)
        assert sorted(n for t in traces for n in t["customdata"]) == list(range(30))
        for trace in traces:
            assert trace["x"] == pytest.approx(np.float32(PLACES[trace["customdata"], 0]))
    layout = figure["layout"]
    assert (layout["xaxis2"]["matches"], layout["yaxis2"]["matches"]) == ("x", "y")


def test_classes_have_looks_and_amounts_a_scale(seen) -> None:
    figure = drawn(seen)
    names = {trace["name"] for trace in of_side(figure, "x")}
    assert names == {"unknown", "class 0", "class 1", "class 2"}
    known, unknown = sorted(of_side(figure, "x2"), key=lambda t: t["name"])
    assert sorted(unknown["customdata"]) == [28, 29]
    assert known["marker"]["color"] == pytest.approx(np.float32(ERROR[known["customdata"]]))
    assert known["marker"]["coloraxis"] == "coloraxis2"
    assert "coloraxis" not in figure["layout"]
    axis = figure["layout"]["coloraxis2"]
    assert axis["cmin"] == 0
    assert axis["cmax"] == pytest.approx(np.quantile(ERROR[:28], maps.LAST_COLOR))


def test_one_key_tells_a_class_on_both_sides(seen) -> None:
    named = Side("Integers", Colors("right or wrong", LABEL, ("right", "wrong", "neither")))
    for sides, keys in (((CLASSES, CLASSES), 3), ((CLASSES, named), 6)):
        shown = [trace["name"] for trace in drawn(seen, sides)["data"] if trace["showlegend"]]
        assert len(shown) == len(set(shown)) == keys


def test_edges_are_drawn_once_and_many_for_the_selected_node_alone(seen, monkeypatch) -> None:
    def edges(figure):
        lines = [t for t in figure["data"] if t["mode"] == "lines" and "xaxis" not in t]
        return [len(trace["x"]) // 3 for trace in lines]

    assert edges(drawn(seen)) == [4]
    assert edges(drawn(seen, selected=1)) == [4, 2]
    monkeypatch.setattr(maps, "MOST_EDGES", 3)
    assert edges(drawn(seen)) == []
    assert edges(drawn(seen, selected=1)) == [2]
    assert "for the selected node only" in told()["summary"]


def test_many_nodes_are_drawn_by_webgl(seen, monkeypatch) -> None:
    assert {trace["type"] for trace in drawn(seen)["data"]} == {"scatter"}
    monkeypatch.setattr(maps, "MANY_NODES", 29)
    assert {trace["type"] for trace in drawn(seen, selected=3)["data"]} == {"scattergl"}


def test_what_is_looked_at_stands_out_and_a_node_is_marked(seen) -> None:
    among = LABEL == 1
    focus = Focus("class 1", among)
    figure = drawn(seen, focus=focus, selected=6)
    for axis in ("x", "x2"):
        by_name = {trace["name"]: trace for trace in of_side(figure, axis)}
        assert sorted(by_name["not looked at"]["customdata"]) == np.flatnonzero(~among).tolist()
        assert by_name["not looked at"]["marker"]["opacity"] == maps.FAINTEST
        assert by_name["selected node"]["customdata"] == [6]
    assert f"{among.sum()} nodes are looked at (class 1)" in told(focus=focus)["summary"]


@pytest.mark.parametrize("size", [None, np.zeros(30), LABEL + 1.0, np.r_[ERROR]])
def test_areas_grow_with_sizes(seen, size) -> None:
    figure = drawn(seen, size=size, size_title="in-degree")
    diameter = {
        node: px
        for trace in of_side(figure, "x2")
        for node, px in zip(trace["customdata"], trace["marker"]["size"], strict=True)
    }
    smallest = min(diameter.values())
    if size is None or not size.any():
        assert set(diameter.values()) == {smallest}
        return
    share = np.where(np.isfinite(size), size, 0) / np.nanmax(size[np.isfinite(size)])
    wanted = smallest * (1 + (maps.SPREAD - 1) * np.sqrt(share))
    assert [diameter[node] for node in range(30)] == pytest.approx(wanted)
    summary = told(size=size, size_title="in-degree")["summary"]
    assert "A node's area grows with its in-degree." in summary


def test_the_table_lists_the_largest_errors_first(seen, monkeypatch) -> None:
    monkeypatch.setattr(maps, "MOST_ROWS", 5)
    table = told()["table"]
    assert table["columns"] == ["Node", "Class", "Error"]
    assert table["keys"] == [29, *np.argsort(-ERROR[:28])[:4].tolist()]
    assert table["rows"][0] == [29, LABEL[29], None]


def test_a_graph_of_nothing_is_said(seen) -> None:
    none = np.empty(0, int)
    figure = seen(
        graph_map(np.empty((0, 2)), np.empty((2, 0), int), none, (CLASSES, ERRORS), columns={})
    )
    assert figure["data"] == []


def test_one_node_alone_is_drawn(seen) -> None:
    alone = Colors("in-degree", np.zeros(1))
    figure = graph_map(
        np.zeros((1, 2)),
        np.empty((2, 0), int),
        np.array([7]),
        (Side("Float", alone), Side("Integers", alone)),
        columns={"In-degree": np.zeros(1)},
        selected=7,
    )
    assert figure.layout.meta["summary"].startswith("1 node and 0 edges")
    assert of_side(seen(figure), "x")[0]["customdata"] == [7]
