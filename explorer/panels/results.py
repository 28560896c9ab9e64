"""Results: this run beside the float run, and all runs on the graph; a click loads one."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import ipywidgets as widgets
import plotly.graph_objects as go

from engine.metrics.merit import Merit, merit_in
from engine.runs import Run, RunStore, RunSummary, StoreError
from engine.spec import float_twin
from engine.spec.run import FOLDED
from explorer.among import metrics_among, shown_among
from explorer.answers import Kept
from explorer.captions import (
    family_title,
    latency,
    scheme_title,
    size,
    subtitle,
    told,
    told_change,
    whole_title,
)
from explorer.chosen import Mask
from explorer.fields import choice, html, row
from explorer.figures.chart import blank
from explorer.figures.pareto import RunPoint, pareto
from explorer.figures.results import TITLE, number_at, results
from explorer.panels.error import NOTHING
from explorer.plot import PlotlyView, picked_key
from explorer.seen import draw_when_seen
from explorer.shown import Shown
from explorer.state import State

COSTS = (("Model size", "model_bytes"), ("Buffers", "buffer_bytes"), ("Latency", "latency_ms"))
Metrics = Mapping[str, Any]
MOST_ROWS = 200

PAGE = "Runs"
"""The page it stands on."""


ADVICE = (
    "Look for runs above and left of the others: better and cheaper. A click on one makes it "
    "the recipe."
)


class ResultsPanel(widgets.VBox):
    """The numbers of what is shown against the pinned float run, and every finished run.

    Args:
        state: Holds the recipe and what is shown.
        store: The runs.
    """

    def __init__(self, state: State, store: RunStore) -> None:
        self._state, self._store = state, store
        self._summaries: dict[str, RunSummary] = {}
        self._runs: Kept[str, Run | None] = Kept(MOST_ROWS)
        self.results = PlotlyView(height=430)
        self.cost = choice("Cost", COSTS, "model_bytes", "What accuracy is set against")
        self.run = choice("Run", [("–", "")], "", "A stored run, to be loaded")
        self.load = widgets.Button(description="Load", tooltip="Edit this run's recipe and show it")
        self.load.on_click(lambda _: self._load(self.run.value))
        self.pareto = PlotlyView(height=360)
        self.table = html(name="gb-runs")
        self.cost.observe(self._draw, "value")
        self.pareto.observe(self._pick, "clicked")
        charts = widgets.HBox([self.results, self.pareto])
        charts.add_class("gb-pair")
        controls = row(self.run, self.load, self.cost)
        super().__init__([controls, html(ADVICE, "gb-note"), charts, self.table])
        self.add_class("gb-tab")
        self.results.add_class("gb-follows")
        draw_when_seen(state, PAGE, self._draw, ["shown", "finished", "pinned", "chosen"])

    @property
    def _among(self) -> tuple[Mask, list[str]] | None:
        """Which of the predicted are chosen, and what a chart says of that; None for all."""
        shown, chosen = self._state.shown, self._state.chosen
        among = None if shown is None or chosen is None else chosen.units(shown)
        return None if among is None or chosen is None else (among, [f"only {chosen.title}"])

    def _results(self, shown: Shown) -> go.Figure:
        """Return the numbers of what is shown beside those of what it is compared with."""
        compared, baseline = self._state.pinned, shown.baseline
        name = "FP32" if compared is None else scheme_title(compared.recipe)
        held, before, place = shown.metrics, None, list[str]()
        if self._among is None and compared is not None:
            before = compared.metrics
        elif self._among is None and baseline is not None:
            before = baseline.metrics
        elif self._among is not None:
            among, place = self._among
            held = shown_among(shown, among)
            if compared is not None and compared.recipe.graph == shown.recipe.graph:
                before = shown_among(compared, among)
            elif compared is None and baseline is not None:
                of = baseline.metrics, baseline.arrays
                before = metrics_among(*of, shown.measured, among)
        return results(held, pinned=before, pinned_name=name, subtitle=subtitle(shown, *place))

    def _metrics(self, summary: RunSummary) -> dict[str, Any]:
        """Return a run's metrics, on what is chosen where something is."""
        shown, held = self._state.shown, self._among
        if shown is None or held is None:
            return summary.metrics
        run = self._runs.get(summary.key, lambda: self._store.find(summary.key))
        is_same = run is not None and run.spec.graph == shown.recipe.graph
        arrays = run.arrays if run is not None and is_same else {}
        return metrics_among(summary.metrics, arrays, shown.measured, held[0])

    def _draw(self, _: Any) -> None:
        shown, recipe = self._state.shown, self._state.recipe
        self.results.figure = blank(TITLE, NOTHING) if shown is None else self._results(shown)
        try:
            listed = self._store.list(graph=recipe.graph.name, status="finished", limit=MOST_ROWS)
        except StoreError as error:
            self.table.value = f'<span class="gb-fault">{escape(str(error))}</span>'
            listed = ()
        self._summaries = {
            summary.key: summary
            for summary in listed
            if summary.spec is not None and summary.spec.graph.split == recipe.graph.split
        }
        metrics = {key: self._metrics(summary) for key, summary in self._summaries.items()}
        place = " · ".join(["", *self._among[1]]) if self._among else ""
        pinned = float_twin(shown.recipe if shown else recipe).key
        merit = merit_in(next(iter(metrics.values()), {}))
        selected = shown.run.key if shown and shown.run else ""
        self.pareto.figure = pareto(
            [_point(summary, metrics[key], merit) for key, summary in self._summaries.items()],
            merit=merit,
            cost=self.cost.value,
            selected=selected or None,
            pinned=pinned,
            subtitle=f"stored · all runs on {whole_title(recipe.graph)}{place}",
        )
        options = [(_name(summary), key) for key, summary in self._summaries.items()]
        with self.run.hold_sync():
            self.run.options = options or [("no run on this graph yet", "")]
            if selected in self._summaries:
                self.run.value = selected
        self.load.disabled = not options
        self.table.value = _table(self._summaries, metrics, merit, pinned, selected)

    def _pick(self, change: dict[str, Any]) -> None:
        self._load(picked_key(change["new"]))

    def _load(self, key: str | None) -> None:
        summary = self._summaries.get(key or "")
        if summary is not None and summary.spec is not None:
            spec = summary.spec
            self._state.edit(lambda _: spec)


def _name(summary: RunSummary) -> str:
    assert summary.spec is not None
    spec = summary.spec
    parts = [scheme_title(spec), summary.model, summary.mode]
    if spec.graph.name in FOLDED:
        parts.append(f"fold {spec.graph.fold or 0}")
    return ", ".join((*parts, f"seed {summary.seed}"))


def _point(summary: RunSummary, metrics: Metrics, merit: Merit) -> RunPoint:
    assert summary.spec is not None
    return RunPoint(
        key=summary.key,
        name=_name(summary),
        group=family_title(summary.spec),
        result=number_at(metrics, f"{merit.name}.integer"),
        model_bytes=number_at(metrics, "size.model_bytes"),
        buffer_bytes=number_at(metrics, "size.buffer_bytes"),
        latency_ms=number_at(metrics, "latency.integer_ms"),
    )


def _table(
    summaries: Mapping[str, RunSummary],
    numbers: Mapping[str, Metrics],
    merit: Merit,
    pinned: str,
    selected: str,
) -> str:
    """Return the runs as an HTML table, the pinned one first, the others by their results."""
    if not summaries:
        return ""

    def result(summary: RunSummary) -> float | None:
        return number_at(numbers[summary.key], f"{merit.name}.integer")

    def place(summary: RunSummary) -> tuple[bool, float]:
        return summary.key != pinned, -merit.rank(result(summary) or 0.0)

    base = summaries.get(pinned)
    before = None if base is None else result(base)
    rows = []
    for summary in sorted(summaries.values(), key=place):
        metrics, reached = numbers[summary.key], result(summary)
        known = reached is not None and before is not None and summary is not base
        change = told_change(merit, reached or 0.0, before or 0.0) if known else ""
        mark = " · pinned" if summary is base else ""
        simulated = number_at(metrics, f"{merit.name}.simulated")
        differ = number_at(metrics, "agreement.codes_different")
        model = number_at(metrics, "size.model_bytes")
        fast = number_at(metrics, "latency.integer_ms")
        cells = (
            "–" if reached is None else told(merit, reached),
            change,
            "–" if simulated is None else told(merit, simulated),
            "–" if differ is None else f"{100 * differ:.3g} %",
            "–" if model is None else size(model),
            "–" if fast is None else latency(fast),
        )
        here = ' class="gb-here"' if summary.key == selected else ""
        rows.append(
            f"<tr{here}><th scope=row>{escape(_name(summary))}{mark}</th>"
            + "".join(f"<td>{cell}</td>" for cell in cells)
            + "</tr>"
        )
    head = ("Integer", "Against FP32", "Simulated", "Codes differ", "Model", "Latency")
    return (
        "<table><thead><tr><th scope=col>Stored run</th>"
        + "".join(f"<th scope=col>{title}</th>" for title in head)
        + f"</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )
