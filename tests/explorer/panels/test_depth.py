"""The page of depth: smoothness, the plane of nodes step by step, a propagation's steps."""

from __future__ import annotations

import pytest

from engine.spec import GraphSpec, ModelSpec, scheme
from explorer.chosen import OfClass
from explorer.figures.embedding import MOST_NODES
from explorer.panels.depth import PLANE, SMOOTHNESS, WALK, DepthPanel
from explorer.presets import DEFAULT
from explorer.state import State


@pytest.fixture
def panel(shown) -> DepthPanel:
    state = State(DEFAULT)
    made = DepthPanel(state)
    state.shown = shown
    return made


def test_the_slider_walks_over_every_depth_in_a_plane_that_stays(panel) -> None:
    assert panel.stepper.layout.display == "none"
    panel.chart.value = PLANE
    assert (panel.stepper.layout.display, panel.metric.layout.display) == (None, "none")
    assert panel.stepper.most == 2
    assert panel.stepper.names == ["The features", "After layer 1", "Scores, after layer 2"]
    places = set()
    for panel.stepper.value in range(3):
        assert panel.stepper.names[panel.stepper.value] in str(panel.view.figure.layout.title.text)
        places.add(str(panel.view.figure.data[0].x))
    assert len(places) == 3


def test_the_plane_shows_what_is_chosen_and_picks_nodes(panel, shown) -> None:
    panel.chart.value = PLANE
    panel._state.chosen = OfClass(3)
    nodes = [node for trace in panel.view.figure.data[:1] for node in trace.customdata]
    assert len(nodes) == min((shown.measured.y == 3).sum(), MOST_NODES)
    panel.view.clicked = {"curve": 0, "point": 0, "customdata": int(nodes[0]), "count": 1}
    assert panel._state.node == nodes[0]
    assert any(trace.name == "selected node" for trace in panel.view.figure.data)


def test_steps_are_offered_where_there_are_some(panel, untrained) -> None:
    assert WALK not in dict(panel.chart.options).values()
    model = ModelSpec(operator="appnp", hidden=6, steps=5)
    recipe = scheme("ptq", bits=4, graph=GraphSpec(name="karate"), model=model)
    panel._state.shown = untrained(recipe)
    assert WALK in dict(panel.chart.options).values()
    panel.chart.value = WALK
    names = [trace.name for trace in panel.view.figure.data]
    assert {"float", "integer", "bound"} == set(names)
    assert len(panel.view.figure.data[0].x) == 6
    panel.step_metric.value = "distinct_rows"
    assert [trace.name for trace in panel.view.figure.data] == ["integer"]
    panel.chart.value = PLANE
    assert panel.stepper.most == 7
    panel.chart.value = SMOOTHNESS
    assert "Smoothness" in str(panel.view.figure.layout.title.text)
