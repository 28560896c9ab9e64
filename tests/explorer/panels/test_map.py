"""The page of the map: where nodes lie, what colours say, and what a click or a box picks."""

from __future__ import annotations

import numpy as np
import pytest

from engine.spec import GraphSpec, ModelSpec, scheme
from explorer.chosen import OfClass, Picked
from explorer.panels import map as panels
from explorer.panels.map import MapPanel
from explorer.presets import DEFAULT
from explorer.shown import Shown
from explorer.state import State


@pytest.fixture
def panel(shown) -> MapPanel:
    state = State(DEFAULT)
    made = MapPanel(state)
    assert "nothing to show" in made.view.summary
    state.shown = shown
    return made


def colors(panel: MapPanel, axis: str) -> dict[str, list[int]]:
    """Return the nodes of each trace of a side, by its name."""
    return {
        trace.name: list(trace.customdata)
        for trace in panel.view.figure.data
        if (trace.xaxis or "x") == axis and trace.customdata is not None
    }


def test_each_side_has_the_classes_it_predicts(panel, shown) -> None:
    panel.right.value = panels.PREDICTED
    for axis, trace in (("x", shown.analysis.study.trace), ("x2", shown.analysis.trace)):
        for name, nodes in colors(panel, axis).items():
            label = int(name.removeprefix("class "))
            assert nodes == np.flatnonzero(trace.classes == label).tolist()
    flips = (shown.analysis.study.trace.classes != shown.analysis.trace.classes).sum()
    assert f"{flips} have another class in integers than in float" in panel.view.summary
    error = shown.analysis.error(shown.last)
    assert f"at node {np.argmax(error)}" in panel.view.summary


def test_each_colour_says_what_its_name_says(panel, shown) -> None:
    graph, right = shown.measured, shown.analysis.trace.classes == shown.measured.y
    panel.right.value = panels.CORRECT
    assert colors(panel, "x2")["wrong"] == np.flatnonzero(~right & (graph.y >= 0)).tolist()
    for what, values in (
        (panels.ERROR, shown.analysis.error(shown.last)),
        (panels.DEGREE, graph.in_degree),
    ):
        panel.right.value = what
        (trace,) = (t for t in panel.view.figure.data if t.xaxis == "x2" and t.mode == "markers")
        assert trace.marker.color == pytest.approx(np.float32(values[trace.customdata]))
    panel.right.value = panels.PROTECTION
    (trace,) = (t for t in panel.view.figure.data if t.xaxis == "x2" and t.mode == "markers")
    hub = int(np.argmax(graph.in_degree))
    assert trace.marker.color.max() == trace.marker.color[hub] == pytest.approx(0.1)


def test_a_click_picks_a_node_and_a_box_all_in_it(panel, shown) -> None:
    panel.view.clicked = {"curve": 0, "point": 0, "customdata": 12, "count": 1}
    assert panel._state.node == 12
    assert colors(panel, "x2")["selected node"] == [12]
    everywhere = {"x": [-9, 9], "y": [9, -9]}
    panel.view.selected = everywhere
    assert panel._state.chosen == Picked(tuple(range(shown.measured.nodes)))
    _, places = panel._laid_out
    x, y = map(float, places.positions[12])
    panel.view.selected = {"x": [x - 1e-9, x + 1e-9], "y": [y + 1e-9, y - 1e-9]}
    assert panel._state.chosen == Picked((12,))
    for nothing in ({}, {"x": [8, 9], "y": [8, 9]}):
        panel.view.selected = nothing
        assert panel._state.chosen == Picked((12,))
    panel._state.chosen = OfClass(3)
    assert len(colors(panel, "x")["not looked at"]) == (shown.measured.y != 3).sum()


def test_nodes_are_laid_out_once_for_a_graph(panel, shown, monkeypatch) -> None:
    monkeypatch.setattr(panels, "layout", None)
    other = Shown(**{n: getattr(shown, n) for n in shown.__dataclass_fields__} | {"origin": "x"})
    before = panel.view.figure
    panel._state.shown = other
    assert panel.view.figure is not before


def test_a_fault_of_the_layout_is_not_hidden(shown, monkeypatch) -> None:
    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(panels, "layout", fail)
    state = State(DEFAULT)
    MapPanel(state)
    with pytest.raises(MemoryError):
        state.shown = shown


def test_of_a_set_the_picked_graph_is_drawn_and_nodes_have_no_class(panel_of_set) -> None:
    panel, shown = panel_of_set, panel_of_set._state.shown
    names = dict(panel.left.options).values()
    assert panels.PREDICTED not in names
    assert panel.left.value == panels.DEGREE
    assert panel.right.value == panels.ERROR
    starts = shown.measured.starts
    for number in (0, 3):
        panel._state.member = number
        held = sorted(node for nodes in colors(panel, "x").values() for node in nodes)
        assert held == list(range(*starts[number : number + 2]))
        assert f"graph {number}" in str(panel.view.figure.layout.title.text)
    panel._state.member = 10**6
    assert "graph 0" in str(panel.view.figure.layout.title.text)


@pytest.fixture
def panel_of_set(untrained) -> MapPanel:
    model = ModelSpec(hidden=4, pool="mean")
    state = State(DEFAULT)
    panel = MapPanel(state)
    graph = GraphSpec(name="digits-superpixels")
    state.shown = untrained(scheme("ptq", bits=8, graph=graph, model=model))
    return panel


def test_each_edge_is_drawn_once(panel, shown) -> None:
    _, places = panel._laid_out
    pairs = {(min(a, b), max(a, b)) for a, b in shown.measured.edge_index.T.tolist() if a != b}
    assert sorted(map(tuple, places.links.T.tolist())) == sorted(pairs)
    assert f"{len(pairs):,} edges" in panel.view.summary
