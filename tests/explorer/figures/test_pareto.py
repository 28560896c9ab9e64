"""All runs and their front."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.metrics.merit import MAE
from explorer.figures.pareto import RunPoint, front, pareto

POINT = RunPoint(key="a", name="run a", group="INT8", result=0.8, model_bytes=2000, latency_ms=1.0)
RUNS = [
    POINT,
    replace(POINT, key="b", name="run b", group="INT4", result=0.7, model_bytes=1000),
    replace(POINT, key="c", name="run c", group="INT4", result=0.6, model_bytes=1500),
]
pairs = st.lists(st.tuples(st.integers(1, 6), st.integers(0, 6)), min_size=1, max_size=12)


@given(pairs)
def test_front_is_what_no_other_beats(points: list[tuple[int, int]]) -> None:
    costs, accuracies = np.array(points, dtype=np.float64).T
    found = {points[place] for place in front(costs, accuracies)}
    unbeaten = {
        (cost, accuracy)
        for cost, accuracy in points
        if not any(
            other != (cost, accuracy) and other[0] <= cost and other[1] >= accuracy
            for other in points
        )
    }
    assert found == unbeaten


def test_points_tell_their_run(seen) -> None:
    figure = pareto(RUNS)
    line, int4, int8 = seen(figure)["data"]
    assert (int4["name"], int8["name"]) == ("INT4", "INT8")
    assert int4["customdata"] == ["b", "c"]
    assert int4["x"] == pytest.approx([1.0, 1.5])
    assert int4["y"] == pytest.approx([70, 60])
    assert int4["marker"]["symbol"] != int8["marker"]["symbol"]
    assert line["x"] == pytest.approx([1.0, 2.0])
    assert line["y"] == pytest.approx([70, 80])
    content = figure.layout.meta["table"]
    assert content["keys"] == ["a", "b", "c"]
    assert [row[-1] for row in content["rows"]] == ["yes", "yes", ""]


def test_where_errors_count_the_lowest_is_best(seen) -> None:
    figure = pareto(RUNS, merit=MAE)
    drawn = seen(figure)
    line, int4, _ = drawn["data"]
    assert int4["y"] == [0.7, 0.6]
    assert line["y"] == [0.7, 0.6], "the run at 0.8 costs more and errs more"
    assert drawn["layout"]["yaxis"]["title"]["text"] == "Integer mean absolute error"
    assert "<b>Mean absolute error against cost</b>" in drawn["layout"]["title"]["text"]
    meta = figure.layout.meta
    assert meta["summary"].startswith("The best of 3 runs is run c with 0.6 at 1.5 kB; run b is")
    assert meta["table"]["keys"] == ["c", "b", "a"]


def test_selected_and_pinned_are_ringed(seen) -> None:
    *_, pinned, shown = seen(pareto(RUNS, selected="c", pinned="a", cost="latency_ms"))["data"]
    assert (pinned["customdata"], shown["customdata"]) == (["a"], ["c"])
    assert pinned["marker"]["symbol"] != shown["marker"]["symbol"]
    assert shown["x"] == [1.0]


@pytest.mark.parametrize("result", [None, math.nan])
def test_runs_without_numbers_are_counted(seen, result: float | None) -> None:
    figure = pareto([POINT, replace(POINT, result=result), replace(POINT, model_bytes=0)])
    assert len(seen(figure)["data"][1]["x"]) == 1
    assert "2 without a result or a cost left out." in figure.layout.meta["summary"]


def test_several_seeds_have_an_error_bar(seen) -> None:
    spread = replace(POINT, key="d", group="INT4", sd=0.02, seeds=3)
    figure = pareto([POINT, spread], groups=("INT4", "INT2", "INT8"), measured="Validation")
    drawn = seen(figure)
    _, int4, int8 = drawn["data"]
    assert (int4["error_y"]["array"], int4["error_y"]["visible"]) == ([2.0], True)
    assert not int8["error_y"]["visible"]
    assert "± 2.0, 3 seeds" in int4["text"][0]
    styles = [trace["marker"]["color"] for trace in (int4, int8)]
    *_, alone = seen(pareto([POINT], groups=("INT4", "INT2", "INT8")))["data"]
    assert alone["marker"]["color"] == styles[1] != styles[0], "a group keeps its style"
    assert drawn["layout"]["yaxis"]["title"]["text"] == "Validation accuracy (%)"


def test_what_is_far_under_the_front_is_out_of_sight(seen) -> None:
    bad = [replace(POINT, key=str(n), result=0.1 * n, model_bytes=1e6) for n in (1, 2)]
    figure = pareto([*RUNS, *bad], cost="model_bytes")
    low, high = seen(figure)["layout"]["yaxis"]["range"]
    assert 20 < low < 60
    assert high > 80
    assert "2 runs lie out of sight" in figure.layout.meta["summary"]
    assert "out of sight" not in pareto(RUNS).layout.meta["summary"]


@pytest.mark.parametrize("cost", ["model_bytes", "buffer_bytes", "latency_ms"])
def test_each_cost_has_its_axis(seen, cost) -> None:
    figure = pareto([replace(POINT, buffer_bytes=3000)], cost=cost)
    drawn = seen(figure)
    places = {"model_bytes": 2.0, "buffer_bytes": 3.0, "latency_ms": 1.0}
    assert drawn["data"][1]["x"] == [places[cost]]
    assert figure.layout.meta["table"]["rows"][0][3:6] == ["2 kB", "3 kB", 1.0]


def test_no_runs_have_a_chart_too(seen) -> None:
    nothing = pareto([])
    assert seen(nothing)["data"] == []
    assert nothing.layout.meta["summary"] == "No finished run has an accuracy and a cost yet."
    assert "has a mean absolute error" in pareto([], merit=MAE).layout.meta["summary"]


def test_names_are_text(seen) -> None:
    hostile = "<script>%{x}</script>"
    seen(pareto([replace(POINT, name=hostile, group=hostile)], subtitle=hostile))
