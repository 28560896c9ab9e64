"""Parallel coordinates: a line for each run, through what it chose to what came of it."""

from __future__ import annotations

import pytest

from engine.metrics.merit import MAE
from explorer.figures.parallel import MOST_LINES, Axis, Chosen, parallel
from tests.explorer.figures.conftest import HOSTILE

WIDTHS = (2, 4, 8)
AXES = [
    Axis(name="0.input", title="input 1", options=WIDTHS),
    Axis(name="0.weight", title="weight 1", options=WIDTHS),
    Axis(name="operator", title="operator", options=("gat", "gcn")),
    Axis(name="5.output", title="output 6", options=WIDTHS),
]


def run(key: str, bits: int, result: float, **more: str) -> Chosen:
    options = {"0.input": bits, "0.weight": 8, **more}
    return Chosen(key=key, name=f"run {key}", options=options, result=result)


RUNS = [run("a", 2, 0.6), run("b", 8, 0.9, operator="gcn"), run("c", 2, 0.8, operator="gat")]


def test_lines_pass_through_what_was_chosen(seen) -> None:
    drawn = seen(parallel(AXES, RUNS, selected="c"))
    worst, selected, best, _ = drawn["data"]
    assert [trace["customdata"][0] for trace in (worst, selected, best)] == ["a", "c", "b"]
    for trace in (worst, selected, best):
        assert len(trace["x"]) == len(trace["y"]) == len(trace["customdata"]) == 4
    assert worst["y"][0] < selected["y"][0] < 0.25 < best["y"][0]
    assert all(trace["y"][1] > 0.75 for trace in (worst, selected, best))
    assert worst["y"][2] is None, "it had no such choice"
    assert [trace["y"][-1] for trace in (worst, selected, best)] == pytest.approx([0, 2 / 3, 1])
    assert selected["line"]["width"] > best["line"]["width"]
    assert worst["line"]["color"] != best["line"]["color"]
    axis = drawn["layout"]["xaxis"]["ticktext"]
    assert axis == ["input 1", "weight 1", "operator", "Integer accuracy"]


def test_options_are_named_where_they_differ_from_the_axis_before(seen) -> None:
    labels = [(at["x"], at["text"]) for at in seen(parallel(AXES, RUNS))["layout"]["annotations"]]
    assert labels == [
        *((0, "2"), (0, "4"), (0, "8"), (2, "gat"), (2, "gcn")),
        *((3, "60.0 %"), (3, "90.0 %")),
    ]


def test_the_summary_says_which_option_goes_along_with_the_largest_difference() -> None:
    runs = [run(str(n), 2 if n % 2 else 8, 0.5 + 0.1 * (n % 2)) for n in range(6)]
    said = parallel(AXES, runs).layout.meta["summary"]
    assert "runs whose input 1 is 2 end 10.0 points better" in said.lower()
    said = parallel(AXES, runs, merit=MAE).layout.meta["summary"]
    assert "runs whose input 1 is 2 end 0.1 worse" in said.lower()
    assert "on average" not in parallel(AXES, RUNS).layout.meta["summary"], "too few to tell"


def test_the_table_holds_every_run_and_the_chart_the_best(seen) -> None:
    many = [run(str(n), 4, n / 1000) for n in range(MOST_LINES + 5)]
    figure = parallel(AXES, many)
    assert len(seen(figure)["data"]) == MOST_LINES + 1
    meta = figure.layout.meta
    assert meta["table"]["keys"] == [str(n) for n in reversed(range(MOST_LINES + 5))]
    assert f"{MOST_LINES + 5} runs, the best {MOST_LINES} drawn" in meta["summary"]


def test_alike_results_none_and_names_that_are_text(seen) -> None:
    same = seen(parallel(AXES, [run("a", 2, 0.5), run("b", 4, 0.5)]))["data"]
    assert [trace["y"][-1] for trace in same[:2]] == [1, 1]
    assert seen(parallel(AXES, []))["data"] == []
    hostile = Axis(name="0.input", title=HOSTILE, options=(2, 4))
    seen(parallel([hostile], [Chosen(key="a", name=HOSTILE, options={"0.input": 2}, result=0.5)]))
