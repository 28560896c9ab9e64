"""The steps of one number: each follows from those before, and the last is the program's."""

from __future__ import annotations

import re

import pytest

from engine.analysis import arithmetic
from explorer.panels.arithmetic import ArithmeticPanel, steps
from explorer.presets import DEFAULT
from explorer.state import State


def number(text: str) -> float:
    return float(text.replace("−", "-").replace(",", ""))


def test_each_step_follows_from_those_before(shown) -> None:
    codes = shown.analysis.trace.codes(0, "aggregate")
    for node in range(0, 1797, 400):
        one = arithmetic(shown.analysis, (0, "aggregate"), node, 5)
        said = {name: number(value) for name, value, _ in steps(one)}
        how = {name: note for name, _, note in steps(one)}
        norm = number(re.search(r"× (\S+),", how["× multiplier"])[1])
        assert said["× multiplier"] == said["Sum"] * norm == said["Accumulator"]
        factor = number(how["× factor"].split()[1].rstrip(","))
        assert said["× factor"] == pytest.approx(said["Accumulator"] * factor, rel=1e-3, abs=1e-3)
        assert said["Round"] == round(one.scaled)
        assert said["Code"] == codes[node, 5]


def test_panel_follows_the_node_and_says_what_is_wrong(shown) -> None:
    state = State(DEFAULT)
    panel = ArithmeticPanel(state)
    assert "nothing to show" in panel.view.summary
    state.shown = shown
    first = panel.steps.value
    assert "9. Float says" in first
    state.node = 37
    assert panel.node.value == 37
    assert panel.steps.value != first
    panel.channel.value = 3
    panel.layer.value = 1
    assert "layer 2 aggregate, feature 4" in str(panel.view.figure.layout.title.text)
    panel.view.clicked = {"curve": 0, "point": 0, "customdata": 8, "count": 1}
    assert state.node == 8
    panel.node.value = 5000
    assert "numbered 0 to 1796" in panel.steps.value
