"""The choice of the graph: what is offered, what comes with it, and its facts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.graphs.catalogue import keep_own, load_graph
from engine.graphs.own import from_arrays
from engine.spec import GraphSpec, ModelSpec, scheme
from explorer.panels.graph import GraphPanel, graph_facts
from explorer.state import State

SET = from_arrays(
    edge_index=[[0, 2, 22], [1, 3, 25]],
    y=np.arange(12) % 2,
    x=np.ones((26, 1)),
    starts=[*range(0, 24, 2), 26],
)


def test_a_set_brings_a_pool_and_a_graph_drops_it() -> None:
    state = State(scheme("degree-quant", bits=4))
    panel = GraphPanel(state)
    panel.name.value = "digits-superpixels"
    assert state.recipe == scheme(
        "degree-quant",
        bits=4,
        graph=GraphSpec(name="digits-superpixels"),
        model=ModelSpec(pool="mean", dropout=0.0),
    )
    panel.name.value = "karate"
    assert state.recipe == scheme("degree-quant", bits=4, graph=GraphSpec(name="karate"))


def test_folds_are_a_choice_of_the_sets_that_have_them() -> None:
    state = State(scheme("float"))
    panel = GraphPanel(state)
    assert panel.fold.layout.display == "none"
    panel.name.value = "MUTAG"
    assert panel.fold.layout.display is None
    panel.fold.value = 7
    assert state.recipe.graph == GraphSpec(name="MUTAG", fold=7)
    panel.fold.value = 0
    assert state.recipe.graph == GraphSpec(name="MUTAG")


def test_the_split_of_a_graph_is_a_choice_and_that_of_a_set_is_not() -> None:
    state = State(scheme("float"))
    panel = GraphPanel(state)
    panel.split.value = "large"
    assert state.recipe.graph == GraphSpec(split="large")
    panel.name.value = "digits-superpixels"
    assert state.recipe.graph == GraphSpec(name="digits-superpixels")
    assert panel.split.layout.display == "none"
    panel.name.value = "karate"
    assert panel.split.layout.display is None
    assert panel.split.value == "own"


def test_sets_are_told_from_graphs_where_they_are_offered(tmp_path: Path) -> None:
    kept = keep_own(SET, tmp_path)
    state = State(scheme("float"))
    panel = GraphPanel(state, {kept.name: SET})
    offered = {name: title for title, name in panel.name.options}
    assert offered["digits-superpixels"] == "digits-superpixels (graphs)"
    assert offered["REDDIT-BINARY"] == "REDDIT-BINARY (graphs)"
    assert offered["digits-knn"] == "digits-knn"
    assert offered[kept.name] == f"own graph {kept.name[4:10]} (graphs)"
    panel.name.value = kept.name
    assert state.recipe.model.pool == "mean"


def test_an_own_set_that_a_link_names_is_known_by_its_network(tmp_path: Path) -> None:
    kept = keep_own(SET, tmp_path)
    linked = scheme("float", graph=kept, model=ModelSpec(operator="gin", pool="sum"))
    state = State(linked)
    panel = GraphPanel(state)
    panel.name.value = "karate"
    panel.name.value = kept.name
    assert state.recipe.model.pool == "mean"


def test_facts_of_a_graph_and_of_a_set() -> None:
    told = graph_facts(load_graph(GraphSpec(name="karate")))
    assert "34 nodes, 156 edges, 4 classes, in-degree 1 to 17" in told
    told = graph_facts(SET)
    assert "12 graphs of 2 to 4 nodes, 3 edges, 2 classes, in-degree 0 to 1" in told
    assert "1 feature; 8 graphs to train on" in told
    real = replace(SET, targets=np.ones((12, 1), np.float32), classes=0, y=np.full(12, -1))
    assert "3 edges, 1 target, in-degree" in graph_facts(real)


def test_facts_follow_the_graph() -> None:
    state = State(scheme("float", graph=GraphSpec(name="karate")))
    panel = GraphPanel(state)
    assert panel.facts.value == ""
    state.graph = load_graph(state.recipe.graph)
    assert "34 nodes" in panel.facts.value
