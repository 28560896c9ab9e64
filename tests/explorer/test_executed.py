"""The executed notebook: it holds what was shown, and says the same when it is run again."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import plotly.graph_objects as go
import pytest
from nbclient import NotebookClient

from explorer import Explorer
from explorer.chosen import Degrees
from explorer.edits import with_preset
from explorer.executed import settings
from explorer.jobs import Jobs
from explorer.presets import DEFAULT
from explorer.widths import with_bits

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def explorer(tmp_path_factory: pytest.TempPathFactory):
    store = tmp_path_factory.mktemp("store")
    made = Explorer(DEFAULT, store=store)
    made.answer()
    yield made
    made.close()
    Jobs.shared(store).close()


def said(notebook) -> list[dict[str, object]]:
    """Return the outputs of each code cell that has one."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [cell.outputs[0].data for cell in code if cell.outputs]


def test_it_holds_every_chart_with_its_words(explorer: Explorer) -> None:
    notebook = nbformat.reads(explorer.notebook(), 4)
    nbformat.validate(notebook)
    outputs = said(notebook)
    charts = [data for data in outputs if "text/html" in data]
    assert len(charts) == 8
    assert sum("plotly.js v" in data["text/html"] for data in charts) == 1, "the library once"
    for data in charts:
        figure = data["application/vnd.plotly.v1+json"]
        assert figure["data"]
        assert "meta" not in figure["layout"]
        assert data["text/plain"].endswith((".", "!"))
    assert outputs[0] == {"text/plain": "'stored'"}
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))


def test_it_says_the_same_when_it_is_run_again(explorer: Explorer, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("GRAPHBITS_STORE", str(explorer.store.folder))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    explorer.summary.pin.click()
    explorer.load(with_preset(DEFAULT, "INT4"))
    explorer.answer()
    explorer.state.chosen = Degrees(20, 100)
    explorer.error.layer.value, explorer.error.kind.value = 0, "own"
    explorer.codes.chart.value = "saturation"
    written = nbformat.reads(explorer.notebook(), 4)
    again = nbformat.reads(nbformat.writes(written), 4)
    # the run is in a shipped store, which only an explorer reads: nothing is trained here
    for cell in again.cells:
        if cell.source.endswith(("complete(recipe)", "complete(pinned)")):
            cell.source = ""
    NotebookClient(again, timeout=120, resources={"metadata": {"path": tmp_path}}).execute()
    before, after = said(written), said(again)
    assert len(before) == len(after)
    for mine, theirs in zip(before, after, strict=True):
        kind = "application/vnd.plotly.v1+json"
        if kind in mine:
            assert mine[kind]["data"] == theirs[kind]["data"]
        else:
            assert mine["text/plain"] == theirs["text/plain"]
    explorer.state.pinned = explorer.state.chosen = None


def test_a_preview_brings_what_it_was_made_from(explorer: Explorer) -> None:
    explorer.load(with_bits(DEFAULT, range(2), "message", 3, "degree-quant"))
    explorer.answer()
    notebook = nbformat.reads(explorer.notebook(), 4)
    made = next(cell.source for cell in notebook.cells if "complete(" in cell.source[-2000:])
    assert '"float"' in "".join(cell.source for cell in notebook.cells)
    assert made
    assert said(notebook)[0] == {"text/plain": "'preview'"}
    explorer.load(DEFAULT)
    explorer.answer()


def test_settings_are_assignments(explorer: Explorer) -> None:
    lines = settings(explorer.error)
    assert "against.label = 'In-degree'" in lines
    assert f"layer.value = {explorer.error.layer.value}" in lines
    assert all(line.count(" = ") == 1 for line in lines)


def test_nothing_shown_is_nothing_to_take_away(tmp_path) -> None:
    made = Explorer(DEFAULT, store=tmp_path)
    made.state.shown = None
    assert made.notebook() is None
    assert json.dumps(list(made.downloads.offered)).count("Notebook") == 1
    assert isinstance(made.error.view.figure, go.Figure)
    made.close()
    Jobs.shared(tmp_path).close()
