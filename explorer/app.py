"""The explorer: panels around one state, and what keeps it in step with store and worker."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import ipywidgets as widgets

from engine.graphs.catalogue import SETS, load_graph
from engine.graphs.graph import Graph
from engine.graphs.task import check_task
from engine.runs import RunStore
from engine.spec import GraphSpec, OwnModel, RunSpec, SpecError, dumps, loads
from explorer.bounds import OWN_MACHINE, Bounds
from explorer.downloads import Downloads, Offer
from explorer.edits import with_model, with_network, with_preset, with_task
from explorer.executed import executed
from explorer.faults import watch
from explorer.fields import html
from explorer.follower import Follower
from explorer.given import given_graph, given_model
from explorer.jobs import Job, Jobs
from explorer.lessons import CONTROLS, PAGES, Lesson, checked, lesson_named
from explorer.lessons import from_query as lessons_in
from explorer.links import PARAMETER, from_query, unpack
from explorer.packaged import HERE, stores
from explorer.panels.arithmetic import ArithmeticPanel
from explorer.panels.bits import BitsPanel
from explorer.panels.chosen import ChosenPanel
from explorer.panels.codes import CodesPanel
from explorer.panels.degrees import DegreesPanel
from explorer.panels.depth import DepthPanel
from explorer.panels.error import ErrorPanel
from explorer.panels.graph import GraphPanel
from explorer.panels.header import HeaderPanel
from explorer.panels.map import MapPanel
from explorer.panels.member import MemberPanel
from explorer.panels.model import ModelPanel
from explorer.panels.node import NodePanel
from explorer.panels.predictions import PredictionsPanel
from explorer.panels.protection import ProtectionPanel
from explorer.panels.recipe import RecipePanel
from explorer.panels.results import ResultsPanel
from explorer.panels.run import RunPanel
from explorer.panels.search import SearchPanel
from explorer.panels.summary import SummaryPanel
from explorer.panels.training import TrainingPanel
from explorer.presets import DEFAULT
from explorer.report import report
from explorer.shown import Shown
from explorer.site import served
from explorer.state import State
from explorer.tables import units_csv

OWN_PRESET = "Degree-Quant 8"
"""What a person's own model opens with: a width at which quantizing alone costs it little."""


CHARTS = (
    *((name, "view") for name in ("error", "map", "depth", "codes", "arithmetic", "degrees")),
    *(("predictions", "view"), ("results", "results")),
)
"""The charts that are taken away: the explorer's panel, and which of its views."""


class NoAnswer(LookupError):
    """There is nothing to show for a recipe yet."""


class Explorer(widgets.VBox):
    """Everything on one page; each panel is an attribute and can be shown alone as well.

    Args:
        recipe: What to open with: a `RunSpec`, its JSON, or the text of a link. In Voila the page's
            own link, and else `DEFAULT`, if None.
        graph: A person's own graph to open with: a `Graph`, a PyG ``Data`` or a list of them, a
            networkx graph, the path of an ``.npz`` file, or the name of a graph listed here.
        model: A person's own trained PyTorch Geometric model to open with, of whatever
            `engine.conversion.quantize` takes; it stays as it is.
        store: Folder where runs are kept; None is the usual one. The shipped runs are read too, and
            those of the published folder that this process serves, whose bounds then hold.
        lesson: One of `explorer.lessons.LESSONS`, which brings its recipe, unless one is given, and
            hides what it does not need. In Voila the page's own, if None.
        hide: Names among `explorer.lessons.HIDEABLE` of what to hide besides.

    Raises:
        SpecError: If the recipe given is invalid, the model does not fit the graph, or there is
            no such lesson or nothing of that name to hide.
        GraphError: If the graph given cannot be learned on.
        ConversionError: If something in the model has no counterpart here, with its path.
    """

    follower: Follower | None = None

    def __init__(
        self,
        recipe: RunSpec | str | None = None,
        *,
        graph: Any = None,
        model: Any = None,
        store: Path | str | None = None,
        lesson: str | None = None,
        hide: Iterable[str] = (),
    ) -> None:
        hidden = checked(hide)
        told = None if lesson is None else lesson_named(lesson)
        site = served()
        bounds = OWN_MACHINE if site is None else site.bounds
        shipped = stores() if site is None else (*stores(), site.store)
        self.store = RunStore(None if store is None else Path(store), shipped=shipped)
        self.jobs = Jobs.shared(self.store.folder, shipped)
        folder = self.store.folder
        graph_spec, held = (None, None) if graph is None else given_graph(graph, folder)
        own = None if model is None else given_model(model, folder)
        problem = ""
        if recipe is graph is model is lesson is None:
            told, hidden, problem = _asked_for(hidden)
        if told is not None:
            hidden |= told.hidden
            recipe = told.recipe if recipe is None and not _named_in_query() else recipe
        opened, unread = _opened(recipe, graph_spec, held, own, bounds)
        problem = problem or unread
        self.state = State(opened, bounds)
        self.state.problem = problem
        kept = [name for name in PAGES if name not in hidden]
        self.state.page = PAGES[kept[0] if told is None else told.page]
        self.header = HeaderPanel(self.state, self.jobs)
        own_graphs = {graph_spec.name: held} if graph_spec is not None and held is not None else {}
        self.graph = GraphPanel(self.state, own_graphs)
        self.model = ModelPanel(self.state, () if own is None else (own,))
        self.bits = BitsPanel(self.state)
        self.protection = ProtectionPanel(self.state)
        self.run = RunPanel(self.state, self.jobs, self._show_training)
        self.summary = SummaryPanel(self.state)
        self.chosen = ChosenPanel(self.state)
        self.error = ErrorPanel(self.state)
        self.member = MemberPanel(self.state)
        self.node = NodePanel(self.state)
        self.map = MapPanel(self.state)
        self.predictions = PredictionsPanel(self.state)
        self.depth = DepthPanel(self.state)
        self.codes = CodesPanel(self.state)
        self.arithmetic = ArithmeticPanel(self.state)
        self.degrees = DegreesPanel(self.state)
        self.training = TrainingPanel(self.state, self.jobs)
        self.search = SearchPanel(self.state, self.jobs, self.store, shipped)
        self.results = ResultsPanel(self.state, self.store)
        self.recipe = RecipePanel(self.state)
        self.downloads = Downloads(
            {
                "Report (HTML)": Offer(
                    "Numbers, charts and recipe in one file that opens offline",
                    *("graphbits.html", "text/html", self.report),
                ),
                "Notebook (executed)": Offer(
                    "Code that leads here, with what each cell says, in one file",
                    *("graphbits.ipynb", "application/x-ipynb+json", self.notebook),
                ),
                "Every node (CSV)": Offer(
                    "Class, prediction and errors of each node, or each graph of a set",
                    *("graphbits.csv", "text/csv", self._csv),
                ),
                "Recipe (JSON)": Offer(
                    "Everything that decides the run",
                    *("graphbits.json", "application/json", lambda: dumps(self.state.recipe)),
                ),
            }
        )
        picking = {
            "error": widgets.VBox([self.error, self.member, self.node]),
            "map": widgets.VBox([self.map]),
            "predictions": widgets.VBox([self.predictions]),
        }
        self._picking = tuple(picking.values())
        pages: dict[str, widgets.Widget] = {
            "error": picking["error"],
            "map": picking["map"],
            "depth": self.depth,
            "codes": self.codes,
            "arithmetic": self.arithmetic,
            "degrees": self.degrees,
            "predictions": picking["predictions"],
            "training": self.training,
            "search": self.search,
            "runs": self.results,
            "recipe": widgets.VBox([self.downloads, self.recipe]),
        }
        self.tabs = widgets.Tab(
            [pages[name] for name in kept], titles=[PAGES[name] for name in kept]
        )
        self.tabs.add_class("gb-tabs")
        self.tabs.observe(self._bring_picked, "selected_index")
        if told is not None:
            self.tabs.selected_index = kept.index(told.page)
        self._right = _column("gb-right", self.summary, self.chosen, self.tabs)
        controls = [getattr(self, name) for name in CONTROLS if name not in hidden]
        left = [_column("gb-left", *controls)] if controls else []
        columns = widgets.HBox([*left, self._right])
        columns.add_class("gb-columns")
        question = [] if told is None else [html(_question(told), "gb-lesson")]
        super().__init__([_style(), self.header, *question, columns])
        self.add_class("gb")
        self.state.observe(self._mark_stale, "status")
        self._end_watch = watch(self._say)
        self.header.link.on_msg(lambda *_: _send_again(self))
        self.follower = Follower(self.state, self.store, self.jobs)
        for panel, control, value in () if told is None else told.settings:
            getattr(getattr(self, panel), control).value = value

    def close(self) -> None:
        """Stop following; the worker, which other explorers share, goes on."""
        if self.follower is not None:
            self._end_watch()
            self.follower.close()
            self.follower = None
            for panel in (self.header, self.run, self.training, self.search):
                panel.close()
        super().close()

    def load(self, recipe: RunSpec | str) -> None:
        """Show another recipe, as if its settings had been chosen one by one; it can be undone.

        Args:
            recipe: A `RunSpec`, its JSON, or the text of a link.

        Raises:
            SpecError: If it is invalid.
        """
        read = _read(recipe)
        self.state.edit(lambda _: read)
        self.state.catch_up()

    def answer(self) -> Shown:
        """Return what the charts show for the recipe as it is now, waiting until it is worked out.

        Raises:
            NoAnswer: If something has to be trained or fetched for it first, or it is closed.
        """
        if self.follower is None:
            raise NoAnswer("this explorer is closed")
        self.follower.settle()
        shown = self.state.shown
        if shown is None or self.state.status:
            raise NoAnswer(self.state.status)
        return shown

    def report(self) -> str | None:
        """Return what is shown as one HTML file that opens offline; None where nothing is."""
        shown = self.state.shown
        if shown is None:
            return None
        self._draw_all()
        return report(shown, [getattr(getattr(self, at), view).figure for at, view in CHARTS])

    def notebook(self) -> str | None:
        """Return what is shown as a notebook that was executed; None where nothing is."""
        shown = self.state.shown
        if shown is None:
            return None
        self._draw_all()
        return executed(
            shown,
            [(at, getattr(self, at), view) for at, view in CHARTS],
            chosen=self.state.chosen,
            pinned=self.state.pinned,
        )

    def _draw_all(self) -> None:
        """Have what lies behind drawn too."""
        page, self.state.page = self.state.page, ""
        self.state.page = page

    def _say(self, problem: str) -> None:
        self.state.problem = problem

    def _csv(self) -> str | None:
        shown = self.state.shown
        return None if shown is None else units_csv(shown)

    def _show_training(self, _: Job) -> None:
        if PAGES["training"] in self.tabs.titles:
            self.tabs.selected_index = self.tabs.titles.index(PAGES["training"])

    def _bring_picked(self, _: Any) -> None:
        """Move the panels of what is picked under the chart that is looked at, if one picks."""
        page = self.tabs.children[self.tabs.selected_index]
        self.state.page = self.tabs.titles[self.tabs.selected_index]
        if page in self._picking and self.node not in page.children:
            for picking in self._picking:
                first, *_ = picking.children
                picking.children = (first, self.member, self.node) if picking is page else (first,)

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


def _asked_for(hidden: frozenset[str]) -> tuple[Lesson | None, frozenset[str], str]:
    """Return the lesson of the page's link, what it hides, and what was wrong with it, if anything.

    Args:
        hidden: What is hidden anyway.
    """
    try:
        name, more = lessons_in(os.environ.get("QUERY_STRING", ""))
    except SpecError as error:
        return None, hidden, f"The link could not be read: {error}. All is shown."
    return (None if name is None else lesson_named(name)), hidden | more, ""


def _named_in_query() -> bool:
    """Return whether the page's link carries a recipe, good or bad."""
    return PARAMETER in parse_qs(os.environ.get("QUERY_STRING", ""))


def _question(lesson: Lesson) -> str:
    return f"<b>{escape(lesson.title)}</b> {escape(lesson.question)}"


def _opened(
    recipe: RunSpec | str | None,
    graph: GraphSpec | None,
    held: Graph | None,
    own: OwnModel | None,
    bounds: Bounds,
) -> tuple[RunSpec, str]:
    """Return the recipe to open with, and what was wrong with the page's link, if anything.

    Args:
        recipe: What was asked for.
        graph: A person's graph.
        held: The same, where it is at hand.
        own: A person's model.
        bounds: What a link may ask for.

    Raises:
        SpecError: If the recipe is invalid, or the model does not fit the graph.
    """
    if recipe is not None:
        return _read(recipe), ""
    if own is not None:
        graph = graph or DEFAULT.graph
        held = load_graph(graph) if graph == DEFAULT.graph else held
        if held is not None:
            check_task(held, own)
        return with_preset(with_network(replace(DEFAULT, graph=graph), own), OWN_PRESET), ""
    if graph is not None:
        of_graphs = graph.name in SETS if held is None else held.is_set
        usual = with_model(replace(DEFAULT, graph=graph), operator="gin" if of_graphs else "gcn")
        return with_task(usual, of_graphs), ""
    try:
        linked = from_query(os.environ.get("QUERY_STRING", ""))
        if linked is None:
            return DEFAULT, ""
        bounds.check(linked)
    except SpecError as error:
        said = f"The link could not be read: {error}. This is the recipe to begin with."
        return DEFAULT, said
    return linked, ""


def _read(recipe: RunSpec | str) -> RunSpec:
    """Return a recipe, read where it is JSON or the text of a link.

    Raises:
        SpecError: If it is invalid.
    """
    if isinstance(recipe, RunSpec):
        return recipe
    return loads(RunSpec, recipe) if recipe.lstrip().startswith("{") else unpack(recipe)


def _column(name: str, *children: widgets.Widget) -> widgets.VBox:
    column = widgets.VBox(children)
    column.add_class(name)
    return column


def _style() -> widgets.HTML:
    style = widgets.HTML(f"<style>{(HERE / 'style.css').read_text(encoding='utf-8')}</style>")
    style.layout.display = "none"
    return style
