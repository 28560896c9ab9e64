"""Results: this run beside the float run, and all runs on the graph; a click loads one."""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets as widgets

from engine.metrics.merit import Merit, merit_in
from engine.runs import RunStore, RunSummary, StoreError
from engine.spec import float_twin
from engine.spec.run import FOLDED
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
from explorer.fields import choice, html, row
from explorer.figures.chart import blank
from explorer.figures.pareto import RunPoint, pareto
from explorer.figures.results import TITLE, number_at, results
from explorer.panels.error import NOTHING
from explorer.plot import PlotlyView
from explorer.seen import draw_when_seen
from explorer.state import State

COSTS = (("Model size", "model_bytes"), ("Latency", "latency_ms"))
MOST_ROWS = 200

PAGE = "Runs"
"""The page it stands on."""


class ResultsPanel(widgets.VBox):
    """The numbers of what is shown against the pinned float run, and every finished run.

    Args:
        state: Holds the recipe and what is shown.
        store: The runs.
    """

    def __init__(self, state: State, store: RunStore) -> None:
        self._state, self._store = state, store
        self._summaries: dict[str, RunSummary] = {}
        self.results = PlotlyView(height=430)
        self.cost = choice("Cost", COSTS, "model_bytes")
        self.run = choice("Run", [("–", "")], "")
        self.load = widgets.Button(description="Load", tooltip="Edit this run's recipe and show it")
        self.load.on_click(lambda _: self._load(self.run.value))
        self.pareto = PlotlyView(height=360)
        self.table = html(name="gb-runs")
        self.cost.observe(self._draw, "value")
        self.pareto.observe(self._pick, "clicked")
        draw_when_seen(state, PAGE, self._draw, ["shown", "finished", "pinned"])
        charts = widgets.HBox([self.results, self.pareto])
        charts.add_class("gb-pair")
        super().__init__([row(self.run, self.load, self.cost), charts, self.table])
        self.add_class("gb-tab")
        self.results.add_class("gb-follows")
        self._draw(None)

    def _draw(self, _: Any) -> None:
        shown, recipe = self._state.shown, self._state.recipe
        if shown is None:
            self.results.figure = blank(TITLE, NOTHING)
        else:
            compared = self._state.pinned
            baseline = shown.baseline.metrics if shown.baseline else None
            self.results.figure = results(
                shown.metrics,
                pinned=baseline if compared is None else compared.metrics,
                pinned_name="FP32" if compared is None else scheme_title(compared.recipe),
                subtitle=subtitle(shown),
            )
        try:
            listed = self._store.list(graph=recipe.graph.name, status="finished", limit=MOST_ROWS)
        except StoreError as error:
            self.table.value = f'<span class="gb-fault">{escape(str(error))}</span>'
            listed = ()
        self._summaries = {summary.key: summary for summary in listed if summary.spec is not None}
        pinned = float_twin(shown.recipe if shown else recipe).key
        merit = merit_in(listed[0].metrics if listed else {})
        selected = shown.run.key if shown and shown.run else ""
        self.pareto.figure = pareto(
            [_point(summary, merit) for summary in self._summaries.values()],
            merit=merit,
            cost=self.cost.value,
            selected=selected or None,
            pinned=pinned,
            subtitle=f"stored · all runs on {whole_title(recipe.graph)}",
        )
        options = [(_name(summary), key) for key, summary in self._summaries.items()]
        self.run.options = options or [("no run on this graph yet", "")]
        if selected in self._summaries:
            self.run.value = selected
        self.load.disabled = not options
        self.table.value = _table(self._summaries, merit, pinned, selected)

    def _pick(self, change: dict[str, Any]) -> None:
        picked = change["new"].get("customdata")
        self._load(picked[0] if isinstance(picked, list) and picked else picked)

    def _load(self, key: Any) -> None:
        summary = self._summaries.get(key)
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


def _point(summary: RunSummary, merit: Merit) -> RunPoint:
    assert summary.spec is not None
    return RunPoint(
        key=summary.key,
        name=_name(summary),
        group=family_title(summary.spec),
        result=number_at(summary.metrics, f"{merit.name}.integer"),
        model_bytes=number_at(summary.metrics, "size.model_bytes"),
        latency_ms=number_at(summary.metrics, "latency.integer_ms"),
    )


def _table(summaries: dict[str, RunSummary], merit: Merit, pinned: str, selected: str) -> str:
    """Return the runs as an HTML table, the pinned one first, the others by their results."""
    if not summaries:
        return ""

    def result(summary: RunSummary) -> float:
        return number_at(summary.metrics, f"{merit.name}.integer") or 0.0

    ordered = sorted(summaries.values(), key=lambda s: (s.key != pinned, -merit.rank(result(s))))
    base = summaries.get(pinned)
    rows = []
    for summary in ordered:
        metrics = summary.metrics
        change = (
            ""
            if base is None or summary is base
            else told_change(merit, result(summary), result(base))
        )
        mark = " · pinned" if summary is base else ""
        simulated = number_at(metrics, f"{merit.name}.simulated")
        differ = number_at(metrics, "agreement.codes_different")
        model = number_at(metrics, "size.model_bytes")
        fast = number_at(metrics, "latency.integer_ms")
        cells = (
            told(merit, result(summary)),
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
