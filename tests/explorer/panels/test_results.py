"""The page of runs: it follows what is chosen, in its charts and in its table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.runs import RunStore
from explorer.chosen import Degrees, OfClass, Picked
from explorer.packaged import stores
from explorer.panels.results import ResultsPanel
from explorer.presets import DEFAULT
from explorer.state import State


@pytest.fixture
def panel(shown, tmp_path) -> ResultsPanel:
    state = State(DEFAULT)
    made = ResultsPanel(state, RunStore(tmp_path, shipped=stores()))
    state.shown = shown
    return made


def results(panel: ResultsPanel) -> dict[str, float]:
    """Return the integer result of each run in the front's chart, in percent, by key."""
    points = (trace for trace in panel.pareto.figure.data if trace.customdata is not None)
    return {key: y for trace in points for key, y in zip(trace.customdata, trace.y, strict=True)}


def test_runs_are_judged_on_what_is_chosen(panel: ResultsPanel, shown) -> None:
    whole = results(panel)
    panel._state.chosen = OfClass(3)
    chosen = results(panel)
    assert chosen.keys() == whole.keys()
    assert chosen != whole
    for key in (DEFAULT.key, *list(whole)[:3]):
        run = panel._store.answer(key)
        tested = shown.measured.test & (shown.measured.y == 3)
        right = (run.arrays["class.integer"] == 3)[tested].mean()
        assert chosen[key] == pytest.approx(100 * right)
    for view in (panel.results, panel.pareto):
        assert "only class 3" in view.figure.layout.title.text
    shares = [row for row in panel.results.table["rows"] if row[0] == "accuracy.integer"]
    assert shares[0][1] == f"{chosen[DEFAULT.key]:.1f} %"
    panel._state.chosen = None
    assert results(panel) == whole


def test_what_is_pinned_is_judged_alike(panel: ResultsPanel, shown) -> None:
    panel._state.pinned = shown
    panel._state.chosen = Degrees(20, 100)
    rows = {row[0]: row for row in panel.results.table["rows"]}
    assert rows["accuracy.integer"][1] == rows["accuracy.integer"][2], "it is compared with itself"
    elsewhere = replace(shown.recipe, graph=replace(shown.recipe.graph, normalize=True))
    panel._state.pinned = replace(shown, recipe=elsewhere)
    assert "Change" not in panel.results.table["columns"]


def test_without_a_test_node_there_is_no_result(panel: ResultsPanel, shown) -> None:
    trained = int(np.flatnonzero(~shown.measured.test)[0])
    panel._state.chosen = Picked((trained,))
    assert "No finished run has an accuracy" in panel.pareto.figure.layout.meta["summary"]
    assert "<td>–</td>" in panel.table.value
    panel._state.chosen = Picked((3,), of_graphs=True)
    assert len(results(panel)) > 10, "graphs say nothing about nodes"
