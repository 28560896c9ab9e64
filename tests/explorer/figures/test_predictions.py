"""Predictions one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.figures.predictions import (
    MOST_POINTS,
    margins,
    predicted_classes,
    predicted_targets,
)

NUMBER = np.array([4, 5, 9])
LABEL = np.array([0, 1, 2])
EXACT = np.array([[3.0, 1.0, 0.0], [0.0, 2.0, 1.5], [0.0, 1.0, 0.5]])
INTEGER = np.array([[2.0, 1.0, 0.0], [0.0, 1.0, 1.5], [0.0, 1.0, 0.5]])


def named(drawn: dict[str, Any], name: str) -> dict[str, Any]:
    (trace,) = [trace for trace in drawn["data"] if trace["name"] == name]
    return trace


@given(
    st.integers(1, 5).flatmap(
        lambda c: st.lists(
            st.tuples(st.lists(st.floats(-9, 9), min_size=c, max_size=c), st.integers(0, c - 1)),
            min_size=1,
            max_size=8,
        )
    )
)
def test_margin_is_over_the_best_other_class(rows: list[tuple[list[float], int]]) -> None:
    scores, label = np.array([row for row, _ in rows]), np.array([right for _, right in rows])
    for found, (row, right) in zip(margins(scores, label), rows, strict=True):
        others = [score for place, score in enumerate(row) if place != right]
        assert found == pytest.approx(row[right] - max(others, default=0))


def test_points_are_margins_and_flips_stand_out(seen) -> None:
    figure = predicted_classes(NUMBER, LABEL, EXACT, INTEGER, one="graph", selected=5)
    drawn = seen(figure)
    same, other = named(drawn, "same class"), named(drawn, "another class")
    assert dict(zip(same["customdata"], zip(same["x"], same["y"], strict=True), strict=True)) == {
        4: (2.0, 1.0),
        9: (-0.5, -0.5),
    }
    assert (other["customdata"], other["x"], other["y"]) == ([5], [0.5], [-0.5])
    assert other["text"][0].startswith("graph 5: class 1<br>float says 1, integer 2")
    assert named(drawn, "selected graph")["customdata"] == [5]
    meta = figure.layout.meta
    assert meta["summary"] == (
        "66.7 % of 3 graphs are right in float, 33.3 % in integers; 1 have another class."
    )
    assert meta["table"]["keys"][0] == 5, "what flips stands first"
    assert meta["table"]["rows"][0] == [5, 1, 1, 2, 0.5, -0.5]


def test_flips_of_many_predictions_are_all_drawn(seen) -> None:
    rng = np.random.default_rng(0)
    exact = rng.normal(size=(5000, 3))
    flipped = exact.copy()
    flipped[:40] = -exact[:40]
    drawn = seen(predicted_classes(np.arange(5000), exact.argmax(axis=1), exact, flipped))
    assert len(named(drawn, "another class")["x"]) == 40
    assert len(named(drawn, "same class")["x"]) == MOST_POINTS - 40


def test_nothing_to_test_on(seen) -> None:
    none = np.zeros(0, dtype=np.int64)
    figure = predicted_classes(none, none, np.zeros((0, 3)), np.zeros((0, 3)))
    assert seen(figure)["data"] == []
    assert figure.layout.meta["summary"] == "No node has a label to be tested on."
    none = np.zeros(0)
    figure = predicted_targets(none.astype(np.int64), none, none, none, one="graph")
    assert figure.layout.meta["summary"] == "No graph is to be tested on."


def test_targets_stand_against_both_predictions(seen) -> None:
    target, exact, integer = np.array([1.0, 2, 3]), np.array([1.0, 2, 4]), np.array([1.5, 2, 5])
    figure = predicted_targets(NUMBER, target, exact, integer, one="graph", selected=9)
    drawn = seen(figure)
    assert named(drawn, "float")["y"] == [4.0, 1.0, 2.0]
    assert named(drawn, "integer")["y"] == [5.0, 1.5, 2.0]
    assert named(drawn, "integer")["customdata"] == [9, 4, 5], "what changes most stands first"
    assert named(drawn, "integer")["text"][0] == "graph 9: 3<br>float says 4, integer 5"
    assert named(drawn, "selected graph")["y"] == [5.0]
    meta = figure.layout.meta
    assert meta["summary"] == (
        "Over 3 graphs the mean absolute error is 0.3333 in float, 0.8333 in integers; half of the "
        "predictions change by at most 0.5."
    )
    assert meta["table"]["rows"][0] == [9, 3.0, 4.0, 5.0, 1.0]
