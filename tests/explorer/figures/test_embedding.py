"""Nodes in a plane, float beside integer."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.figures.embedding import MOST_NODES, embedding

RNG = np.random.default_rng(0)
EXACT = RNG.normal(size=(40, 2))
LABEL = np.arange(40) % 7 - 1


def drawn(seen, **given):
    words = {"reach": 3.0, "depth_name": "After layer 1", **given}
    return seen(embedding(EXACT, EXACT + 1, LABEL, **words))


def test_each_class_stands_on_both_sides_at_its_places(seen) -> None:
    data = drawn(seen)["data"]
    for side, points in (("x", EXACT), ("x2", EXACT + 1)):
        of_side = [trace for trace in data if trace.get("xaxis", "x") == side]
        assert sorted(node for trace in of_side for node in trace["customdata"]) == list(range(40))
        for trace in of_side:
            assert trace["x"] == pytest.approx(np.float32(points[trace["customdata"], 0]))
    assert {trace["name"] for trace in data} == {"unknown", *(f"class {k}" for k in range(6))}
    looks = {(trace["marker"]["color"], trace["marker"]["symbol"]) for trace in data}
    assert len(looks) == 7, "no two classes look alike"


def test_a_node_is_marked_on_both_sides_and_the_range_stays(seen) -> None:
    figure = drawn(seen, selected=5, number=np.array([3, 5]))
    marks = [trace for trace in figure["data"] if trace["name"] == "selected node"]
    assert [mark["customdata"] for mark in marks] == [[5], [5]]
    assert figure["layout"]["xaxis"]["range"] == [-3, 3]


def test_of_many_nodes_the_same_are_drawn_at_every_depth(seen) -> None:
    many = RNG.normal(size=(MOST_NODES + 200, 2))
    label = np.zeros(len(many), int)
    first, second = (
        seen(embedding(many * k, many, label, reach=4, depth_name="x"))["data"][0]["customdata"]
        for k in (1, 2)
    )
    assert first == second
    assert len(first) == MOST_NODES


def test_nothing_chosen_is_said(seen) -> None:
    assert drawn(seen, number=np.empty(0, int))["data"] == []
