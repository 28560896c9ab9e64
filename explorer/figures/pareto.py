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

Cost = Literal["model_bytes", "buffer_bytes", "latency_ms"]
AXES = {
    "model_bytes": "Model size, packed (kB, log scale)",
    "buffer_bytes": "Largest live activations (kB, log scale)",
    "latency_ms": "Latency of one integer forward (ms, log scale)",
}
FACTORS = {"model_bytes": 1e-3, "buffer_bytes": 1e-3, "latency_ms": 1.0}
FRONT_ROOM = 12.0
"""Percentage points under the front that are in sight at least; a double click shows all."""
GROUPS = len(CYCLE)
"""Most groups with a style of their own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunPoint:
    """A run among others.

    Args:
        key: Its key; what a click tells.
        name: What to call it.
        group: Runs of one group share a style: a scheme, or its widths.
        result: What the runs' merit says of it; None where it says nothing. Of several seeds, the
            mean.
        model_bytes: Packed size of its model.
        latency_ms: Time of one integer forward.
        buffer_bytes: Its largest live activations.
        sd: Sample standard deviation of the result over seeds.
        seeds: How many seeds it is of.
    """

    key: str
    name: str
    group: str
    result: float | None
    model_bytes: float | None
    latency_ms: float | None
    buffer_bytes: float | None = None
    sd: float = 0.0
    seeds: int = 1

    def cost(self, cost: Cost) -> float | None:
        """Return its cost of a kind."""
        held: float | None = getattr(self, cost)
        return held

    def told(self, cost: Cost) -> str:
        """Return its cost of a kind as text."""
        value = self.cost(cost) or 0.0
        return latency(value) if cost == "latency_ms" else size(value)

    def told_result(self, merit: Merit) -> str:
        """Return its result as text, with its spread where it is of several seeds."""
        said = told(merit, self.result or 0.0)
        if self.seeds == 1:
            return said
        spread = f"{100 * self.sd:.1f}" if merit.is_share else f"{self.sd:.2g}"
        return f"{said} ± {spread}, {self.seeds} seeds"

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
    groups: Sequence[str] = (),
    measured: str = "Integer",
    subtitle: str = "",
) -> go.Figure:
    """Return the results of runs against their cost; a point's customdata is its run's key.

    A result of several seeds has an error bar, of one standard deviation to each side.

    Args:
        runs: The runs; those without result or cost are left out and counted.
        merit: What they are judged by.
        cost: Which cost.
        selected: Key of the run that is shown elsewhere.
        pinned: Key of the run that others are compared with.
        groups: Groups that have their styles whether they are there or not; any other comes after.
        measured: What the result was measured of.
        subtitle: Which runs these are.
    """
    drawn = [run for run in runs if run.is_drawn(cost)]
    title = f"{merit.title.capitalize()} against cost"
    if not drawn:
        nothing = f"No finished run has a {merit.title} and a cost yet."
        return blank(title, nothing.replace("a accuracy", "an accuracy"), subtitle=subtitle)
    ranks = np.array([merit.rank(run.result or 0.0) for run in drawn])
    best = [drawn[place] for place in front(_costs(drawn, cost), ranks)]
    held = {run.group for run in drawn}
    traces = [_front(best, cost, merit)]
    for place, group in enumerate([*groups, *sorted(held - set(groups))]):
        if group in held:
            of_group = [run for run in drawn if run.group == group]
            traces.append(_points(of_group, cost, place, merit))
    for key, label in ((pinned, "pinned"), (selected, "shown")):
        traces += [_ring(run, cost, label, merit) for run in drawn if run.key == key]
    low, high = _sight(_results(drawn, merit), _results(best, merit), merit)
    room = max(high - low, 2.0 if merit.is_share else 0.02 * high) * 0.12
    unit = " (%)" if merit.is_share else ""
    return chart(
        title,
        traces,
        summary=_summary(drawn, best, cost, len(runs) - len(drawn), merit)
        + _hidden(_results(drawn, merit), low, high),
        table=_table(drawn, best, merit, measured),
        subtitle=subtitle,
        line=HALF_PAGE,
        xaxis={"type": "log", "title": {"text": AXES[cost]}, **_cost_range(drawn, cost)},
        yaxis={
            "title": {"text": f"{measured} {merit.title}{unit}"},
            "range": [low - room, high + room],
        },
    )


def _sight(
    values: NDArray[np.float64], of_front: NDArray[np.float64], merit: Merit
) -> tuple[float, float]:
    """Return the results in sight at first: all, or those no farther off the front than it is long.

    Args:
        values: All results, in the unit of the axis.
        of_front: Those of the front.
        merit: What they are.
    """
    ranks, fronts = (merit.rank(1) * held for held in (values, of_front))
    least = FRONT_ROOM if merit.is_share else float(fronts.max() * 0.1)
    worst = float(fronts.min() - max(float(np.ptp(fronts)), least))
    seen = values[ranks >= worst]
    return float(seen.min()), float(seen.max())


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
    spread = np.array([run.sd for run in runs]) * (100 if merit.is_share else 1)
    return {
        "type": "scatter",
        "mode": "markers",
        "x": _costs(runs, cost) * FACTORS[cost],
        "y": _results(runs, merit),
        "error_y": {"array": spread, "visible": bool(spread.any()), "thickness": 1.5, "width": 4},
        "customdata": [run.key for run in runs],
        "marker": {"color": look.color, "symbol": look.symbol + turn, "size": 10, "opacity": 0.85},
        "name": text(runs[0].group),
        "text": [
            f"<b>{text(run.name)}</b><br>{run.told_result(merit)}, {run.told(cost)}" for run in runs
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
    said = f"the {which} is {top.name} with {top.told_result(merit)} "
    said += f"at {top.told(cost)}"
    if cheapest is not top:
        said += f"; {cheapest.name} is the cheapest with {cheapest.told_result(merit)} "
        said += f"at {cheapest.told(cost)}"
    words = sentence(said)
    if left_out:
        words += " " + sentence(f"{left_out} without a result or a cost left out")
    return words


def _hidden(values: NDArray[np.float64], low: float, high: float) -> str:
    """Say how many runs are out of sight, if any."""
    count = int(((values < low) | (values > high)).sum())
    if not count:
        return ""
    lie = "runs lie" if count > 1 else "run lies"
    return f" {count} {lie} out of sight; a double click on the chart shows all."


def _table(
    drawn: Sequence[RunPoint], best: Sequence[RunPoint], merit: Merit, measured: str
) -> dict[str, object]:
    unbeaten = {run.key for run in best}
    ordered = sorted(drawn, key=lambda run: -merit.rank(run.result or 0))
    rows = [
        [
            run.name,
            run.group,
            run.told_result(merit),
            *(None if held is None else size(held) for held in (run.model_bytes, run.buffer_bytes)),
            run.latency_ms,
            "yes" if run.key in unbeaten else "",
        ]
        for run in ordered
    ]
    columns = [
        *("Run", "Group", f"{measured} {merit.title}"),
        *("Model", "Buffers", "Latency (ms)", "On the front"),
    ]
    return table(columns, rows, [run.key for run in ordered])
