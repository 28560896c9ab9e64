"""The cards: beside the float run, or beside what is pinned."""

from __future__ import annotations

from engine.runs import RunStore
from explorer.answers import Answers
from explorer.edits import with_preset
from explorer.packaged import stores
from explorer.panels.depth import DepthPanel
from explorer.panels.error import ErrorPanel
from explorer.panels.results import ResultsPanel
from explorer.panels.summary import SummaryPanel
from explorer.presets import DEFAULT
from explorer.state import State
from explorer.widths import with_bits


def test_cards_and_charts_stand_beside_what_is_pinned(shown, tmp_path) -> None:
    store = RunStore(tmp_path, shipped=stores())
    answers = Answers(store)
    state = State(DEFAULT)
    panel, error, depth = SummaryPanel(state), ErrorPanel(state), DepthPanel(state)
    results = ResultsPanel(state, store)
    state.shown = shown
    before = panel.cards.value
    panel.pin.click()
    assert state.pinned is shown
    assert "the same recipe" in panel.compared.value
    state.edit(lambda recipe: with_bits(recipe, range(1), "message", 2, "degree-quant"))
    state.shown = answers.answer(state.recipe)
    assert "message 1: 4 bits → 2 bits" in panel.compared.value
    change = 100 * (state.shown.analysis.result["integer"] - shown.analysis.result["integer"])
    assert f"{change:+.1f}".replace("-", "−") + " points" in panel.cards.value
    names = [trace.name for trace in error.view.figure.data]
    assert "Degree-Quant 4 (pinned)" in names
    assert "Degree-Quant 4 (pinned)" in [trace.name for trace in depth.view.figure.data]
    assert "Degree-Quant 4" in [trace.name for trace in results.results.figure.data]
    state.edit(lambda _: DEFAULT)
    state.shown = shown
    panel.pin.click()
    assert state.pinned is None
    assert panel.cards.value == before


def test_another_shape_is_compared_in_its_numbers_only(shown, tmp_path) -> None:
    answers = Answers(RunStore(tmp_path, shipped=stores()))
    state = State(DEFAULT)
    error = ErrorPanel(state)
    state.shown = state.pinned = shown
    other = with_preset(DEFAULT, "INT8")
    state.shown = answers.answer(other)
    assert any("pinned" in trace.name for trace in error.view.figure.data)
    gin = next(s.spec for s in answers.store.list(graph="digits-knn") if s.model.startswith("gin"))
    state.shown = answers.answer(gin)
    assert not any("pinned" in trace.name for trace in error.view.figure.data)
