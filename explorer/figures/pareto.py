"""All runs: accuracy against what it costs, and the front that no other run beats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from explorer.captions import percent, size
from explorer.figures.chart import HALF_PAGE, Trace, blank, chart, sentence, short, table, text
from explorer.figures.theme import CYCLE, GREY, SELECTED

TITLE = "Accuracy against cost"
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
        accuracy: Integer accuracy on the test nodes, 0 to 1; None where it has none.
        model_bytes: Packed size of its model.
        latency_ms: Time of one integer forward.
    """

    key: str
    name: str
    group: str
    accuracy: float | None
    model_bytes: float | None
    latency_ms: float | None

    def cost(self, cost: Cost) -> float | None:
        """Return its cost of a kind."""
        return self.model_bytes if cost == "model_bytes" else self.latency_ms

    def told(self, cost: Cost) -> str:
        """Return its cost of a kind as text."""
        value = self.cost(cost) or 0.0
        return size(value) if cost == "model_bytes" else f"{short(value)} ms"

    def is_drawn(self, cost: Cost) -> bool:
        """Return whether it has a finite accuracy and a finite cost above 0."""
        numbers = (self.accuracy, self.cost(cost))
        if any(number is None or not np.isfinite(number) for number in numbers):
            return False
        return (self.cost(cost) or 0) > 0


def pareto(
    runs: Sequence[RunPoint],
    *,
    cost: Cost = "model_bytes",
    selected: str | None = None,
    pinned: str | None = None,
    subtitle: str = "",
) -> go.Figure:
    """Return the accuracy of runs against their cost; a point's customdata is its run's key.

    Args:
        runs: The runs; those without accuracy or cost are left out and counted.
        cost: Which cost.
        selected: Key of the run that is shown elsewhere.
        pinned: Key of the run that others are compared with.
        subtitle: Which runs these are.
    """
    drawn = [run for run in runs if run.is_drawn(cost)]
    if not drawn:
        return blank(TITLE, "No finished run has an accuracy and a cost yet.", subtitle=subtitle)
    best = [drawn[place] for place in front(_costs(drawn, cost), _accuracies(drawn))]
    groups = sorted({run.group for run in drawn})
    traces = [_front(best, cost)]
    for place, group in enumerate(groups):
        of_group = [run for run in drawn if run.group == group]
        traces.append(_points(of_group, cost, place))
    for key, label in ((pinned, "pinned"), (selected, "shown")):
        traces += [_ring(run, cost, label) for run in drawn if run.key == key]
    accuracy = 100 * _accuracies(drawn)
    room = max(float(np.ptp(accuracy)), 2.0) * 0.12
    return chart(
        TITLE,
        traces,
        summary=_summary(drawn, best, cost, len(runs) - len(drawn)),
        table=_table(drawn, best),
        subtitle=subtitle,
        line=HALF_PAGE,
        xaxis={"type": "log", "title": {"text": AXES[cost]}, **_cost_range(drawn, cost)},
        yaxis={
            "title": {"text": "Integer accuracy (%)"},
            "range": [float(accuracy.min()) - room, float(accuracy.max()) + room],
        },
    )


def front(costs: NDArray[np.float64], accuracies: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the places of the points that no other beats in cost and accuracy, cheapest first.

    Args:
        costs: [R].
        accuracies: [R].
    """
    order = np.lexsort((-accuracies, costs))
    reached = np.maximum.accumulate(accuracies[order])
    gains = np.concatenate(([True], reached[1:] > reached[:-1]))
    return order[gains]


def _costs(runs: Sequence[RunPoint], cost: Cost) -> NDArray[np.float64]:
    return np.array([run.cost(cost) for run in runs], dtype=np.float64)


def _accuracies(runs: Sequence[RunPoint]) -> NDArray[np.float64]:
    return np.array([run.accuracy for run in runs], dtype=np.float64)


def _cost_range(runs: Sequence[RunPoint], cost: Cost) -> dict[str, object]:
    """Return the axis' range and labels: 1, 2, 5 a decade while they are few, else decades."""
    decades = np.log10(_costs(runs, cost) * FACTORS[cost])
    low, high = float(decades.min()), float(decades.max())
    room = max(0.08 * (high - low), 0.06)
    dtick = "D2" if high - low < 2 else 1
    return {"range": [low - room, high + room], "dtick": dtick, "tickformat": "~g"}


def _points(runs: Sequence[RunPoint], cost: Cost, place: int) -> Trace:
    look = CYCLE[place % GROUPS]
    turn = "-open" if (place // GROUPS) % 2 else ""
    return {
        "type": "scatter",
        "mode": "markers",
        "x": _costs(runs, cost) * FACTORS[cost],
        "y": 100 * _accuracies(runs),
        "customdata": [run.key for run in runs],
        "marker": {"color": look.color, "symbol": look.symbol + turn, "size": 10, "opacity": 0.85},
        "name": text(runs[0].group),
        "text": [
            f"<b>{text(run.name)}</b><br>{percent(run.accuracy or 0)}, {run.told(cost)}"
            for run in runs
        ],
        "hoverinfo": "text",
    }


def _front(best: Sequence[RunPoint], cost: Cost) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": _costs(best, cost) * FACTORS[cost],
        "y": 100 * _accuracies(best),
        "line": {"color": GREY, "width": 1.5, "dash": "dot", "shape": "hv"},
        "name": "Pareto front",
        "hoverinfo": "skip",
    }


def _ring(run: RunPoint, cost: Cost, label: str) -> Trace:
    color = SELECTED.color if label == "shown" else GREY
    return {
        "type": "scatter",
        "mode": "markers",
        "x": _costs([run], cost) * FACTORS[cost],
        "y": 100 * _accuracies([run]),
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


def _summary(drawn: Sequence[RunPoint], best: Sequence[RunPoint], cost: Cost, left_out: int) -> str:
    top, cheapest = best[-1], best[0]
    which = f"most accurate of {len(drawn)} runs" if len(drawn) > 1 else "only run"
    said = f"the {which} is {top.name} with {percent(top.accuracy or 0)} "
    said += f"at {top.told(cost)}"
    if cheapest is not top:
        said += f"; {cheapest.name} is the cheapest with {percent(cheapest.accuracy or 0)} "
        said += f"at {cheapest.told(cost)}"
    told = sentence(said)
    if left_out:
        told += " " + sentence(f"{left_out} without an accuracy or a cost left out")
    return told


def _table(drawn: Sequence[RunPoint], best: Sequence[RunPoint]) -> dict[str, object]:
    unbeaten = {run.key for run in best}
    rows = [
        [
            run.name,
            run.group,
            percent(run.accuracy or 0),
            None if run.model_bytes is None else size(run.model_bytes),
            run.latency_ms,
            "yes" if run.key in unbeaten else "",
        ]
        for run in sorted(drawn, key=lambda run: -(run.accuracy or 0))
    ]
    keys = [run.key for run in sorted(drawn, key=lambda run: -(run.accuracy or 0))]
    columns = ["Run", "Group", "Integer accuracy", "Model", "Latency (ms)", "On the front"]
    return table(columns, rows, keys)
