"""The explorer driven through its widgets, with the real worker."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import ipywidgets as widgets
import networkx as nx
import numpy as np
import pytest
import torch
from torch_geometric.data import Data
from torch_geometric.nn import SAGEConv, global_mean_pool
from torch_geometric.nn.models import GIN

from engine.graphs.catalogue import load_graph
from engine.graphs.graph import GraphError
from engine.graphs.npz import write_npz
from engine.metrics.merit import MAE
from engine.runs import RunStore
from engine.spec import GraphSpec, ModelSpec, SpecError, dumps, scheme
from explorer import Explorer
from explorer.chosen import Degrees, OfClass, Picked
from explorer.edits import with_model, with_preset, with_training
from explorer.figures.error_against import DEGREE, SIZE
from explorer.jobs import Jobs
from explorer.links import pack
from explorer.plot import PlotlyView
from explorer.slots import components, title

ROOT = Path(__file__).parents[2]
KARATE = scheme("float", graph=GraphSpec(name="karate"))
SHORT = with_training(KARATE, epochs=20)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return one store, and with it one worker, for all tests of this file."""
    folder = tmp_path_factory.mktemp("store")
    yield folder
    Jobs.shared(folder).close()


def settle(explorer: Explorer, condition: Callable[[], bool], within_s: float = 120.0) -> None:
    """Handle what the worker says until a condition holds."""
    until = time.monotonic() + within_s
    while not condition():
        jobs = [(job.purpose, job.status, job.note) for job in explorer.jobs.jobs]
        assert time.monotonic() < until, (explorer.state.status, jobs)
        explorer.jobs.poll()
        time.sleep(0.005)


@pytest.fixture
def explorer(store: Path) -> Iterator[Explorer]:
    """Return an explorer of karate's club, its float model trained."""
    made = Explorer(SHORT, store=store)
    made.state.page = ""  # every page is drawn, not only the one in front
    settle(made, lambda: not made.state.status)
    yield made
    made.close()


def look_at(explorer: Explorer, page: str) -> None:
    """Bring a page to the front."""
    explorer.tabs.selected_index = explorer.tabs.titles.index(page)


def charts(explorer: Explorer) -> dict[str, PlotlyView]:
    """Return every chart that shows what the recipe does."""
    return {
        "error": explorer.error.view,
        "map": explorer.map.view,
        "depth": explorer.depth.view,
        "codes": explorer.codes.view,
        "predictions": explorer.predictions.view,
        "results": explorer.results.results,
        "neighbourhood": explorer.node.view,
    }


def test_explorer_opens_on_a_shipped_run(store: Path) -> None:
    made = Explorer(store=store)
    shown = made.state.shown
    assert shown is not None
    assert (shown.origin, made.state.status, made.state.problem) == ("stored", "", "")
    assert shown.recipe == scheme("degree-quant", bits=4)
    assert "stored" in made.summary.origin.value
    assert made.jobs.jobs == [] or made.jobs.running is None
    made.close()


def test_float_model_is_trained_for_the_first_preview(store: Path) -> None:
    recipe = with_training(with_model(SHORT, hidden=5), epochs=4)
    made = Explorer(with_preset(recipe, "INT8"), store=store)
    assert "float model" in made.state.status
    assert made.state.shown is None
    assert "Float model for the preview" in made.run.queue.children[0].children[0].value
    settle(made, lambda: made.state.shown is not None)
    assert made.state.shown.origin == "preview"
    assert made.state.shown.baseline.spec == recipe
    made.close()


def test_every_chart_and_table_follows_a_width(explorer: Explorer) -> None:
    explorer.bits.preset.value = "INT4"
    explorer.state.node = 3
    before = {name: view.figure.to_json() for name, view in charts(explorer).items()}
    tables = {name: json.dumps(view.table) for name, view in charts(explorer).items()}
    cards, numbers = explorer.summary.cards.value, explorer.node.numbers.value
    explorer.bits.cells["message", range(1)].value = 8
    assert explorer.state.shown.origin == "preview"
    assert explorer.state.shown.recipe == explorer.state.recipe
    for name, view in charts(explorer).items():
        assert view.figure.to_json() != before[name], name
        assert json.dumps(view.table) != tables[name], name
        assert "preview" in str(view.figure.layout.title.text), name
    assert explorer.summary.cards.value != cards
    assert explorer.node.numbers.value != numbers
    assert explorer.bits.preset.value == "Custom"


def test_every_chart_follows_what_is_chosen_in_any(explorer: Explorer) -> None:
    explorer.bits.preset.value = "INT4"
    explorer.state.node = 0
    whole = {name: view.figure.to_json() for name, view in charts(explorer).items()}
    explorer.error.view.selected = {"x": [4, 17], "y": [0, 1]}
    assert explorer.state.chosen == Degrees(4, 17)
    assert explorer.chosen.chip.value == "in-degree 4–17"
    for name, view in charts(explorer).items():
        assert view.figure.to_json() != whole[name], name
    explorer.degrees.view.selected = {"x": [0.4, 1.2], "y": [0, 1]}
    assert explorer.state.chosen == Degrees(1, 1)
    explorer.predictions.view.selected = {"x": [-1e3, 1e3], "y": [-1e3, 1e3]}
    tested = np.flatnonzero(explorer.state.graph.test)
    assert explorer.state.chosen == Picked(tuple(tested.tolist()))
    explorer.chosen.list.value = OfClass(1)
    assert explorer.state.chosen == OfClass(1)
    explorer.chosen.clear.click()
    assert explorer.state.chosen is None
    assert {name: view.figure.to_json() for name, view in charts(explorer).items()} == whole


def test_pages_behind_are_drawn_when_they_come_to_the_front(explorer: Explorer) -> None:
    explorer.tabs.selected_index = 0
    explorer.state.page = "Error × degree"
    before = explorer.map.view.figure
    explorer.bits.preset.value = "INT8" if explorer.bits.preset.value != "INT8" else "INT4"
    assert explorer.map.view.figure is before
    explorer.tabs.selected_index = 1
    assert explorer.map.view.figure is not before


def test_run_from_start_to_result(explorer: Explorer) -> None:
    explorer.bits.preset.value = "Degree-Quant 8"
    explorer.run.seed.value = 11
    explorer.run.epochs.value = 400
    explorer.run.start.click()
    job = explorer.jobs.jobs[-1]
    assert explorer.tabs.titles[explorer.tabs.selected_index] == "Training"
    settle(explorer, lambda: len(job.epochs) > 5)
    assert "Epoch" in explorer.run.sentence.value
    assert 0 < explorer.run.progress.value <= 1
    assert not explorer.run.cancel.disabled
    assert "running" in str(explorer.training.view.figure.layout.title.text)
    settle(explorer, lambda: job.is_over)
    shown = explorer.state.shown
    assert (job.status, shown.origin, shown.recipe) == ("finished", "trained", job.order)
    assert explorer.state.status == ""
    assert len(shown.run.epochs) == 400
    look_at(explorer, "Error × degree")
    assert "trained" in str(explorer.error.view.figure.layout.title.text)
    look_at(explorer, "Runs")
    assert shown.run.key in [key for _, key in explorer.results.run.options]
    explorer.run.start.click()
    assert "trained already" in explorer.run.sentence.value
    assert explorer.jobs.running is None


def test_simulated_path_of_a_run_and_its_absence_in_a_preview(explorer: Explorer) -> None:
    explorer.bits.preset.value = "INT4"
    explorer.run.mode.value = "ptq"
    explorer.run.start.click()
    settle(explorer, lambda: explorer.state.shown.origin in ("trained", "stored"))
    explorer.error.path.value = "both"
    look_at(explorer, "Error × degree")
    assert {"integer", "simulated"} <= {trace.name for trace in explorer.error.view.figure.data}
    for measure in ("class_flip", "sqnr_db"):
        explorer.error.measure.value = measure
        assert explorer.error.note.value == ""
    explorer.error.kind.value = "own"
    assert "only total relative errors" in explorer.error.note.value
    explorer.error.kind.value = "total"
    explorer.bits.cells["output", range(1)].value = 6
    assert "preview has no simulation" in explorer.error.note.value


def test_sensitivity_of_each_component(explorer: Explorer) -> None:
    explorer.bits.preset.value = "INT4"
    explorer.error.kind.value = "only"
    assert explorer.error.layer.disabled
    seen = set()
    for component in ("weight", "norm", "message"):
        explorer.error.component.value = component
        seen.add(json.dumps(explorer.error.view.table))
    assert len(seen) == 3
    explorer.error.component.value = "weight"
    explorer.error.kind.value = "own"
    assert explorer.error.component.value == "output"


@pytest.mark.parametrize("operator", ["gat", "gin", "sage"])
def test_another_operator_from_choice_to_trained_run(explorer: Explorer, operator: str) -> None:
    explorer.bits.preset.value = "Degree-Quant 4"
    explorer.model.operator.value = operator
    assert explorer.bits.preset.value == "Degree-Quant 4"
    settle(explorer, lambda: not explorer.state.status)
    shown = explorer.state.shown
    assert (shown.origin, shown.recipe) == ("preview", explorer.state.recipe)
    explorer.state.node = 3
    explorer.run.start.click()
    settle(explorer, lambda: explorer.state.shown.origin == "trained")
    shown = explorer.state.shown
    explorer.error.path.value = "both"
    for layer in shown.layers:
        explorer.error.layer.value = explorer.codes.layer.value = shown.layers.index(layer)
        assert [slot for _, slot in explorer.error.component.options] == list(layer.rows)
        for slot in layer.rows:
            explorer.error.component.value = slot
            assert explorer.error.note.value == "", "the simulation is stored for every slot"
            assert title(slot) in str(explorer.error.view.figure.layout.title.text)
        for slot in layer.slots:
            explorer.codes.component.value = slot
            assert title(slot) in str(explorer.codes.view.figure.layout.title.text)
            assert explorer.codes.view.table or slot in ("coefficient", "output")
    for component in components(shown.layers):
        explorer.error.kind.value = "only"
        explorer.error.component.value = component
        assert explorer.error.view.table
    assert "hidden features" not in explorer.node.numbers.value or operator == "gin"
    assert ("softmax" in explorer.summary.cards.value) == (operator == "gat")


def test_edge_weights_are_refused_where_an_operator_takes_none(store: Path) -> None:
    ring = nx.cycle_graph(12)
    for node, data in ring.nodes(data=True):
        data["y"], data["x"] = node % 2, [1.0, float(node % 3)]
    for _, _, data in ring.edges(data=True):
        data["weight"] = 0.5
    made = Explorer(graph=ring, store=store)
    made.model.operator.value = "sage"
    assert "with edge weights" in made.state.status
    assert "one without, for sage" in made.summary.origin.value
    assert made.jobs.waiting == []
    made.run.epochs.value = 5
    made.run.start.click()
    job = made.jobs.jobs[-1]
    settle(made, lambda: job.is_over)
    assert job.status == "failed"
    assert "with edge weights" in job.note
    made.model.operator.value = "gcn"
    settle(made, lambda: not made.state.status)
    assert made.state.shown.origin == "preview"
    made.close()


def test_click_on_a_point_shows_the_node(explorer: Explorer) -> None:
    explorer.bits.preset.value = "INT4"
    explorer.error.view.clicked = {"curve": 1, "point": 0, "customdata": 33, "count": 1}
    assert explorer.state.node == 33
    assert "Node 33" in explorer.node.numbers.value
    assert "node 33" in explorer.node.view.summary.lower()
    explorer.node.view.clicked = {"curve": 1, "point": 0, "customdata": [2], "count": 1}
    assert explorer.state.node == 2
    explorer.node.node.value = 10**6
    explorer.node.go.click()
    assert "numbered 0 to 33" in explorer.node.numbers.value


def test_cancel_midway_keeps_what_was_shown(explorer: Explorer) -> None:
    explorer.bits.preset.value = "INT8"
    explorer.run.epochs.value = 100_000
    shown = explorer.state.shown
    explorer.run.start.click()
    job = explorer.jobs.jobs[-1]
    explorer.run.start.click()
    assert explorer.jobs.jobs[-1] is job
    settle(explorer, lambda: len(job.epochs) > 3)
    explorer.run.cancel.click()
    assert explorer.run.cancel.disabled
    settle(explorer, lambda: job.is_over)
    assert job.status == "cancelled"
    assert "cancelled" in explorer.run.queue.children[0].children[0].value
    assert explorer.state.shown is shown
    assert "cancelled" in str(explorer.training.view.figure.layout.title.text)


def test_killed_worker_is_replaced_once_and_then_said(explorer: Explorer) -> None:
    explorer.run.epochs.value = 100_000
    explorer.run.start.click()
    job = explorer.jobs.jobs[-1]
    settle(explorer, lambda: explorer.jobs.pids != [])
    (first,) = explorer.jobs.pids
    os.kill(first, signal.SIGKILL)
    settle(explorer, lambda: explorer.jobs.pids not in ([], [first]))
    settle(explorer, lambda: len(job.epochs) > 1)
    os.kill(explorer.jobs.pids[0], signal.SIGKILL)
    settle(explorer, lambda: job.is_over)
    assert job.status == "failed"
    assert "SIGKILL" in explorer.run.queue.children[0].children[0].value
    explorer.run.epochs.value = 7
    explorer.run.start.click()
    settle(explorer, lambda: explorer.jobs.jobs[-1].is_over)
    assert explorer.jobs.jobs[-1].status == "finished"


@pytest.mark.parametrize(
    ("panel", "control", "bad", "said"),
    [
        ("model", "layers", 1, "model.layers: got 1, accepts an integer from 2 to 64"),
        ("model", "hidden", 0, "model.hidden"),
        ("model", "dropout", 1.0, "model.dropout"),
        ("model", "heads", 65, "model.heads"),
        ("protection", "p_min", -0.1, "protection.p_min"),
        ("protection", "p_max", 1.5, "protection.p_max"),
        ("run", "epochs", 0, "training.epochs"),
        ("run", "lr", 0.0, "training.lr"),
        ("run", "seed", -1, "seed"),
    ],
)
def test_bad_value_is_refused_in_a_sentence(
    explorer: Explorer, panel: str, control: str, bad: float, said: str
) -> None:
    recipe = explorer.state.recipe
    box = getattr(getattr(explorer, panel), control)
    good = box.value
    box.value = bad
    assert said in explorer.header.problem.value
    assert (explorer.state.recipe, box.value) == (recipe, good)
    explorer.model.hidden.value = 12
    assert explorer.state.problem == ""


def test_diverged_run_ends_with_a_sentence(explorer: Explorer) -> None:
    explorer.run.lr.value = 10.0
    explorer.run.epochs.value = 300
    explorer.model.residual.value = True
    explorer.model.layers.value = 40
    explorer.run.mode.value = "float"
    explorer.run.start.click()
    job = explorer.jobs.jobs[-1]
    settle(explorer, lambda: job.is_over)
    assert job.status == "diverged"
    lines = [line.children[0].value for line in explorer.run.queue.children]
    assert any("not finite" in line for line in lines)
    assert "diverged" in str(explorer.training.view.figure.layout.title.text)


def test_deep_network_groups_its_hidden_layers(explorer: Explorer) -> None:
    explorer.bits.preset.value = "INT8"
    explorer.model.layers.value = 9
    hidden = range(1, 8)
    explorer.bits.cells["weight", hidden].value = 4
    widths = [layer.weight.bits for layer in explorer.state.recipe.quant]
    assert widths == [8, *[4] * 7, 8]
    lines = json.loads(dumps(explorer.state.recipe))
    lines["quant"][3]["weight"]["bits"] = 2
    explorer.recipe.json.value = json.dumps(lines)
    explorer.recipe.apply.click()
    assert explorer.bits.cells["weight", range(3, 4)].value == 2
    explorer.bits.first.value, explorer.bits.last.value = 2, 8
    explorer.bits.component.value, explorer.bits.width.value = "weight", 8
    explorer.bits.set.click()
    assert explorer.bits.preset.value == "INT8"


def test_recipe_round_trip_and_its_faults(explorer: Explorer) -> None:
    explorer.recipe.json.value = '{"model": {"hidden": 8, "layers": 3}}'
    explorer.recipe.apply.click()
    assert "quant" in explorer.recipe.fault.value
    explorer.recipe.json.value = '{"model": {"hidden": 0}}'
    explorer.recipe.apply.click()
    assert "model.hidden" in explorer.recipe.fault.value
    explorer.recipe.json.value = "<script>"
    explorer.recipe.apply.click()
    assert "<script>" not in explorer.recipe.fault.value
    explorer.recipe.json.value = dumps(with_preset(SHORT, "W4A8"))
    explorer.recipe.apply.click()
    assert explorer.recipe.fault.value == ""
    assert explorer.bits.preset.value == "W4A8"


def test_loading_a_run_takes_its_recipe(explorer: Explorer) -> None:
    explorer.bits.preset.value = "INT8"
    explorer.results.run.value = SHORT.key
    explorer.results.load.click()
    assert explorer.state.recipe == SHORT
    explorer.header.undo.click()
    assert explorer.bits.preset.value == "INT8"
    explorer.results.pareto.clicked = {"curve": 0, "point": 0, "customdata": SHORT.key, "count": 1}
    assert explorer.state.recipe == SHORT


def test_switching_the_graph_marks_what_is_out_of_date(explorer: Explorer) -> None:
    explorer.bits.preset.value = "INT8"
    explorer.graph.name.value = "hubs"
    explorer.graph.nodes.value = 60
    assert "out of date" in explorer.summary.origin.value
    assert "gb-stale" in explorer._right._dom_classes
    assert "60 nodes" in explorer.graph.facts.value
    settle(explorer, lambda: not explorer.state.status)
    assert "out of date" not in explorer.summary.origin.value
    assert explorer.state.shown.graph.nodes == 60
    assert "gb-stale" not in explorer._right._dom_classes


def test_cancelled_float_model_is_not_trained_again(explorer: Explorer) -> None:
    explorer.run.epochs.value = 100_000
    explorer.model.hidden.value = 33
    settle(explorer, lambda: explorer.jobs.running is not None)
    explorer.run.cancel.click()
    settle(explorer, lambda: "no float model" in explorer.state.status)
    assert explorer.jobs.running is None
    assert explorer.jobs.waiting == []


def test_missing_public_graph_is_said(explorer: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    explorer.graph.name.value = "Physics"
    assert "Physics is being fetched" in explorer.state.status
    settle(explorer, lambda: all(job.is_over for job in explorer.jobs.jobs))
    assert "Physics is not here" in explorer.state.status


def test_links_open_what_they_hold(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUERY_STRING", f"theme=dark&r={pack(SHORT)}")
    made = Explorer(store=store)
    assert made.state.recipe == SHORT
    assert made.header.link.token == pack(SHORT)
    made.close()
    monkeypatch.setenv("QUERY_STRING", "r=1abc")
    made = Explorer(store=store)
    assert made.state.recipe == scheme("degree-quant", bits=4)
    assert "link could not be read" in made.header.problem.value
    made.close()
    with pytest.raises(SpecError, match="link"):
        Explorer("1abc", store=store)


def test_own_graphs(store: Path, tmp_path: Path) -> None:
    club = nx.karate_club_graph()
    for node, data in club.nodes(data=True):
        data["y"], data["x"] = data["club"], [1.0, float(node % 3)]
    made = Explorer(graph=club, store=store)
    assert made.state.recipe.graph.name.startswith("own:")
    assert made.state.graph.nodes == 34
    assert "own graph" in made.header.title.value
    made.close()
    write_npz(tmp_path / "mine.npz", load_graph(GraphSpec(name="karate")))
    again = Explorer(graph=tmp_path / "mine.npz", store=store)
    assert again.state.graph.nodes == 34
    again.close()
    with pytest.raises(GraphError, match="label"):
        Explorer(graph=nx.path_graph(4), store=store)


def rings(graphs: int = 40) -> list[SimpleNamespace]:
    """Return rings of 3 to 8 nodes, the last without any, as a person's list of graphs."""
    rng = np.random.default_rng(0)
    sizes = [*rng.integers(3, 9, graphs - 1), 0]
    return [
        SimpleNamespace(
            edge_index=np.stack((np.arange(size), (np.arange(size) + 1) % max(size, 1))),
            x=rng.normal(size=(size, 2)).astype(np.float32) + size,
            y=np.array(size % 2),
            test_mask=np.array(at >= graphs - 12),
        )
        for at, size in enumerate(sizes)
    ]


@pytest.fixture
def of_set(store: Path) -> Iterator[Explorer]:
    """Return an explorer of a person's own set of graphs, its float model trained."""
    made = Explorer(graph=rings(), store=store)
    made.state.page = ""
    made.run.epochs.value = 15
    settle(made, lambda: not made.state.status)
    yield made
    made.close()


def test_own_set_opens_with_a_network_for_graphs(of_set: Explorer) -> None:
    shown = of_set.state.shown
    assert (shown.origin, shown.graph.units, shown.measured.units) == ("preview", 40, 12)
    assert of_set.state.graph is shown.graph
    assert of_set.state.recipe.model == ModelSpec(operator="gin", pool="mean", dropout=0.0)
    assert "40 graphs of 0 to 8 nodes" in of_set.graph.facts.value
    assert "(graphs)" in of_set.graph.name.label
    assert of_set.run.batch.layout.display is None
    assert "within a graph" in of_set.protection.drawing.value
    assert "within a graph" in of_set.degrees.view.summary


def test_errors_of_a_set_stand_against_degree_and_against_size(of_set: Explorer) -> None:
    panel = of_set.error
    assert panel.against.layout.display is None
    assert panel.against.value is DEGREE
    assert [at for _, at in panel.layer.options] == [0, 1, 2]
    assert panel.layer.value == 1, "the last one whose output nodes have"
    assert "Error against degree" in str(panel.view.figure.layout.title.text)
    panel.against.value = SIZE
    assert [at for _, at in panel.layer.options] == [2, 3]
    assert "Error against graph size" in str(panel.view.figure.layout.title.text)
    assert "layer 4 output" in str(panel.view.figure.layout.title.text)
    assert sum(row[2] for row in panel.view.table["rows"]) == 12
    panel.layer.value = 2
    panel.against.value = DEGREE
    assert (panel.layer.value, panel.component.value) == (2, "input"), "what the pool gathers"
    panel.kind.value = "only"
    assert (panel.against.value, panel.against.disabled) == (SIZE, True)
    panel.kind.value = "total"
    assert not panel.against.disabled


def test_every_chart_of_a_set_follows_a_width(of_set: Explorer) -> None:
    of_set.state.member = 3
    of_set.state.node = 5
    views = {**charts(of_set), "member": of_set.member.view}
    before = {name: view.figure.to_json() for name, view in views.items()}
    of_set.bits.cells["message", range(1)].value = 2
    for name, view in views.items():
        assert view.figure.to_json() != before[name], name
        assert "preview" in str(view.figure.layout.title.text), name


def test_a_graph_of_a_set_is_picked_and_shown(of_set: Explorer) -> None:
    of_set.state.member = None
    assert of_set.member.layout.display is None
    assert of_set.member._body.layout.display == "none"
    of_set.error.against.value = SIZE
    of_set.error.view.clicked = {"curve": 1, "point": 0, "customdata": 2, "count": 1}
    assert of_set.state.member == 2
    assert of_set.member.numbers.value.startswith("<b>Graph 2</b>")
    assert "4 output" in of_set.member.numbers.value
    assert "2 output" not in of_set.member.numbers.value, "that is the nodes'"
    size = of_set.state.shown.sizes[2]
    assert len(of_set.member.view.table["rows"]) == size
    assert f"Graph 2 has {size} nodes" in of_set.member.view.summary
    node = of_set.member.view.table["keys"][0]
    of_set.member.view.clicked = {"curve": 1, "point": 0, "customdata": node, "count": 1}
    assert of_set.state.node == node
    assert "2 of those tested on" in of_set.node.numbers.value
    assert "2 output" in of_set.node.numbers.value
    assert "4 output" not in of_set.node.numbers.value
    of_set.predictions.view.clicked = {"curve": 1, "point": 0, "customdata": 11, "count": 1}
    assert of_set.state.member == 11
    assert "no nodes" in of_set.member.view.summary
    of_set.member.member.value = 12
    of_set.member.go.click()
    assert "numbered 0 to 11" in of_set.member.numbers.value


def test_what_is_picked_stands_under_the_chart_that_is_looked_at(explorer: Explorer) -> None:
    explorer.tabs.selected_index = 0
    at = explorer.tabs.titles.index("Predictions")
    errors, predicted = explorer.tabs.children[0], explorer.tabs.children[at]
    assert explorer.node in errors.children
    explorer.tabs.selected_index = at
    assert predicted.children == (explorer.predictions, explorer.member, explorer.node)
    assert errors.children == (explorer.error,)
    look_at(explorer, "Depth")
    assert explorer.node in predicted.children
    explorer.tabs.selected_index = 0
    assert errors.children == (explorer.error, explorer.member, explorer.node)
    assert predicted.children == (explorer.predictions,)
    look_at(explorer, "Map")
    assert explorer.tabs.children[1].children == (explorer.map, explorer.member, explorer.node)


def test_a_set_is_trained_from_start_to_result(of_set: Explorer) -> None:
    of_set.run.batch.value = 8
    of_set.run.epochs.value = 6
    of_set.run.start.click()
    settle(of_set, lambda: of_set.state.shown.origin == "trained")
    look_at(of_set, "Error × degree")
    shown = of_set.state.shown
    assert shown.recipe.training.batch == 8
    assert len(shown.run.epochs) == 6
    for against in (DEGREE, SIZE):
        of_set.error.against.value = against
        of_set.error.path.value = "both"
        assert of_set.error.note.value == ""
    assert {"integer", "simulated"} <= {trace.name for trace in of_set.error.view.figure.data}
    of_set.error.path.value = "integer"


def test_targets_are_learned_shown_and_judged_by_their_error(store: Path) -> None:
    graphs = rings()
    for graph in graphs:
        graph.y = np.array([len(graph.x) / 2, 1.0], dtype=np.float32)
    made = Explorer(graph=graphs, store=store)
    made.state.page = ""
    made.run.epochs.value = 8
    settle(made, lambda: not made.state.status)
    shown = made.state.shown
    assert (shown.merit, shown.origin) == (MAE, "preview")
    assert "2 targets" in made.graph.facts.value
    assert "pinned, MAE" in made.summary.cards.value
    assert "%" not in made.summary.cards.value.split("Codes differ")[0]
    assert "class_flip" not in dict(made.error.measure.options).values()
    assert made.predictions.target.layout.display is None
    assert "mean absolute error is" in made.predictions.view.summary
    first = made.predictions.view.summary
    made.predictions.target.value = 1
    assert made.predictions.view.summary != first
    made.state.member = 2
    assert "Integers say" in made.member.numbers.value
    made.run.start.click()
    job = made.jobs.jobs[-1]
    settle(made, lambda: len(job.epochs) > 1)
    assert "%" not in made.run.sentence.value
    settle(made, lambda: made.state.shown.origin == "trained")
    assert "best validation mean absolute error" in made.training.view.summary
    assert made.results.results.summary.startswith("Mean absolute error")
    assert "Mean absolute error against cost" in str(made.results.pareto.figure.layout.title.text)
    made.error.against.value, made.error.path.value = SIZE, "both"
    for measure in ("relative_l2", "absolute_l2"):
        made.error.measure.value = measure
        assert made.error.note.value == "", measure
    made.error.component.value = "feature"
    assert "only total relative errors" in made.error.note.value
    made.state.page = ""
    made.graph.name.value = "karate"
    settle(made, lambda: not made.state.status)
    assert "class_flip" in dict(made.error.measure.options).values()
    assert made.predictions.target.layout.display == "none"
    made.close()


@pytest.fixture(scope="module")
def trained() -> tuple[Data, GIN]:
    """Return a person's graph, and a model they trained on it."""
    karate = load_graph(GraphSpec(name="karate"))
    data = Data(
        x=torch.eye(34),
        edge_index=torch.from_numpy(karate.edge_index),
        y=torch.from_numpy(karate.y),
        **{f"{part}_mask": torch.from_numpy(getattr(karate, part)) for part in ("train", "val")},
        test_mask=torch.from_numpy(karate.test),
    )
    torch.manual_seed(0)
    model = GIN(34, 12, 2, 4, norm="batch_norm")
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(30):
        optimizer.zero_grad()
        scores = model(data.x, data.edge_index)
        torch.nn.functional.cross_entropy(
            scores[data.train_mask], data.y[data.train_mask]
        ).backward()
        optimizer.step()
    return data, model.eval()


def test_own_model_is_previewed_at_each_width_and_finetuned(
    store: Path, trained: tuple[Data, GIN]
) -> None:
    data, model = trained
    made = Explorer(graph=data, model=model, store=store)
    assert "your model, which is being measured" in made.state.status
    settle(made, lambda: not made.state.status)
    shown = made.state.shown
    assert (shown.origin, shown.is_baseline_other) == ("preview", False)
    assert made.bits.preset.value == "Degree-Quant 8"
    assert "own model" in made.header.title.value
    with torch.no_grad():
        theirs = model(data.x, data.edge_index).numpy()
    np.testing.assert_allclose(shown.analysis.study.trace.scores, theirs, atol=1e-5)
    errors = []
    for preset in ("INT8", "INT4"):
        made.bits.preset.value = preset
        assert made.state.shown.origin == "preview"
        errors.append(np.median(made.state.shown.analysis.error(1)))
    assert 0 < errors[0] < errors[1]
    made.run.epochs.value = 5
    assert made.run.mode.value == "finetune"
    made.run.start.click()
    settle(made, lambda: made.state.shown.origin == "trained")
    held = made.state.shown.run
    assert held.spec.model == made.model.operator.value
    assert len(held.epochs) == 5
    look_at(made, "Runs")
    assert "own " in made.results.table.value
    link = made.header.link.token
    made.model.operator.value = "gcn"
    assert made.state.recipe.model == ModelSpec()
    made.close()
    again = Explorer(link, store=store)
    assert again.state.shown.run.key == held.key
    assert again.model.operator.label.startswith("Own model")
    again.close()


def test_own_model_of_a_set_of_graphs(store: Path) -> None:
    class ForGraphs(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.head = SAGEConv(2, 6), torch.nn.Linear(6, 2)

        def forward(self, x, edge_index, batch):
            return self.head(global_mean_pool(self.body(x, edge_index).relu(), batch))

    made = Explorer(graph=rings(), model=ForGraphs().eval(), store=store)
    settle(made, lambda: not made.state.status)
    assert made.state.shown.measured.units == 12
    assert (made.model.pool.value, made.model.pool.disabled) == ("mean", True)
    made.error.against.value = SIZE
    assert sum(row[2] for row in made.error.view.table["rows"]) == 12
    made.close()


def test_own_model_that_does_not_fit_is_refused_with_a_sentence(
    store: Path, trained: tuple[Data, GIN]
) -> None:
    data, model = trained
    with pytest.raises(SpecError, match=r"model\.features: got 34, accepts 64, .* digits-knn"):
        Explorer(model=model, store=store)
    with pytest.raises(SpecError, match=r"model\.outputs: got 3, accepts 4, .* classes of own"):
        Explorer(graph=data, model=GIN(34, 12, 2, 3), store=store)
    with pytest.raises(SpecError, match=r"model\.pool: got 'none'"):
        Explorer(graph="digits-superpixels", model=model, store=store)
    made = Explorer(graph="karate", model=model, store=store)
    made.graph.name.value = "hubs"
    assert "model.features: got 34" in made.state.status
    made.close()


def test_names_of_graphs_are_taken(store: Path) -> None:
    made = Explorer(graph="digits-slant", store=store)
    assert made.state.recipe.graph == GraphSpec(name="digits-slant")
    assert made.state.recipe.model.pool == "mean"
    assert [name for _, name in made.graph.name.options].count("digits-slant") == 1
    made.close()


def test_a_set_gives_way_to_a_graph(of_set: Explorer) -> None:
    of_set.state.member = 3
    of_set.error.against.value = SIZE
    of_set.graph.name.value = "karate"
    settle(of_set, lambda: not of_set.state.status)
    assert of_set.state.recipe.model.pool == "none"
    assert of_set.state.member is None
    assert of_set.member.layout.display == "none"
    assert (of_set.error.against.value, of_set.error.against.layout.display) == (DEGREE, "none")
    assert "of 34 nodes" not in of_set.predictions.view.summary
    assert "nodes are right in float" in of_set.predictions.view.summary


def test_unknown_graph_in_a_recipe_is_said(store: Path) -> None:
    made = Explorer(scheme("float", graph=GraphSpec(name="<b>Atlantis")), store=store)
    assert "Atlantis" in made.state.status
    assert "<b>Atlantis" not in made.summary.origin.value
    made.graph.name.value = "karate"
    settle(made, lambda: not made.state.status)
    made.close()


def test_every_control_has_a_name(explorer: Explorer) -> None:
    def controls(widget: object) -> Iterator[object]:
        if hasattr(widget, "children"):
            for child in widget.children:
                yield from controls(child)
        elif hasattr(widget, "description") and hasattr(widget, "value"):
            yield widget

    named = [control for control in controls(explorer) if type(control).__name__ != "HTML"]
    assert len(named) > 25
    for control in named:
        if type(control).__name__ != "FloatProgress":
            assert control.description, control
    descriptions = [control.description for control in named if control.description]
    shared = {name for name in descriptions if descriptions.count(name) > 1}
    assert shared == set(), shared


def test_two_explorers_share_the_worker(explorer: Explorer, store: Path) -> None:
    other = Explorer(SHORT, store=store)
    assert other.jobs is explorer.jobs
    explorer.run.seed.value = 77
    explorer.run.start.click()
    assert other.run.queue.children[0].children[0].value == (
        explorer.run.queue.children[0].children[0].value
    )
    other.close()
    settle(explorer, lambda: explorer.state.shown.origin == "trained")
    assert other.state.recipe == SHORT


KERNEL = """
import sys, time
from pathlib import Path
from engine.spec import GraphSpec, TrainingSpec, scheme
from explorer.jobs import Jobs

jobs = Jobs(Path(sys.argv[1]))
training = TrainingSpec(epochs=100_000)
job = jobs.submit(scheme("float", graph=GraphSpec(name="karate"), training=training), "long")
while not job.epochs:
    assert not job.is_over, job.note
    jobs.poll()
    time.sleep(0.01)
print(*jobs.pids, flush=True)
time.sleep(3600)
"""


def test_killed_kernel_takes_its_worker_along_and_blocks_nothing(tmp_path: Path) -> None:
    recipe = with_training(KARATE, epochs=100_000)
    kernel = subprocess.Popen(
        [sys.executable, "-c", KERNEL, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    worker = int(kernel.stdout.readline())
    kernel.kill()
    kernel.communicate()
    until = time.monotonic() + 20
    while Path(f"/proc/{worker}").exists():
        assert time.monotonic() < until, "the worker outlives its kernel"
        time.sleep(0.05)
    assert RunStore(tmp_path).find(recipe.key).status == "cancelled"
    jobs = Jobs(tmp_path)
    again = jobs.submit(recipe, "again")
    while not again.epochs:
        assert not again.is_over, again.note
        jobs.poll()
        time.sleep(0.01)
    jobs.close()


def within(widget: widgets.Widget) -> Iterator[widgets.Widget]:
    """Yield a widget and all that stand in it."""
    yield widget
    for child in getattr(widget, "children", ()):
        yield from within(child)


def test_each_control_says_what_it_does_and_each_page_what_to_look_for(explorer: Explorer) -> None:
    named = [w for w in within(explorer) if getattr(w, "description", "")]
    assert len(named) > 60
    assert [w.description for w in named if not w.tooltip] == []
    for page, name in zip(explorer.tabs.children, explorer.tabs.titles, strict=True):
        notes = [w.value for w in within(page) if "gb-note" in w._dom_classes]
        assert name == "Recipe" or max(map(len, notes)) > 50, name


def test_the_charts_come_before_the_controls(store: Path) -> None:
    told: list[str] = []

    async def scene() -> None:
        explorer = Explorer(store=store)
        explorer.load(with_preset(with_model(explorer.state.recipe, operator="gat"), "INT8"))
        explorer.answer()  # is kept from now on, so that it is there long before patience ends
        explorer.state.undo()
        before = explorer.answer()
        explorer.state.catch_up()
        explorer.error.view.observe(lambda _: told.append("chart"), "figure")
        explorer.bits.preset.observe(lambda _: told.append("control"), "value")
        explorer.state.redo()
        async with asyncio.timeout(60):
            while "control" not in told:
                await asyncio.sleep(0.001)
        assert explorer.state.shown is not before
        assert explorer.bits.preset.value == "INT8"
        assert explorer.model.operator.value == "gat"
        explorer.load(with_preset(explorer.state.recipe, "INT4"))
        assert explorer.bits.preset.value == "INT4"  # whoever loads one sees it at once
        explorer.close()

    asyncio.run(scene())
    assert told[0] == "chart"
