"""All runs: their results against what they cost, and the front that no other run beats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from engine.metrics.merit import ACCURACY, Merit
from explorer.captions import latency, size, told
from explorer.figures.chart import HALF_PAGE, Trace, blank, chart, sentence, table, text
from explorer.figures.theme import CYCLE, GREY, SELECTED

Cost = Literal["model_bytes", "latency_ms"]
AXES = {
    "model_bytes": "Model size, packed (kB, log scale)",
    "latency_ms": "Latency of one integer forward (ms, log scale)",
}
FACTORS = {"model_bytes": 1e-3, "latency_ms": 1.0}
GROUPS = len(CYCLE)
"""Most groups with a style of their own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunPoint:
    """A run among others.

    Args:
        key: Its key; what a click tells.
        name: What to call it.
        group: Runs of one group share a style: a scheme, or its widths.
        result: What the runs' merit says of the integer path's test units; None where it says
            nothing.
        model_bytes: Packed size of its model.
        latency_ms: Time of one integer forward.
    """

    key: str
    name: str
    group: str
    result: float | None
    model_bytes: float | None
    latency_ms: float | None

    def cost(self, cost: Cost) -> float | None:
        """Return its cost of a kind."""
        return self.model_bytes if cost == "model_bytes" else self.latency_ms

    def told(self, cost: Cost) -> str:
        """Return its cost of a kind as text."""
        value = self.cost(cost) or 0.0
        return size(value) if cost == "model_bytes" else latency(value)

    def is_drawn(self, cost: Cost) -> bool:
        """Return whether it has a finite result and a finite cost above 0."""
        numbers = (self.result, self.cost(cost))
        if any(number is None or not np.isfinite(number) for number in numbers):
            return False
        return (self.cost(cost) or 0) > 0


def pareto(
    runs: Sequence[RunPoint],
    *,
    merit: Merit = ACCURACY,
    cost: Cost = "model_bytes",
    selected: str | None = None,
    pinned: str | None = None,
    subtitle: str = "",
) -> go.Figure:
    """Return the results of runs against their cost; a point's customdata is its run's key.

    Args:
        runs: The runs; those without result or cost are left out and counted.
        merit: What they are judged by.
        cost: Which cost.
        selected: Key of the run that is shown elsewhere.
        pinned: Key of the run that others are compared with.
        subtitle: Which runs these are.
    """
    drawn = [run for run in runs if run.is_drawn(cost)]
    title = f"{merit.title.capitalize()} against cost"
    if not drawn:
        nothing = f"No finished run has a {merit.title} and a cost yet."
        return blank(title, nothing.replace("a accuracy", "an accuracy"), subtitle=subtitle)
    ranks = np.array([merit.rank(run.result or 0.0) for run in drawn])
    best = [drawn[place] for place in front(_costs(drawn, cost), ranks)]
    groups = sorted({run.group for run in drawn})
    traces = [_front(best, cost, merit)]
    for place, group in enumerate(groups):
        of_group = [run for run in drawn if run.group == group]
        traces.append(_points(of_group, cost, place, merit))
    for key, label in ((pinned, "pinned"), (selected, "shown")):
        traces += [_ring(run, cost, label, merit) for run in drawn if run.key == key]
    values = _results(drawn, merit)
    room = max(float(np.ptp(values)), 2.0 if merit.is_share else 0.02 * values.max()) * 0.12
    unit = " (%)" if merit.is_share else ""
    return chart(
        title,
        traces,
        summary=_summary(drawn, best, cost, len(runs) - len(drawn), merit),
        table=_table(drawn, best, merit),
        subtitle=subtitle,
        line=HALF_PAGE,
        xaxis={"type": "log", "title": {"text": AXES[cost]}, **_cost_range(drawn, cost)},
        yaxis={
            "title": {"text": f"Integer {merit.title}{unit}"},
            "range": [float(values.min()) - room, float(values.max()) + room],
        },
    )


def front(costs: NDArray[np.float64], ranks: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the places of the points that no other beats in cost and rank, cheapest first.

    Args:
        costs: [R].
        ranks: Larger for better runs, [R].
    """
    order = np.lexsort((-ranks, costs))
    reached = np.maximum.accumulate(ranks[order])
    gains = np.concatenate(([True], reached[1:] > reached[:-1]))
    return order[gains]


def _costs(runs: Sequence[RunPoint], cost: Cost) -> NDArray[np.float64]:
    return np.array([run.cost(cost) for run in runs], dtype=np.float64)


def _results(runs: Sequence[RunPoint], merit: Merit) -> NDArray[np.float64]:
    """Return results in the unit of the axis."""
    values = np.array([run.result for run in runs], dtype=np.float64)
    return 100 * values if merit.is_share else values


def _cost_range(runs: Sequence[RunPoint], cost: Cost) -> dict[str, object]:
    """Return the axis' range and labels: 1, 2, 5 a decade while they are few, else decades."""
    decades = np.log10(_costs(runs, cost) * FACTORS[cost])
    low, high = float(decades.min()), float(decades.max())
    room = max(0.08 * (high - low), 0.06)
    dtick = "D2" if high - low < 2 else 1
    return {"range": [low - room, high + room], "dtick": dtick, "tickformat": "~g"}


def _points(runs: Sequence[RunPoint], cost: Cost, place: int, merit: Merit) -> Trace:
    look = CYCLE[place % GROUPS]
    turn = "-open" if (place // GROUPS) % 2 else ""
    return {
        "type": "scatter",
        "mode": "markers",
        "x": _costs(runs, cost) * FACTORS[cost],
        "y": _results(runs, merit),
        "customdata": [run.key for run in runs],
        "marker": {"color": look.color, "symbol": look.symbol + turn, "size": 10, "opacity": 0.85},
        "name": text(runs[0].group),
        "text": [
            f"<b>{text(run.name)}</b><br>{told(merit, run.result or 0)}, {run.told(cost)}"
            for run in runs
        ],
        "hoverinfo": "text",
    }


def _front(best: Sequence[RunPoint], cost: Cost, merit: Merit) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": _costs(best, cost) * FACTORS[cost],
        "y": _results(best, merit),
        "line": {"color": GREY, "width": 1.5, "dash": "dot", "shape": "hv"},
        "name": "Pareto front",
        "hoverinfo": "skip",
    }


def _ring(run: RunPoint, cost: Cost, label: str, merit: Merit) -> Trace:
    color = SELECTED.color if label == "shown" else GREY
    return {
        "type": "scatter",
        "mode": "markers",
        "x": _costs([run], cost) * FACTORS[cost],
        "y": _results([run], merit),
        "customdata": [run.key],
        "marker": {
            "color": color,
            "symbol": "circle-open" if label == "shown" else "square-open",
            "size": 19,
            "line": {"width": 2.5},
        },
        "name": f"{label} run",
        "hoverinfo": "skip",
    }


def _summary(
    drawn: Sequence[RunPoint],
    best: Sequence[RunPoint],
    cost: Cost,
    left_out: int,
    merit: Merit,
) -> str:
    top, cheapest = best[-1], best[0]
    which = f"best of {len(drawn)} runs" if len(drawn) > 1 else "only run"
    said = f"the {which} is {top.name} with {told(merit, top.result or 0)} "
    said += f"at {top.told(cost)}"
    if cheapest is not top:
        said += f"; {cheapest.name} is the cheapest with {told(merit, cheapest.result or 0)} "
        said += f"at {cheapest.told(cost)}"
    words = sentence(said)
    if left_out:
        words += " " + sentence(f"{left_out} without a result or a cost left out")
    return words


def _table(drawn: Sequence[RunPoint], best: Sequence[RunPoint], merit: Merit) -> dict[str, object]:
    unbeaten = {run.key for run in best}
    ordered = sorted(drawn, key=lambda run: -merit.rank(run.result or 0))
    rows = [
        [
            run.name,
            run.group,
            told(merit, run.result or 0),
            None if run.model_bytes is None else size(run.model_bytes),
            run.latency_ms,
            "yes" if run.key in unbeaten else "",
        ]
        for run in ordered
    ]
    columns = ["Run", "Group", f"Integer {merit.title}", "Model", "Latency (ms)", "On the front"]
    return table(columns, rows, [run.key for run in ordered])
