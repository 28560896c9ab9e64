"""The explorer: panels around one state, and what keeps it in step with store and worker."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from engine.graphs.catalogue import keep_own
from engine.graphs.graph import Graph
from engine.graphs.npz import read_npz
from engine.graphs.own import from_networkx
from engine.graphs.pyg import from_data
from engine.runs import RunStore
from engine.spec import GraphSpec, RunSpec, SpecError, loads, scheme
from explorer.follower import Follower
from explorer.jobs import Job, Jobs
from explorer.links import from_query, unpack
from explorer.packaged import HERE, stores
from explorer.panels.bits import BitsPanel
from explorer.panels.codes import CodesPanel
from explorer.panels.degrees import DegreesPanel
from explorer.panels.depth import DepthPanel
from explorer.panels.error import ErrorPanel
from explorer.panels.graph import GraphPanel
from explorer.panels.header import HeaderPanel
from explorer.panels.model import ModelPanel
from explorer.panels.node import NodePanel
from explorer.panels.protection import ProtectionPanel
from explorer.panels.recipe import RecipePanel
from explorer.panels.results import ResultsPanel
from explorer.panels.run import RunPanel
from explorer.panels.summary import SummaryPanel
from explorer.panels.training import TrainingPanel
from explorer.state import State

DEFAULT = scheme("degree-quant", bits=4)
"""The recipe that the explorer opens with; its run is shipped."""


class Explorer(widgets.VBox):
    """Everything on one page; each panel is an attribute and can be shown alone as well.

    Args:
        recipe: What to open with: a `RunSpec`, its JSON, or the text of a link. In Voila the page's
            own link, and else `DEFAULT`, if None.
        graph: A person's own graph to open with: a `Graph`, a PyG ``Data``, a networkx graph, or
            the path of an ``.npz`` file.
        store: Folder where runs are kept; None is the usual one. The shipped runs are read too.

    Raises:
        SpecError: If the recipe given is invalid.
        GraphError: If the graph given cannot be learned on.
    """

    follower: Follower | None = None

    def __init__(
        self,
        recipe: RunSpec | str | None = None,
        *,
        graph: Any = None,
        store: Path | str | None = None,
    ) -> None:
        shipped = stores()
        self.store = RunStore(None if store is None else Path(store), shipped=shipped)
        self.jobs = Jobs.shared(self.store.folder, shipped)
        own = None if graph is None else keep_own(_own_graph(graph), self.store.folder)
        opened, problem = _opened(recipe, own)
        self.state = State(opened)
        self.state.problem = problem
        self.header = HeaderPanel(self.state, self.jobs)
        self.graph = GraphPanel(self.state, [own.name] if own else [])
        self.model = ModelPanel(self.state)
        self.bits = BitsPanel(self.state)
        self.protection = ProtectionPanel(self.state)
        self.run = RunPanel(self.state, self.jobs, self._show_training)
        self.summary = SummaryPanel(self.state)
        self.error = ErrorPanel(self.state)
        self.node = NodePanel(self.state)
        self.depth = DepthPanel(self.state)
        self.codes = CodesPanel(self.state)
        self.degrees = DegreesPanel(self.state)
        self.training = TrainingPanel(self.state, self.jobs)
        self.results = ResultsPanel(self.state, self.store)
        self.recipe = RecipePanel(self.state)
        self.tabs = widgets.Tab(
            [
                widgets.VBox([self.error, self.node]),
                self.depth,
                self.codes,
                self.degrees,
                self.training,
                self.results,
                self.recipe,
            ],
            titles=["Error × degree", "Depth", "Codes", "Degrees", "Training", "Runs", "Recipe"],
        )
        self.tabs.add_class("gb-tabs")
        self._right = _column("gb-right", self.summary, self.tabs)
        left = _column("gb-left", self.graph, self.model, self.bits, self.protection, self.run)
        columns = widgets.HBox([left, self._right])
        columns.add_class("gb-columns")
        super().__init__([_style(), self.header, columns])
        self.add_class("gb")
        self.state.observe(self._mark_stale, "status")
        self.header.link.on_msg(lambda *_: _send_again(self))
        self.follower = Follower(self.state, self.store, self.jobs)

    def close(self) -> None:
        """Stop following; the worker, which other explorers share, goes on."""
        if self.follower is not None:
            self.follower.close()
            for panel in (self.header, self.run, self.training):
                panel.close()
        super().close()

    def _show_training(self, _: Job) -> None:
        self.tabs.selected_index = self.tabs.titles.index("Training")

    def _mark_stale(self, change: dict[str, Any]) -> None:
        if change["new"]:
            self._right.add_class("gb-stale")
        else:
            self._right.remove_class("gb-stale")


def _send_again(widget: widgets.Widget) -> None:
    """Send a widget's state and that of all in it: Voila loses what changes while a page loads."""
    widget.send_state()
    for child in getattr(widget, "children", ()):
        _send_again(child)


def _opened(recipe: RunSpec | str | None, own: GraphSpec | None) -> tuple[RunSpec, str]:
    """Return the recipe to open with, and what was wrong with the page's link, if anything."""
    if isinstance(recipe, RunSpec):
        opened = recipe
    elif isinstance(recipe, str):
        opened = loads(RunSpec, recipe) if recipe.lstrip().startswith("{") else unpack(recipe)
    elif own is not None:
        opened = scheme("degree-quant", bits=4, graph=own)
    else:
        try:
            opened = from_query(os.environ.get("QUERY_STRING", "")) or DEFAULT
        except SpecError as error:
            return (
                DEFAULT,
                f"The link could not be read: {error}. This is the recipe to begin with.",
            )
    return opened, ""


def _own_graph(given: Any) -> Graph:
    if isinstance(given, Graph):
        return given
    if isinstance(given, str | Path):
        return read_npz(Path(given))
    if hasattr(given, "edge_index"):
        return from_data(given)
    return from_networkx(given)


def _column(name: str, *children: widgets.Widget) -> widgets.VBox:
    column = widgets.VBox(children)
    column.add_class(name)
    return column


def _style() -> widgets.HTML:
    style = widgets.HTML(f"<style>{(HERE / 'style.css').read_text(encoding='utf-8')}</style>")
    style.layout.display = "none"
    return style
