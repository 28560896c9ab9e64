"""What is chosen: by degree, size, class, flips, or one by one, in a graph and in a set."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from engine.graphs.own import from_arrays
from explorer.chosen import Degrees, Flips, OfClass, Picked, Sizes, band, focus, suggestions
from explorer.panels.chosen import ChosenPanel
from explorer.presets import DEFAULT
from explorer.state import State

SET = from_arrays(
    edge_index=[[0, 1, 3], [1, 2, 4]],
    y=[0, 1, 0],
    x=np.ones((6, 1)),
    starts=[0, 3, 5, 6],
    train=[True, False, False],
    val=[False, True, False],
    test=[False, False, True],
)


def of_set() -> Any:
    return SimpleNamespace(measured=SET, sizes=np.diff(SET.starts))


def test_each_rule_among_the_nodes_of_a_graph(shown) -> None:
    graph = shown.measured
    degree = graph.in_degree
    assert Degrees(3, 5).nodes(shown).tolist() == [3 <= d <= 5 for d in degree.tolist()]
    assert OfClass(2).nodes(shown).sum() == (graph.y == 2).sum() > 0
    exact, integer = shown.analysis.study.trace.classes, shown.analysis.trace.classes
    assert (
        np.flatnonzero(Flips().units(shown)).tolist() == np.flatnonzero(exact != integer).tolist()
    )
    assert np.flatnonzero(Picked((5, 9, 10**6)).nodes(shown)).tolist() == [5, 9]
    assert Picked((5,), of_graphs=True).units(shown) is None


def test_graphs_of_a_set_bring_their_nodes() -> None:
    assert Sizes(2, 3).units(of_set()).tolist() == [True, True, False]
    assert Sizes(2, 2).nodes(of_set()).tolist() == [False] * 3 + [True] * 2 + [False]
    assert OfClass(0).nodes(of_set()).tolist() == [True] * 3 + [False] * 2 + [True]
    assert Picked((2,), of_graphs=True).nodes(of_set()).tolist() == [False] * 5 + [True]
    assert Degrees(1, 1).units(of_set()) is None, "graphs have no degree"
    assert Degrees(1, 1).nodes(of_set()).tolist() == [False, True, True, False, True, False]


@pytest.mark.parametrize(
    ("box", "ends"),
    [
        ({"x": [0.4, 2.5]}, (0, 2)),
        ({"x": [7, 0.7]}, (1, 5)),
        ({"x": [6, 30]}, None),
        ({}, None),
    ],
)
def test_a_box_on_the_axis_is_a_band_of_the_counts_in_it(box, ends) -> None:
    assert band(np.array([0, 1, 2, 5, 40]), box) == ends


def test_a_focus_has_ends_where_the_axis_is_what_was_chosen_by() -> None:
    by_degree = focus(Degrees(1, 1), of_set(), of_graphs=False)
    assert by_degree is not None
    assert by_degree.ends == (1, 1)
    by_size = focus(Sizes(2, 2), of_set(), of_graphs=False)
    assert by_size is not None
    assert by_size.ends is None
    assert focus(Degrees(1, 1), of_set(), of_graphs=True) is None
    assert focus(None, of_set(), of_graphs=True) is None


def test_what_is_suggested_is_there_to_look_at(shown) -> None:
    offered = [choice for _, choice in suggestions(shown)]
    assert all(choice.nodes(shown).any() for choice in offered)
    assert sum(isinstance(choice, OfClass) for choice in offered) == shown.measured.classes
    hubs, leaves, *_ = offered
    assert hubs.high == shown.measured.in_degree.max()
    assert leaves.low == shown.measured.in_degree.min()


def test_panel_says_what_is_chosen_and_how_it_fares(shown) -> None:
    state = State(DEFAULT)
    panel = ChosenPanel(state)
    assert panel.clear.layout.display == "none"
    state.shown = shown
    state.chosen = Degrees(12, 35)
    nodes = Degrees(12, 35).nodes(shown)
    tested = nodes & shown.measured.test
    right = (shown.analysis.trace.classes == shown.measured.y)[tested].mean()
    assert panel.list.options[1] == ("In-degree 12–35", Degrees(12, 35))
    assert f"{nodes.sum():,} of 1,797 nodes" in panel.note.value
    assert f"integer {100 * right:.1f} %" in panel.note.value
    panel.list.value = ""
    assert state.chosen is None
    assert "Drag" in panel.note.value
