"""What is chosen, in full colour before all else."""

from __future__ import annotations

import numpy as np
import pytest

from engine.graphs.degrees import protection_probability
from engine.spec import Protection
from explorer.figures.error_against import error_against
from explorer.figures.focus import Focus
from explorer.figures.predictions import FAINTEST, predicted_classes
from explorer.figures.protection import protection

DEGREE = np.repeat([1, 2, 100], 4)
ERROR = np.concatenate([np.full(4, 0.1), np.full(4, 0.2), [0.3, 0.3, 0.3, 0.9]])
HUBS = Focus("in-degree 2–100", DEGREE >= 2, (2, 100))


def test_error_is_that_of_the_chosen_over_the_line_of_all(seen) -> None:
    figure = error_against(DEGREE, {"integer": ERROR}, focus=HUBS, selected=11)
    drawn = seen(figure)
    by_name = {trace["name"]: trace for trace in drawn["data"]}
    assert by_name["integer, all nodes"]["y"] == pytest.approx([0.1, 0.2, 0.3])
    assert by_name["integer"]["y"] == pytest.approx([0.2, 0.3])
    whole = seen(error_against(DEGREE, {"integer": ERROR}))
    points, all_points = (
        next(trace for trace in of["data"] if trace["name"] == "integer, single nodes")
        for of in (drawn, whole)
    )
    assert points["customdata"] == list(range(4, 12))
    assert points["x"] == all_points["x"][4:], "a node keeps its place"
    assert by_name["selected node"]["customdata"] == [11]
    (shade,) = drawn["layout"]["shapes"]
    assert 1 < shade["x0"] < 2 < 100 < shade["x1"]
    assert figure.layout.meta["summary"].startswith("Only in-degree 2–100: 8 of 12 nodes.")
    assert sum(row[2] for row in figure.layout.meta["table"]["rows"]) == 8


def test_nothing_chosen_is_said(seen) -> None:
    nothing = Focus("class 7", np.zeros(12, bool))
    drawn = seen(error_against(DEGREE, {"integer": ERROR}, focus=nothing))
    assert drawn["data"] == []
    assert "class 7" in drawn["layout"]["annotations"][0]["text"]


def test_chosen_nodes_stand_out_in_the_histogram(seen) -> None:
    bounds = Protection(p_min=0.0, p_max=0.1)
    drawn = seen(protection(DEGREE, bounds, focus=Focus("class 1", DEGREE == 100)))
    bars = next(trace for trace in drawn["data"] if trace["name"] == "class 1")
    assert bars["y"] == [0, 0, 4]
    assert not drawn["layout"].get("shapes"), "a class is no band of degrees"
    assert protection_probability(DEGREE, bounds).max() == pytest.approx(0.1)


def test_other_predictions_are_faint_and_do_not_count(seen) -> None:
    rng = np.random.default_rng(0)
    exact = rng.normal(size=(6, 3))
    integer = exact + rng.normal(size=(6, 3))
    number = np.array([0, 2, 4, 6, 8, 10])
    label = exact.argmax(axis=1)
    among = np.zeros(12, bool)
    among[[2, 4, 5]] = True
    figure = predicted_classes(number, label, exact, integer, focus=Focus("some", among))
    opacity = {
        node: shade
        for trace in seen(figure)["data"]
        for node, shade in zip(
            trace.get("customdata", []),
            np.atleast_1d(trace.get("marker", {}).get("opacity", [])),
            strict=True,
        )
    }
    assert {node for node, shade in opacity.items() if shade > FAINTEST} == {2, 4}
    said = figure.layout.meta["summary"]
    assert "2 of 6 nodes tested on" in said
    assert "100.0 % of 2 nodes are right in float" in said
