"""Each chart alone, of a finished run: what the explorer draws, and nothing left behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest
from ipywidgets.widgets.widget import _instances

from engine.runs import Run, RunStore
from engine.spec import GraphSpec, ModelSpec, SpecError, scheme
from explorer import charts
from explorer.packaged import stores
from explorer.panels.codes import CodesPanel
from explorer.panels.error import ErrorPanel
from explorer.presets import DEFAULT
from explorer.state import State

ALL: tuple[tuple[Callable[..., go.Figure], dict[str, Any]], ...] = (
    (charts.error_against_degree, {"layer": 0, "component": "aggregate", "path": "both"}),
    (charts.graph_map, {"left": "label", "right": "correct", "node": 3}),
    (charts.smoothness_against_depth, {"metric": "mad_all"}),
    (charts.nodes_in_the_plane, {"depth": 1, "node": 5}),
    (charts.codes, {"chart": "saturation", "layer": 0, "component": "aggregate"}),
    (charts.arithmetic, {"node": 7, "layer": 1, "feature": 2}),
    (charts.neighbourhood, {"node": 7}),
    (charts.degree_protection, {}),
    (charts.predictions, {}),
    (charts.training, {}),
    (charts.results, {}),
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> RunStore:
    return RunStore(tmp_path_factory.mktemp("store"), shipped=stores())


@pytest.fixture(scope="module")
def run(store: RunStore) -> Run:
    found = store.answer(DEFAULT.key)
    assert found is not None
    return found


@pytest.mark.parametrize(("chart", "chosen"), ALL, ids=lambda value: getattr(value, "__name__", ""))
def test_each_is_a_figure_with_its_words_and_leaves_no_widget(
    chart: Callable[..., go.Figure], chosen: dict[str, Any], run: Run, store: RunStore
) -> None:
    before = set(_instances)
    figure = chart(run, **chosen, store=store)
    assert type(figure) is go.Figure
    assert len(figure.data)
    assert len(figure.layout.meta["summary"]) > 40
    assert json.loads(figure.to_json())["data"]
    library = {id for id, widget in _instances.items() if type(widget).__name__ == "PlotlyLibrary"}
    assert set(_instances) - before <= library


def test_they_are_what_the_explorer_draws(run: Run, store: RunStore, shown) -> None:
    state = State(DEFAULT)
    error, codes = ErrorPanel(state), CodesPanel(state)
    state.graph, state.shown = shown.graph, shown
    for panel, chart in ((error, charts.error_against_degree), (codes, charts.codes)):
        assert chart(run, store=store).to_json() == panel.view.figure.to_json()
    error.kind.value, error.measure.value = "parts", "sqnr_db"
    drawn = charts.error_against_degree(run, kind="parts", measure="sqnr_db", store=store)
    assert drawn.to_json() == error.view.figure.to_json()


@pytest.mark.parametrize(
    ("chart", "chosen", "fault"),
    [
        (charts.error_against_degree, {"layer": 2}, "layer: got 2, accepts one of 0, 1"),
        (charts.error_against_degree, {"component": "logit"}, "component: got 'logit', accepts"),
        (charts.graph_map, {"left": "error"}, "left: got 'error', accepts one of predicted"),
        (charts.nodes_in_the_plane, {"depth": 3}, "stepper: got 3, accepts one of 0, 1, 2"),
        (charts.steps_of_the_propagation, {}, "chart: got 'walk', accepts one of smoothness"),
        (charts.codes, {"chart": "bars"}, "chart: got 'bars', accepts one of values"),
        (charts.predictions, {"target": 1}, "target: got 1, accepts one of 0"),
    ],
)
def test_what_is_not_offered_is_said(
    chart: Callable[..., go.Figure],
    chosen: dict[str, Any],
    fault: str,
    run: Run,
    store: RunStore,
) -> None:
    with pytest.raises(SpecError, match=fault):
        chart(run, **chosen, store=store)


def test_steps_of_a_propagation(store: RunStore) -> None:
    recipe = scheme("degree-quant", bits=4, model=ModelSpec(operator="appnp"))
    run = store.answer(recipe.key)
    assert run is not None
    assert len(charts.steps_of_the_propagation(run, store=store).data) > 4


def test_a_run_that_is_in_no_store_is_said(run: Run, tmp_path: Path) -> None:
    other = replace(run, spec=scheme("qat", bits=7, graph=GraphSpec(name="digits-knn")))
    with pytest.raises(SpecError, match=r"run: got '.*', accepts one that is in"):
        charts.results(other, store=RunStore(tmp_path, shipped=stores()))


def test_the_usual_store_is_asked_where_none_is_named(run: Run) -> None:
    assert len(charts.results(run).data)
