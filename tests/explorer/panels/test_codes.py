"""The page of values and codes: its four charts, of the chosen nodes, and where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from engine.metrics.saturation import saturation
from explorer.chosen import Degrees
from explorer.panels.codes import CHARTS, IN_FLOAT, NO_SUM, OF_NO_NODE, CodesPanel
from explorer.presets import DEFAULT
from explorer.state import State


@pytest.fixture
def panel(shown) -> CodesPanel:
    state = State(DEFAULT)
    made = CodesPanel(state)
    state.shown = shown
    made.layer.value = 0
    return made


@pytest.mark.parametrize("chart", CHARTS)
def test_each_chart_says_what_to_look_for_and_follows_what_is_chosen(panel, chart: str) -> None:
    panel.component.value = "aggregate"
    panel.chart.value = chart
    assert panel.advice.value == CHARTS[chart][1]
    assert CHARTS[chart][0] in str(panel.view.figure.layout.title.text)
    before = panel.view.figure.to_json()
    panel._state.chosen = Degrees(20, 35)
    assert panel.view.figure.to_json() != before


def test_saturation_is_that_of_the_codes_in_percent(panel, shown) -> None:
    panel.component.value = "aggregate"
    panel.chart.value = "saturation"
    params = shown.analysis.program.params_of((0, "aggregate"))
    codes = shown.analysis.trace.codes(0, "aggregate")
    slow = 100 * saturation(codes, params.spec.qmin, params.spec.qmax, int(params.zero))
    (points,) = (t for t in panel.view.figure.data if t.name == "integer, single nodes")
    assert points.y == pytest.approx(np.float32(slow[points.customdata]))
    panel.view.selected = {"x": [3.5, 9.5], "y": [0, 1]}
    assert panel._state.chosen == Degrees(4, 9)


def test_what_has_no_such_chart_says_so(panel) -> None:
    panel.component.value = "weight"
    panel.chart.value = "saturation"
    assert panel.view.summary == OF_NO_NODE
    panel.component.value = "input"
    panel.chart.value = "headroom"
    assert panel.view.summary == NO_SUM
    panel.layer.value = 1
    panel.component.value = "output"
    for chart in ("values", "codes", "saturation"):
        panel.chart.value = chart
        assert panel.view.summary == IN_FLOAT
