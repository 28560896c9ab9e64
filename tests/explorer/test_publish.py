"""What a published folder holds, and what is never published."""

from __future__ import annotations

import io
import json
import math
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import ipywidgets as widgets
import numpy as np
import pytest
from traitlets import TraitError

from engine.__main__ import main
from engine.graphs import GraphError, GraphNotFound, keep_own, read_npz
from engine.graphs.karate import karate
from engine.runs import RunStore
from engine.spec import GraphSpec, SpecError, TrainingSpec, dumps, float_twin, scheme
from explorer import Explorer
from explorer.edits import with_preset
from explorer.precompute import neighbours
from explorer.presets import DEFAULT, PRESETS
from explorer.publish import NotPublishable, publish, read_recipe
from explorer.site import NoSite, Site

SHORT = TrainingSpec(epochs=3)
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "../../etc/passwd",
    "own:" + "0" * 64,
    "own:../../../etc/passwd",
    "__import__('os').system('x')",
    "a\x00b",
)


def test_a_folder_holds_what_it_needs_and_nothing_of_this_machine(tmp_path: Path) -> None:
    page = tmp_path / "mine.ipynb"
    cell = {
        "cell_type": "code",
        "id": "x",
        "execution_count": 3,
        "source": ["from explorer import Explorer\n", "Explorer()"],
        "outputs": [{"output_type": "stream", "text": "/home/me/secret"}],
        "metadata": {"papermill": "/home/me"},
    }
    metadata = {"widgets": {"state": "secret"}, "kernelspec": {"name": "mine"}}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": [cell]}
    page.write_text(json.dumps(notebook))
    site = publish(tmp_path / "site", page, token="a secret")
    assert {path.name for path in site.folder.iterdir()} == {
        *("page", "store", "visitors", "bounds.json", "voila.json", "README.md")
    }
    written = site.notebook.read_text()
    assert "secret" not in written
    assert "/home" not in written
    assert "Explorer()" in written
    settings = json.loads(site.settings.read_text())
    assert settings["Voila"]["token"] == "a secret"
    assert site.settings.stat().st_mode & 0o77 == 0
    assert settings["VoilaConfiguration"]["file_allowlist"] == []
    assert not settings["VoilaConfiguration"]["show_tracebacks"]
    assert settings["VoilaConfiguration"]["strip_sources"]
    readme = (site.folder / "README.md").read_text()
    for word in ("graphbits serve", "nginx", "Upgrade", "caddyfile", "token", "theme=dark"):
        assert word in readme
    bounds = json.loads(site.bounds_file.read_text())
    assert all(f"`{name}`" in readme for name in bounds), "each bound is explained"


def test_neighbours_are_the_float_run_and_every_preset() -> None:
    near = neighbours(DEFAULT)
    assert len(near) == len(set(near))
    assert {float_twin(DEFAULT), DEFAULT} <= set(near)
    assert {with_preset(DEFAULT, name) for name in PRESETS} <= set(near)


def test_a_recipe_with_an_own_graph_is_ready_and_opens_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRAPHBITS_STORE", str(tmp_path / "usual"))
    graph = keep_own(karate(), tmp_path / "usual")
    recipe = scheme("qat", bits=4, graph=graph, training=SHORT)
    (tmp_path / "recipe.json").write_text(dumps(recipe))
    folder = tmp_path / "site"
    arguments = ["publish", "--recipe", str(tmp_path / "recipe.json"), "--into", str(folder)]
    assert main([*arguments, "--token"]) == 0
    said = capsys.readouterr().out
    site = Site(folder)
    token = json.loads(site.settings.read_text())["Voila"]["token"]
    assert f"?token={token}" in said
    assert len(token) >= 32
    keys = {summary.key for summary in RunStore(site.store, read_only=True).list()}
    assert keys == {near.key for near in neighbours(recipe)}
    assert {path.name for path in site.store.iterdir()} == {"runs"}
    assert [path.name for path in site.visitors.iterdir()] == ["graphs"]
    assert graph.name in site.bounds.graphs

    monkeypatch.setenv("GRAPHBITS_SITE", str(folder))
    monkeypatch.setenv("GRAPHBITS_STORE", str(site.visitors))
    opened: dict[str, Explorer] = {}
    exec("".join(json.loads(site.notebook.read_text())["cells"][0]["source"]), opened)
    made = opened["Explorer"](recipe)
    try:
        assert (made.state.recipe, made.state.shown.origin) == (recipe, "stored")
        assert "Cora" not in [name for _, name in made.graph.name.options]
        made.run.epochs.value = 501
        assert "training.epochs: got 501, accepts at most 500" in made.header.problem.value
        made.graph.name.value = "hubs"
        made.graph.nodes.value = 50_000_000
        assert "graph.nodes" in made.header.problem.value
        assert made.state.recipe.graph.nodes is None
    finally:
        made.jobs.close()
        made.close()
    with pytest.raises(NotPublishable, match="holds something already"):
        publish(folder)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_in_a_link_is_refused_in_the_page(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from explorer.links import pack

    site = publish(tmp_path / "site")
    monkeypatch.setenv("GRAPHBITS_SITE", str(site.folder))
    monkeypatch.setenv("GRAPHBITS_STORE", str(site.visitors))
    recipe = scheme("float", graph=GraphSpec(name=name))
    monkeypatch.setenv("QUERY_STRING", f"r={pack(recipe)}&hide={name.encode().hex()}")
    made = Explorer()
    try:
        assert made.state.recipe == DEFAULT
        assert "link could not be read" in made.header.problem.value
        assert "<script" not in made.header.problem.value
        assert "<img" not in made.header.problem.value
        made.recipe.json.value = dumps(recipe)
        made.recipe.apply.click()
        assert made.state.recipe == DEFAULT
        assert "<script" not in made.header.problem.value + made.recipe.fault.value
        assert made.jobs.jobs == []
    finally:
        made.jobs.close()
        made.close()


NUMBERS = (None, True, -1, 10**30, 1e308, math.inf, math.nan, "1", "<script>", [1], {"a": 1})
WORDS = ("<script>alert(1)</script>", "x" * 3000, "9" * 5000, "\0", "1:" * 999, None, 3, ["x"])
PICKS = (
    *({"customdata": held} for held in (10**30, -1, math.nan, {"a": 1}, [[1]], [{}], "../x")),
    *({"x": ends, "y": [0, 1]} for ends in ([math.nan] * 2, ["a", "b"], [None, {}], [1], 3)),
    *({"x": [0, 1], "y": ends} for ends in ([math.inf] * 2, [[0], [1]], [0, 1] * 10_000)),
)
SENT = {"value": (*NUMBERS, *WORDS), "index": NUMBERS, "clicked": PICKS, "selected": PICKS}
"""What a page may send to each trait of its controls, and none of ours does."""


def test_whatever_a_page_sends_its_controls_is_refused_or_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = publish(tmp_path / "site")
    monkeypatch.setenv("GRAPHBITS_SITE", str(site.folder))
    monkeypatch.setenv("GRAPHBITS_STORE", str(site.visitors))
    made = Explorer()
    try:
        controls = [widget for widget in within(made) if not isinstance(widget, widgets.HTML)]
        for trait, values in SENT.items():
            for control in controls:
                for value in values if trait in control.keys else ():
                    with suppress(TraitError):  # it is not taken, and the log says so
                        control.set_state({trait: value})
        for job in made.jobs.jobs:
            site.bounds.check(job.order)
        assert "<script" not in made.header.problem.value
        site.bounds.check(made.state.recipe)
        pieces = [piece.value for piece in within(made) if isinstance(piece, widgets.HTML)]
        assert "<script" not in "".join(pieces)
        made.load(DEFAULT)
        made.run.seed.value = 7
        assert made.state.recipe.seed == 7, "it goes on"
        made.graph.name.value = "karate"
        assert made.answer().recipe.graph.name == "karate"
    finally:
        made.jobs.close()
        made.close()


def within(box: widgets.Widget) -> Iterator[widgets.Widget]:
    """Yield a widget and all in it."""
    yield box
    for child in getattr(box, "children", ()):
        yield from within(child)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"seed": 1e999}',
        '{"seed": NaN}',
        '{"seed": ' + "9" * 5000 + "}",
        '{"training": {"lr": Infinity}}',
        '{"graph": {"name": "hubs", "nodes": 1e12}}',
        '{"quant": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"__proto__": {}}',
        '{"seed": 1, "seed": 2}',
    ],
)
def test_a_recipe_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "recipe.json"
    file.write_text(text)
    with pytest.raises(SpecError):
        read_recipe(file)


def test_what_is_too_large_or_no_text_is_not_even_read(tmp_path: Path) -> None:
    file = tmp_path / "recipe.json"
    with file.open("wb") as huge:
        huge.truncate(10**10)
    with pytest.raises(NotPublishable, match="too many for a recipe"):
        read_recipe(file)
    file.write_bytes(zlib.compress(b"{}"))
    with pytest.raises(NotPublishable, match="no text"):
        read_recipe(file)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        '{"cells": 3, "nbformat": 4, "nbformat_minor": 5}',
        '{"cells": [1], "nbformat": 4, "nbformat_minor": 5}',
        '{"cells": [{"cell_type": "code"}], "nbformat": 4, "nbformat_minor": 5}',
        '{"cells": [], "nbformat": 4, "nbformat_minor": 5}',
        '{"cells": [], "nbformat": "x", "nbformat_minor": 5}',
        "[" * 100_000,
    ],
)
def test_a_notebook_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    page = tmp_path / "page.ipynb"
    page.write_text(text)
    with pytest.raises(NotPublishable, match=r"page\.ipynb"):
        publish(tmp_path / "site", page)
    assert not (tmp_path / "site").exists(), "nothing is left half done"


def test_a_graph_that_is_not_here_cannot_be_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRAPHBITS_STORE", str(tmp_path / "usual"))
    for name in HOSTILE:
        recipe = scheme("float", graph=GraphSpec(name=name))
        with pytest.raises(GraphNotFound):
            publish(tmp_path / "site", recipes=[recipe])


def test_a_folder_that_is_none_cannot_be_served(tmp_path: Path) -> None:
    with pytest.raises(NoSite, match="graphbits publish"):
        _ = Site(tmp_path).bounds
    assert main(["serve", str(tmp_path)]) == 1


class Bomb:
    """Removes a file where it is unpickled."""

    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.unlink, (str(self.victim),)


def test_a_graph_file_is_never_unpickled_and_never_swells(tmp_path: Path) -> None:
    victim, file = tmp_path / "victim", tmp_path / "graph.npz"
    victim.touch()
    pairs = np.zeros((2, 1), dtype=np.int64)
    np.savez(file, edge_index=pairs, y=np.array([Bomb(victim)], dtype=object))
    with pytest.raises(GraphError):
        read_npz(file)
    assert victim.exists()
    header = io.BytesIO()
    shape = {"descr": "<i8", "fortran_order": False, "shape": (2, 10**9)}
    np.lib.format.write_array_header_1_0(header, shape)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("edge_index.npy", header.getvalue() + b"\0" * 50_000_000)
        archive.writestr("../../y.npy", b"")
    with pytest.raises(GraphError):
        read_npz(file)
    assert file.stat().st_size < 100_000
