"""The page of searches: what is started and resumed, and what its charts show of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.runs import RunStore
from engine.search import Budget, Chance, SearchLog, SearchSpec, Tpe, Uniform
from engine.spec import ModelSpec, OwnModel, RunSpec
from explorer.jobs import Job
from explorer.packaged import stores
from explorer.panels.search import SearchPanel
from explorer.presets import DEFAULT
from explorer.searches import search_title
from explorer.spaces import SHAPES
from explorer.state import State
from tests.explorer.test_searches import SPACE, SPEC, trial, write

KARATE = replace(DEFAULT, graph=SPACE.graph)
SECOND = replace(SPEC, seed=1)


class Queue:
    """Searches as the panel orders them, told by hand."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.tell: Any = None
        self.cancelled: list[Job] = []

    def listen(self, listener: Any) -> None:
        """Take the one listener."""
        self.tell = listener

    def unlisten(self, _: Any) -> None:
        self.tell = None

    def submit(self, order: Any, purpose: str) -> Job:
        """Queue an order."""
        self.jobs.append(Job(id=f"job-{len(self.jobs)}", order=order, purpose=purpose))
        self.tell(self.jobs[-1])
        return self.jobs[-1]

    def cancel(self, job: Job) -> None:
        """Remember what was to be cancelled."""
        self.cancelled.append(job)


@pytest.fixture
def queue() -> Queue:
    return Queue()


@pytest.fixture
def panel(tmp_path: Path, queue: Queue) -> SearchPanel:
    first = trial(0, 0.5), trial(1, 0.9, bits=8)
    write(SPEC, tmp_path, *first, over=True)
    write(SECOND, tmp_path, trial(0, 0.7, seed=1))
    return SearchPanel(State(KARATE), queue, RunStore(tmp_path))  # type: ignore[arg-type]


def names(panel: SearchPanel) -> list[str]:
    return [trace.name for trace in panel.front.figure.data]


def test_charts_show_the_searches_of_the_graph(panel: SearchPanel) -> None:
    _, shown, *_ = panel.front.figure.data
    assert shown.name == "Random"
    assert sorted(shown.y) == [60, 90], "seeds of one recipe are one point"
    assert list(shown.error_y.array) == pytest.approx([14.142, 0], abs=0.01)
    assert len(panel.lines.figure.data) == 3, "two recipes, and the colours"
    summary = panel.found.figure.layout.meta["summary"]
    assert summary.startswith("In 2 answers of searches on karate, weights have 6.0 ± 2.8 bits")
    assert "<td>90.0 %</td>" in panel.table.value
    assert "–" in panel.table.value, "no graph, no hypervolume"
    titles = [title for title, _ in panel.shown.options]
    assert titles[0] == "All on this graph"
    assert len(titles) == 3


def test_one_search_can_be_looked_at_and_resumed(panel: SearchPanel, queue: Queue) -> None:
    assert panel.resume.disabled
    panel.shown.value = SPEC.key
    assert panel.resume.disabled, "it is over"
    panel.shown.value = SECOND.key
    assert not panel.resume.disabled
    assert list(panel.front.figure.data[1].y) == [70]
    panel.resume.click()
    assert queue.jobs[0].order == SECOND
    assert queue.jobs[0].purpose == "Search · Random · karate · 16 trainings · seed 1"


def test_start_starts_what_the_controls_say(panel: SearchPanel, queue: Queue) -> None:
    panel.method.value, panel.trainings.value, panel.seed.value = "tpe", 5, 7
    panel.widths.value = "8 2"
    assert panel.beta_low.layout.display == "none"
    panel.start.click()
    space = replace(SPACE, widths=(8, 2))
    wanted = SearchSpec(space=space, method=Tpe(), budget=Budget(trainings=5), seed=7)
    assert queue.jobs[0].order == wanted
    panel.method.value, panel.beta_high.value = "relaxed", 0.5
    assert panel.beta_low.layout.display is None
    assert panel.spec().method.beta_high == 0.5
    panel.space.value = SHAPES
    assert panel.spec().space.operators == ("gcn", "gat", "appnp")
    panel.method.value, panel.space.value = "random", "widths"
    panel.widths.value, panel.trainings.value, panel.seed.value = "8, 4, 2", 16, 0
    assert panel.spec() == SPEC
    panel.start.click()
    assert len(queue.jobs) == 1, "it is over already"
    assert "is over" in panel.sentence.value


@pytest.mark.parametrize(
    ("control", "value", "said"),
    [
        ("widths", "<b>", "widths: got &#x27;&lt;b&gt;&#x27;"),
        ("widths", "9", "widths"),
        ("trainings", 0.0, "trainings: got 0.0, accepts a number from 1"),
        ("trainings", float("nan"), "trainings"),
        ("beta_low", -1.0, "beta_low"),
        ("seed", -1, "seed"),
    ],
)
def test_what_is_no_search_is_said(
    panel: SearchPanel, queue: Queue, control: str, value: Any, said: str
) -> None:
    getattr(panel, control).value = value
    panel.start.click()
    assert queue.jobs == []
    assert said in panel.sentence.value


def test_a_model_of_ones_own_is_not_searched(tmp_path: Path, queue: Queue) -> None:
    layers = ModelSpec().layer_specs(34, 4)
    own = replace(DEFAULT, graph=SPACE.graph, model=OwnModel(name="own:" + "a" * 64, layers=layers))
    panel = SearchPanel(State(own), queue, RunStore(tmp_path))  # type: ignore[arg-type]
    panel.start.click()
    assert queue.jobs == []
    assert "a network that is chosen here" in panel.sentence.value


def test_what_becomes_known_is_drawn(panel: SearchPanel, queue: Queue, tmp_path: Path) -> None:
    panel.shown.value = SECOND.key
    panel.resume.click()
    (job,) = queue.jobs
    assert "starting" in panel.sentence.value
    log = SearchLog(SECOND, tmp_path)
    for number, bits in ((1, 8), (2, 2)):
        with log.writing():
            log.add(trial(number, 0.5, seed=1, bits=bits))
        job.status, job.what, job.share, job.trials = "running", "run", number / 4, number + 1
        queue.tell(job)
        assert len(panel.front.figure.data[1].y) == number + 1
        assert panel.progress.value == number / 4
        assert f"{number + 1} runs known" in panel.sentence.value
    panel.cancel.click()
    assert queue.cancelled == [job]
    job.status, job.note = "cancelled", "It goes on when <asked>."
    queue.tell(job)
    assert panel.cancel.disabled
    assert panel.sentence.value == "It goes on when &lt;asked&gt;."
    queue.tell(Job(id="run", order=RunSpec(), purpose="a run"))
    panel.close()
    assert queue.tell is None


def test_a_click_loads_a_recipe(panel: SearchPanel) -> None:
    _, shown, *_ = panel.front.figure.data
    at = list(shown.y).index(90)
    click = {"curve": 1, "point": at, "customdata": shown.customdata[at], "count": 1}
    panel.front.clicked = click
    assert panel._state.recipe == trial(1, 0.9, bits=8).spec
    assert panel.spec() == replace(panel.spec(), space=SPACE), "it stays in the same space"
    assert "shown run" in names(panel)
    line = panel.lines.figure.data[0]
    panel.lines.clicked = {"curve": 0, "point": 3, "customdata": line.customdata[3], "count": 1}
    assert panel._state.recipe == trial(0, 0.5).spec
    panel.lines.clicked = {"curve": None, "point": 0, "customdata": "nothing", "count": 2}


def test_what_is_shipped_is_beside_uniform_widths_and_float(tmp_path: Path, queue: Queue) -> None:
    store = RunStore(tmp_path, shipped=stores())
    panel = SearchPanel(State(DEFAULT), queue, store, stores())  # type: ignore[arg-type]
    assert {"LPGNAS", "Uniform widths", "float32"} <= set(names(panel))
    before = list(panel.front.figure.data[1].y)
    panel.judged.value = "result"
    assert list(panel.front.figure.data[1].y) != before
    assert "Integer test accuracy" in panel.front.figure.layout.yaxis.title.text
    panel.cost.value = "buffer_bytes"
    assert "activations" in panel.front.figure.layout.xaxis.title.text
    panel.cost.value = "latency_ms"
    assert len(panel.front.figure.data[1].x) > 3
    graphs = [title for title, _ in panel.over.options]
    assert {"All data sets", "digits-knn", "Cora"} <= set(graphs)
    panel.over.value = "Cora"
    assert "on Cora, weights" in panel.found.figure.layout.meta["summary"]
    panel._state.edit(lambda recipe: replace(recipe, graph=SPACE.graph))
    assert panel.front.figure.layout.meta["summary"].startswith("The only run is float32")
    assert "No run of a search" in panel.lines.figure.layout.meta["summary"]


def test_titles() -> None:
    spec = SearchSpec(method=Uniform(), budget=Budget(trainings=2.5))
    assert search_title(spec) == "Search · Uniform widths · digits-knn · 2.5 trainings · seed 0"
    assert search_title(replace(spec, method=Chance())).startswith("Search · Random")
