"""The explorer driven through its widgets, with the real worker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import networkx as nx
import pytest

from engine.graphs.catalogue import load_graph
from engine.graphs.graph import GraphError
from engine.graphs.npz import write_npz
from engine.runs import RunStore
from engine.spec import GraphSpec, SpecError, dumps, scheme
from explorer import Explorer
from explorer.jobs import Jobs
from explorer.links import pack
from explorer.plot import PlotlyView
from explorer.slots import components, title
from explorer.state import with_model, with_preset, with_training

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
    settle(made, lambda: not made.state.status)
    yield made
    made.close()


def charts(explorer: Explorer) -> dict[str, PlotlyView]:
    """Return every chart that shows what the recipe does."""
    return {
        "error": explorer.error.view,
        "depth": explorer.depth.view,
        "codes": explorer.codes.view,
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
    assert "trained" in str(explorer.error.view.figure.layout.title.text)
    assert len(shown.run.epochs) == 400
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
    assert {"integer", "simulated"} <= {trace.name for trace in explorer.error.view.figure.data}
    for measure in ("class_flip", "sqnr_db"):
        explorer.error.measure.value = measure
        assert explorer.error.note.value == ""
    explorer.error.kind.value = "own"
    assert "only total errors" in explorer.error.note.value
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


def test_killed_worker_is_said_and_replaced(explorer: Explorer) -> None:
    explorer.run.epochs.value = 100_000
    explorer.run.start.click()
    job = explorer.jobs.jobs[-1]
    settle(explorer, lambda: len(job.epochs) > 1)
    os.kill(explorer.jobs.pid, signal.SIGKILL)
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
    assert "not finite" in explorer.run.queue.children[0].children[0].value
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
    assert explorer.bits.cells["weight", hidden].value is None
    explorer.bits.cells["weight", hidden].value = 8
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
    settle(explorer, lambda: explorer.jobs.running is None)
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
    jobs.poll()
    time.sleep(0.01)
print(jobs.pid, flush=True)
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
