"""The Python half of the view; `test_plot_browser` drives both halves."""

from __future__ import annotations

import gzip
import json
import math

import numpy as np
import plotly.graph_objects as go
import pytest
from ipywidgets import Widget
from plotly.offline import get_plotlyjs

from explorer.figures.chart import chart, table
from explorer.library import SERVED
from explorer.plot import PlotlyLibrary, PlotlyView, figure_json, picked_key

CARRYING = chart("t", [], summary="It says so.", table=table(["a"], [[1]]))


def test_misspelt_keyword_is_an_error_that_names_the_trait() -> None:
    with pytest.raises(TypeError, match=r"no trait 'heigth'; did you mean 'height'\?"):
        PlotlyView(heigth=300)
    with pytest.raises(TypeError, match=r"no trait 'zzz'$"):
        PlotlyView(zzz=1)


def test_figure_sent_is_strict_json_without_its_meta() -> None:
    figure = go.Figure(
        data=[{"x": [1.0, math.nan], "y": np.array([1.0, np.inf])}],
        layout={"meta": {"summary": "s.", "table": {}}, "title": {"text": "t"}},
    )
    sent = figure_json(figure)
    json.dumps(sent, allow_nan=False)
    assert sent["data"][0]["x"] == [1.0, None]
    assert set(sent["data"][0]["y"]) == {"dtype", "bdata"}
    assert "meta" not in sent["layout"]
    assert figure.layout.meta["summary"] == "s.", "the figure itself keeps it"
    assert figure_json(go.Figure())["data"] == []


def test_figure_sets_summary_and_table() -> None:
    view = PlotlyView(CARRYING)
    assert (view.summary, view.table) == ("It says so.", {"columns": ["a"], "rows": [[1]]})
    view.figure = chart("t", [], summary="Now this.", table={})
    assert (view.summary, view.table) == ("Now this.", {})


def test_figure_without_them_leaves_them_alone() -> None:
    view = PlotlyView(summary="Mine.")
    view.figure = go.Figure(data=[{"y": [1, 2]}])
    assert view.summary == "Mine."


def test_state_of_a_view_is_json_and_light() -> None:
    state = PlotlyView(CARRYING).get_state()
    shipped = {name: state[name] for name in ("figure", "height", "summary", "table", "clicked")}
    assert len(json.dumps(shipped, allow_nan=False)) < 5_000


def test_views_share_one_library_that_holds_plotly() -> None:
    first, second = PlotlyView(), PlotlyView()
    assert first.library is second.library
    assert gzip.decompress(first.library.source).decode() == get_plotlyjs()
    # Jupyter's servers pass a message on in one piece; 4.8 MB of it would be felt.
    assert len(first.library.source) < 2_000_000


def test_library_is_left_to_a_server_that_serves_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SERVED, "1")
    monkeypatch.setattr(PlotlyLibrary, "_shared", None)
    assert PlotlyView().library.source == b""


def test_closed_library_is_replaced() -> None:
    before = PlotlyView().library
    Widget.close_all()
    after = PlotlyView().library
    assert after is not before
    assert after.comm is not None
    assert PlotlyLibrary.shared() is after


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        ({"x": [3, 1.5]}, {"x": [1.5, 3.0]}),
        ({"x": [0, 1], "y": [-2, 2]}, {"x": [0.0, 1.0], "y": [-2.0, 2.0]}),
        ({}, {}),
        ({"x": [0, 1], "y": None}, {}),
        ({"x": [0, float("nan")]}, {}),
        ({"x": [0, float("inf")]}, {}),
        ({"x": [0, 10**400]}, {}),
        ({"x": [0, True]}, {}),
        ({"x": ["0", "1"]}, {}),
        ({"x": [0, 1, 2]}, {}),
        ({"x": [0, 1], "z": [0, 1]}, {}),
    ],
)
def test_a_box_has_two_finite_ends_on_each_axis(sent: dict, taken: dict) -> None:
    view = PlotlyView()
    view.set_state({"selected": {"x": [7, 8]}})
    view.set_state({"selected": sent})
    assert view.selected == taken


@pytest.mark.parametrize(
    ("customdata", "key"),
    [("a", "a"), (["a", 1], "a"), ([], None), ([["a"]], None), ({}, None), (1, None), (None, None)],
)
def test_a_click_has_a_key_or_none(customdata: object, key: str | None) -> None:
    assert picked_key({"customdata": customdata}) == key
    assert picked_key({}) is None
