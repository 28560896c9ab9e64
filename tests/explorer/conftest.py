"""Real servers and a real browser, for the tests marked ``browser``."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from assets.browsing import answers
from engine.analysis import Study
from engine.graphs.catalogue import load_graph
from engine.integer import program_of
from engine.runs import RunStore
from engine.spec import RunSpec
from explorer.answers import Answers
from explorer.packaged import KERNELSPEC, stores
from explorer.presets import DEFAULT
from explorer.shown import Shown

ROOT = Path(__file__).parents[2]
START_SECONDS = 60
CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--enable-unsafe-swiftshader",  # WebGL without a graphics card
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

Serve = Callable[[str, list[str]], str]


@pytest.fixture(scope="session")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """Return what the explorer opens with."""
    store = RunStore(tmp_path_factory.mktemp("shipped"), shipped=stores())
    answer = Answers(store).answer(DEFAULT)
    assert isinstance(answer, Shown)
    return answer


@pytest.fixture
def untrained() -> Callable[[RunSpec], Shown]:
    """Return what makes the preview of a recipe whose network has random weights."""

    def preview(recipe: RunSpec) -> Shown:
        graph, rng = load_graph(recipe.graph), np.random.default_rng(0)
        layers = recipe.model.layer_specs(graph.features, graph.outputs)
        constants = {
            (layer, name): rng.normal(size=shape)
            for layer, spec in enumerate(layers)
            for name, shape in spec.constants.items()
        }
        study = Study(graph, program_of(layers, constants, {}))
        return Shown(
            origin="preview",
            recipe=recipe,
            graph=graph,
            analysis=study.preview(recipe.quant),
            run=None,
            baseline=None,
        )

    return preview


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[str, list[str]], str]]:
    """Return ``serve(application, cells)``: the address of a notebook in ``voila`` or ``lab``."""
    servers: list[subprocess.Popen[bytes]] = []

    def start(application: str, cells: list[str]) -> str:
        notebook = tmp_path / "page.ipynb"
        notebook.write_text(json.dumps(_notebook(cells)))
        quiet = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
        settings = tmp_path / "config" / "labconfig" / "page_config.json"
        settings.parent.mkdir(parents=True)
        settings.write_text(json.dumps(quiet))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        address = f"http://127.0.0.1:{port}"
        options = {
            "voila": ["-m", "voila", str(notebook), f"--port={port}", "--no-browser"],
            "lab": [
                *("-m", "jupyterlab", f"--port={port}", "--no-browser", "--allow-root"),
                *(f"--ServerApp.root_dir={tmp_path}", "--IdentityProvider.token="),
            ],
        }[application]
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
            "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
            "JUPYTER_DATA_DIR": str(tmp_path / "data"),
            "IPYTHONDIR": str(tmp_path / "ipython"),
        }
        log = tmp_path / f"{application}.log"
        with log.open("wb") as out:
            command = [sys.executable, *options]
            servers.append(
                subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=out, stderr=out)
            )
        deadline = time.monotonic() + START_SECONDS
        probe = address + ("/voila/static/" if application == "voila" else "/api")
        while not answers(probe):
            if servers[-1].poll() is not None or time.monotonic() > deadline:
                pytest.fail(log.read_text()[-3000:])
            time.sleep(0.1)
        return address if application == "voila" else f"{address}/lab/tree/page.ipynb?reset"

    yield start
    for server in servers:
        server.terminate()
    for server in servers:
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()


class Visit:
    """A page with what it said and asked for.

    Args:
        page: Playwright's page.
    """

    def __init__(self, page) -> None:
        self.page = page
        page.set_default_timeout(60_000)
        self.errors: list[str] = []
        self.foreign: list[str] = []
        self.received_bytes = 0
        self.websocket_bytes = 0
        page.on("console", lambda m: m.type == "error" and self.errors.append(m.text))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("websocket", lambda s: s.on("framereceived", self._count))
        page.on("response", self._weigh)
        page.route(lambda url: "//127.0.0.1:" not in url and url.startswith("http"), self._refuse)

    def _count(self, frame: str | bytes) -> None:
        self.received_bytes += len(frame)
        self.websocket_bytes += len(frame)

    def _weigh(self, response) -> None:
        self.received_bytes += int(response.headers.get("content-length", 0))

    def _refuse(self, route) -> None:
        self.foreign.append(route.request.url)
        route.fulfill(status=200, body="")


@pytest.fixture
def visit() -> Iterator[Visit]:
    """Return a page of a headless Chromium, 1280 by 800, that can reach this machine only."""
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("no chromium on this machine")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=executable, args=CHROMIUM)
        yield Visit(browser.new_page(viewport={"width": 1280, "height": 800}))
        browser.close()


def _notebook(cells: list[str]) -> dict[str, object]:
    hidden = {"jupyter": {"source_hidden": True}}
    code = {"cell_type": "code", "execution_count": None, "metadata": hidden, "outputs": []}
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": KERNELSPEC},
        "cells": [{**code, "id": f"cell{i}", "source": source} for i, source in enumerate(cells)],
    }
