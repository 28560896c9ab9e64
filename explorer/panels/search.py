"""Searches of widths and shapes: start, stop and resume one, and what all of them have found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import ipywidgets as widgets

from engine.metrics.merit import ACCURACY, MERITS
from engine.runs import Run, RunStore, StoreError
from engine.search import (
    Budget,
    Corner,
    Lpgnas,
    Proposal,
    SearchSpec,
    Space,
    Trial,
    Uniform,
    corner_of,
)
from engine.spec import RunSpec, SpecError, float_twin
from explorer.captions import graph_title
from explorer.fields import choice, html, integer, offer, real, row, words
from explorer.figures.parallel import Axis, Chosen, parallel
from explorer.figures.pareto import RunPoint, pareto
from explorer.figures.widths_found import Found, bits_of, widths_found
from explorer.jobs import Job, Jobs
from explorer.panels.run import searching_sentence
from explorer.plot import PlotlyView, picked_key
from explorer.searches import (
    METHOD_TITLES,
    Point,
    Search,
    Searches,
    but_for_seed,
    chosen_by,
    key_of,
    points,
    search_title,
    uniform_runs,
)
from explorer.seen import draw_when_seen
from explorer.spaces import SPACES, WIDTHS, method_of, read_widths, space_of
from explorer.standings import standings
from explorer.state import State

PAGE = "Search"
"""The page it stands on."""
ALL = ""
FLOAT32 = "float32"
UNIFORM = METHOD_TITLES["uniform"]
GROUPS = tuple(dict.fromkeys((METHOD_TITLES["lpgnas"], UNIFORM, FLOAT32, *METHOD_TITLES.values())))
"""What finds points, each with a style that stays the same."""
COSTS = (("Model size", "model_bytes"), ("Buffers", "buffer_bytes"), ("Latency", "latency_ms"))
JUDGED = (("Validation, as the search", "validation"), ("Test, integers", "result"))
MEASURED = {"validation": "Validation", "result": "Integer test"}
WEIGHED = ("lpgnas", "relaxed")
"""Methods that weigh the size against the loss."""
ADVICE = (
    "A search spends a budget of trainings on finding small networks that are right all the same. "
    "Click a point or a line to load its recipe; the dotted front is what nothing beats."
)
OVER = "This very search is over, and among those below. Another seed makes another one."


class SearchPanel(widgets.VBox):
    """Controls of a search around the recipe, and charts of the searches on its graph.

    Args:
        state: Holds the recipe.
        jobs: The queue that searches.
        store: The runs.
        shipped: Folders of read-only stores, whose searches are shown too.
    """

    def __init__(
        self, state: State, jobs: Jobs, store: RunStore, shipped: Sequence[Path] = ()
    ) -> None:
        self._state, self._jobs, self._store = state, jobs, store
        self.searches = Searches(store.folder, shipped)
        self._specs: dict[str, RunSpec] = {}
        self._listed: dict[str, Search] = {}
        self._measured: dict[Space, Corner] = {}
        self._told: tuple[str, int, str] | None = None
        usual = SearchSpec()
        weights = Lpgnas()
        methods = [(title, name) for name, title in METHOD_TITLES.items()]
        self.method = choice("Method", methods, "lpgnas", "How the next run is chosen")
        self.space = choice("Space", list(SPACES.items()), WIDTHS, "What may be chosen")
        self.widths = words("Widths", "8, 4, 2", "Options of every component, the usual one first")
        self.trainings = real(
            "Budget", usual.budget.trainings, 1, "Work, in trainings of one run; the search's too"
        )
        self.beta_low = real("β from", weights.beta_low, 0.01, "Smallest weight of the size")
        self.beta_high = real("β to", weights.beta_high, 0.1, "Largest; searches lie in between")
        self.seed = integer("Search seed", usual.seed, "Of the search and of its runs")
        self.start = widgets.Button(
            description="Start search",
            button_style="primary",
            tooltip="Look for widths and shapes within the budget",
        )
        self.start.on_click(self._begin)
        self.cancel = widgets.Button(description="Stop", tooltip="What it found is kept")
        self.cancel.on_click(self._stop)
        self.resume = widgets.Button(
            description="Resume", tooltip="Go on with the search chosen here"
        )
        self.resume.on_click(self._go_on)
        self.progress = widgets.FloatProgress(min=0, max=1)
        self.progress.add_class("gb-progress")
        self.sentence = html(ADVICE, "gb-note")
        self.shown = choice("Searches", [("All on this graph", ALL)], ALL, "Which are drawn")
        self.cost = choice("Front against", COSTS, "model_bytes", "What accuracy is set against")
        self.judged = choice("Judged by", JUDGED, "validation", "Whose accuracy is drawn")
        self.over = choice(
            "Widths found on", [("All data sets", ALL)], ALL, "Whose answers are counted"
        )
        self.front, self.found = PlotlyView(height=430), PlotlyView(height=430)
        self.table = html(name="gb-numbers")
        self.table.add_class("gb-standings")
        self.lines = PlotlyView(height=430)
        self.method.observe(self._adapt, "value")
        for control in (self.shown, self.cost, self.judged, self.over):
            control.observe(self._draw, "value")
        for view in (self.front, self.lines):
            view.observe(self._pick, "clicked")
        jobs.listen(self._follow)
        pair = widgets.HBox([self.front, self.found])
        pair.add_class("gb-pair")
        super().__init__(
            [
                row(self.method, self.space, self.widths),
                row(self.trainings, self.beta_low, self.beta_high, self.seed),
                row(self.start, self.cancel, self.progress),
                self.sentence,
                row(self.shown, self.resume, self.cost, self.judged, self.over),
                pair,
                self.table,
                self.lines,
            ]
        )
        self.add_class("gb-tab")
        self._adapt(None)
        self._follow(None)
        draw_when_seen(state, PAGE, self._draw, ["recipe", "graph", "finished", "searched"])

    def close(self) -> None:
        """Listen to the queue no more."""
        self._jobs.unlisten(self._follow)
        super().close()

    def spec(self) -> SearchSpec:
        """Return the search that Start starts.

        Raises:
            SpecError: If the controls, or the recipe, describe none.
        """
        kind, name = self.space.value, self.method.value
        return SearchSpec(
            space=space_of(self._state.recipe, kind, read_widths(self.widths.value)),
            method=method_of(name, kind, (self.beta_low.value, self.beta_high.value)),
            budget=Budget(trainings=self.trainings.value),
            seed=self.seed.value,
        )

    def _adapt(self, _: Any) -> None:
        """Show the weights of the size where the method has some."""
        for control in (self.beta_low, self.beta_high):
            control.layout.display = None if self.method.value in WEIGHED else "none"

    @property
    def _job(self) -> Job | None:
        """The search that goes on or waits, if any."""
        found = (job for job in self._jobs.jobs if isinstance(job.order, SearchSpec))
        return next((job for job in found if not job.is_over), None)

    def _begin(self, _: Any) -> None:
        """Start the search that the controls describe, or say what is wrong with it."""
        try:
            spec = self.spec()
        except SpecError as error:
            self.sentence.value = f'<span class="gb-fault">{escape(str(error))}.</span>'
            return
        known = next((search for search in self.searches.all() if search.spec == spec), None)
        if known is not None and known.is_over:
            self.sentence.value = OVER
        else:
            self._jobs.submit(spec, search_title(spec))

    def _go_on(self, _: Any) -> None:
        """Resume the search that is chosen in the list."""
        spec = self._listed[self.shown.value].spec
        self._jobs.submit(spec, search_title(spec))

    def _stop(self, _: Any) -> None:
        if self._job is not None:
            self._jobs.cancel(self._job)

    def _follow(self, job: Job | None) -> None:
        """Say how the search is, and have what it came to know drawn."""
        if job is not None and not isinstance(job.order, SearchSpec):
            return
        under_way = self._job
        self.cancel.disabled = under_way is None or under_way.cancelling
        self.progress.value = under_way.share if under_way else 0.0
        if under_way is not None:
            self.sentence.value = escape(searching_sentence(under_way))
        elif job is not None:
            self.sentence.value = escape(job.note) or ADVICE
        if job is not None and self._told != (now := (job.id, job.trials, job.status)):
            self._told = now
            self._state.searched += 1

    def _draw(self, _: Any) -> None:
        """Draw the searches on the recipe's graph, and of all graphs which widths they found."""
        graph = self._state.recipe.graph
        everything = self.searches.all()
        here = [search for search in everything if search.spec.space.graph == graph]
        self._listed = {search.spec.key: search for search in here}
        titles = [(search.title, key) for key, search in self._listed.items()]
        offer(self.shown, [("All on this graph", ALL), *titles], ALL, self._draw)
        one = self._listed.get(self.shown.value)
        self.resume.disabled = one is None or one.is_over or one.is_going_on
        drawn = here if one is None else [one]
        found = points([(s.method, t) for s in drawn for t in s.trials] + self._standards(drawn))
        self._specs = {point.key: point.spec for point in found}
        merit = MERITS[found[0].trials[0].merit] if found else ACCURACY
        measured = MEASURED[self.judged.value]
        of = f"stored · {graph_title(graph)}"
        of += "" if one is None else f" · {one.method}, seed {one.spec.seed}"
        self.front.figure = pareto(
            [self._run_point(point) for point in found],
            merit=merit,
            cost=self.cost.value,
            selected=self._selected,
            groups=GROUPS,
            measured=measured,
            subtitle=of,
        )
        searched = [point for point in found if point.group != FLOAT32]
        axes, lines = _lines(drawn, searched, self.judged.value)
        self.lines.figure = parallel(
            axes, lines, merit=merit, measured=measured, selected=self._selected, subtitle=of
        )
        self.table.value = standings(drawn, self._corners(drawn))
        self._draw_found(everything)

    def _corners(self, drawn: Sequence[Search]) -> dict[Space, Corner]:
        """Return what the fronts of searches are measured from; none while the graph is away."""
        graph = self._state.graph
        for space in {search.spec.space for search in drawn} - self._measured.keys():
            if graph is not None:
                self._measured[space] = corner_of(space, graph)
        return self._measured

    def _draw_found(self, everything: Sequence[Search]) -> None:
        """Draw which widths the answers have, of one data set or of all."""
        graphs = dict.fromkeys(search.spec.space.graph for search in everything)
        options = [("All data sets", ALL), *((graph_title(g), graph_title(g)) for g in graphs)]
        offer(self.over, options, ALL, self._draw)
        answers = [found for search in everything if (found := _found(search)) is not None]
        only = self.over.value
        self.found.figure = widths_found(
            [found for found in answers if only in (ALL, found.graph)],
            subtitle="stored · the leanest run within a point of each search's best",
        )

    @property
    def _selected(self) -> str | None:
        """The key of the point that is the recipe, whatever its seed."""
        recipe = but_for_seed(self._state.recipe)
        keys = (key for key, spec in self._specs.items() if but_for_seed(spec) == recipe)
        return next(keys, None)

    def _standards(self, drawn: Sequence[Search]) -> list[tuple[str, Trial]]:
        """Return the uniform widths and the float runs that the store has, as trials."""
        spaces: dict[Space, set[int]] = {}
        for search in drawn:
            spaces.setdefault(search.spec.space, {0}).add(search.spec.seed)
        if not spaces:
            try:
                spaces = {self.spec().space: {self.seed.value}}
            except SpecError:
                return []
        asked: dict[RunSpec, str] = {}
        for space, seeds in spaces.items():
            for seed in sorted(seeds):
                uniform = uniform_runs(space, seed)
                asked |= dict.fromkeys(uniform, UNIFORM) | {float_twin(uniform[0]): FLOAT32}
        return [(group, trial) for spec, group in asked.items() for trial in self._known(spec)]

    def _known(self, spec: RunSpec) -> Iterator[Trial]:
        try:
            run: Run | None = self._store.answer(key_of(spec))
        except StoreError:
            return
        if run is not None:
            held = Proposal(number=0, spec=spec)
            yield Trial.of(held, run.metrics, cost=1.0, seconds=run.seconds)

    def _run_point(self, point: Point) -> RunPoint:
        results = [getattr(trial, self.judged.value) for trial in point.trials]
        times = [trial.latency_ms for trial in point.trials if trial.latency_ms is not None]
        first = point.trials[0]
        return RunPoint(
            key=point.key,
            name=point.name,
            group=point.group,
            result=fmean(results),
            sd=stdev(results) if len(results) > 1 else 0.0,
            seeds=len(results),
            model_bytes=first.model_bytes,
            buffer_bytes=first.buffer_bytes,
            latency_ms=fmean(times) if times else None,
        )

    def _pick(self, change: dict[str, Any]) -> None:
        spec = self._specs.get(picked_key(change["new"]) or "")
        if spec is not None:
            self._state.edit(lambda _: spec)


def _found(search: Search) -> Found | None:
    """Return the widths of a search's answer; None where it chose none, or has no answer."""
    answer = search.answer
    if answer is None or isinstance(search.spec.method, Uniform):
        return None
    space = search.spec.space
    if len(space.widths) == 1:
        return None
    bits = bits_of(chosen_by(space, answer.spec) or {})
    return Found(name=search.name, graph=graph_title(space.graph), bits=bits)


def _lines(
    drawn: Sequence[Search], found: Sequence[Point], judged: str
) -> tuple[list[Axis], list[Chosen]]:
    """Return the choices that most runs had, and the runs as lines through them.

    Args:
        drawn: The searches.
        found: What they came to, and uniform widths.
        judged: Which of a trial's numbers is the result.
    """
    spaces = dict.fromkeys(search.spec.space for search in drawn)
    options: dict[str, dict[Any, None]] = {}
    for choice_ in (choice_ for space in spaces for choice_ in space.everything()):
        options.setdefault(choice_.name, {}).update(dict.fromkeys(choice_.options))
    lines = []
    for point in found:
        chosen = next(filter(None, (chosen_by(space, point.spec) for space in spaces)), None)
        if chosen is not None:
            result = fmean(getattr(trial, judged) for trial in point.trials)
            lines.append(Chosen(key=point.key, name=point.name, options=chosen, result=result))
    axes = [
        Axis(name=name, title=_axis_title(name), options=tuple(sorted(held)))
        for name, held in options.items()
        if len(held) > 1 and 2 * sum(name in line.options for line in lines) >= len(lines)
    ]
    return axes, lines


def _axis_title(name: str) -> str:
    layer, _, component = name.partition(".")
    if not component:
        return name
    component, _, degree = component.partition(".")
    return f"L{int(layer) + 1} {component}" + f" ≥{degree}" * bool(degree)
