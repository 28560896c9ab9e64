"""Oversmoothing: how alike the nodes become with depth, in float and in integers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from explorer.figures.chart import Trace, blank, chart, joined, sentence, short, table, text
from explorer.figures.theme import style

TITLE = "Smoothness against depth"
MANY_LAYERS = 20
"""Depths beyond which points would hide the lines."""
ROOM = 0.45
"""Height between two rows of small charts, as a share of a chart's height."""
DECADES = 2
"""A metric that spans more of them gets a logarithmic axis."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A measure of smoothness.

    Args:
        title: Its name.
        unit: What its numbers are.
        caveat: What to keep in mind when reading it.
    """

    title: str
    unit: str
    caveat: str

    @property
    def axis(self) -> str:
        """The title of its axis."""
        return f"{self.title} ({self.unit})"


BLIND = "point the same way, whatever their norms"
METRICS = {
    "mad_neighbours": Metric("MAD, neighbours", "cosine distance", f"0 when neighbours {BLIND}"),
    "mad_remote": Metric("MAD, remote", "cosine distance", f"0 when distant nodes {BLIND}"),
    "mad_all": Metric("MAD, all pairs", "cosine distance", f"0 when all nodes {BLIND}"),
    "mad_gap": Metric(
        "MADGap", "cosine distance", "near 0 or below when distant nodes are as alike as neighbours"
    ),
    "dirichlet": Metric("Dirichlet", "per node", "it falls with the norm alone, too"),
    "dirichlet_relative": Metric(
        "Relative Dirichlet", "÷ norm²", "0 when connected nodes are equal"
    ),
    "dirichlet_normalised": Metric(
        "Normalised Dirichlet", "tr(HᵀLH)", "it falls with the norm alone, too"
    ),
    "dirichlet_normalised_relative": Metric(
        "Relative normalised Dirichlet",
        "÷ norm²",
        "0 when rows are multiples of √degree, not when equal",
    ),
    "smv": Metric("SMV", "half distance", f"0 when all nodes {BLIND}"),
    "group_distance_ratio": Metric(
        "Group distance ratio", "between ÷ within", "smaller when classes are less apart"
    ),
    "effective_rank": Metric(
        "Effective rank", "directions", "1 when all rows are multiples of one"
    ),
}
"""By the name of the field of `engine.metrics.smoothness.Smoothness`."""

STEPS = {
    "accuracy": Metric(
        "Accuracy if one stopped", "test nodes", "it need not rise: more steps may smooth too much"
    ),
    "distinct_rows": Metric(
        "Distinct rows of codes", "nodes", "nodes of one row can no longer be told apart"
    ),
    "objective": Metric("Objective", "sum", "each step lowers it where edges go both ways"),
    "error": Metric(
        "Largest error", "of what is sent", "it stays under the bound, where there is one"
    ),
    "constraint": Metric("Constraint", "tr(DᵀLD) / edges", "smooth steps keep it low"),
    "codes_used": Metric("Codes in use", "share", "bits that are paid for and used"),
}
"""What is measured of a propagation's steps, see `engine.metrics.propagation.Depth`."""
FIRST_STEPS = ("accuracy", "distinct_rows", "objective", "error")
"""Shown unless others are asked for."""

KNOWN = METRICS | STEPS
FIRST = ("mad_gap", "dirichlet_normalised_relative", "smv", "effective_rank")
"""Shown unless others are asked for."""


def steps_of(depths: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return what a propagation does as series for `depth`.

    Args:
        depths: At step 0 to K, each as `engine.metrics.propagation.Depth.to_dict` gives it.
    """
    both = ("accuracy", "objective", "constraint")
    alone = ("distinct_rows", "codes_used", "error")
    return {
        "float": [{name: at[f"{name}_float"] for name in both} for at in depths],
        "integer": [
            {name: at[f"{name}_integer"] for name in both} | {name: at[name] for name in alone}
            for at in depths
        ],
        "bound": [{"error": at["bound"]} for at in depths],
    }


def depth(
    layers: Mapping[str, Sequence[Mapping[str, Any]]],
    *,
    metrics: Sequence[str] = FIRST,
    title: str = TITLE,
    axis: str = "Depth (0 = the features)",
    subtitle: str = "",
) -> go.Figure:
    """Return measures of smoothness against depth, one small chart each.

    Args:
        layers: By the name of the series (``float``, ``integer``, …), the measures at depth 0 (the
            features) to L (the scores), each as `Smoothness.to_dict` gives them.
        metrics: Which of `METRICS`, or of `STEPS`, one to many.
        title: The chart's.
        axis: What the depths are.
        subtitle: Which run this is.
    """
    series = {name: list(of_depth) for name, of_depth in layers.items() if of_depth}
    if not series or not metrics:
        return blank(title, "No layer has been measured.", subtitle=subtitle)
    values = {
        metric: {name: _column(of_depth, metric) for name, of_depth in series.items()}
        for metric in metrics
    }
    columns = 1 if len(metrics) == 1 else 2
    rows = math.ceil(len(metrics) / columns)
    traces: list[Trace] = []
    layout: dict[str, Any] = {"annotations": []}
    deepest = max(len(of_depth) for of_depth in series.values()) - 1
    for place, metric in enumerate(metrics):
        row, column = divmod(place, columns)
        number = "" if place == 0 else str(place + 1)
        left, top = column * 0.54, 1 - row * (1 + ROOM) * _share(rows)
        box = (left, left + (1 if columns == 1 else 0.46)), (max(top - _share(rows), 0.0), top)
        bottom = place + columns >= len(metrics)
        layout[f"xaxis{number}"] = _depth_axis(
            deepest, box[0], f"y{number}", axis if bottom else ""
        )
        layout[f"yaxis{number}"] = _value_axis(values[metric], KNOWN[metric], box[1], f"x{number}")
        if len(metrics) > 1:
            layout["annotations"].append(_heading(KNOWN[metric].axis, left, top))
            layout[f"yaxis{number}"]["title"] = {"text": ""}
        for index, (name, numbers) in enumerate(values[metric].items()):
            if metric in STEPS and np.isnan(numbers).all():
                continue
            first = not any(trace["legendgroup"] == name for trace in traces)
            traces.append(_line(name, index, numbers, number, KNOWN[metric], first=first))
    return chart(
        title,
        traces,
        summary=_summary(values, series),
        table=_table(values, deepest),
        subtitle=subtitle,
        headed=len(metrics) > 1,
        **layout,
    )


def _share(rows: int) -> float:
    return 1 / (rows + (rows - 1) * ROOM)


def _column(of_depth: Sequence[Mapping[str, Any]], metric: str) -> NDArray[np.float64]:
    values = (measured.get(metric) for measured in of_depth)
    column = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    return np.where(np.isfinite(column), column, np.nan)


def _line(
    name: str, place: int, values: NDArray[np.float64], number: str, metric: Metric, *, first: bool
) -> Trace:
    look = style(name, place)
    return {
        "type": "scatter",
        "mode": "lines+markers" if values.size <= MANY_LAYERS else "lines",
        "x": list(range(values.size)),
        "y": values,
        "xaxis": f"x{number}",
        "yaxis": f"y{number}",
        "line": look.line(),
        "marker": look.marker(7),
        "name": text(name),
        "legendgroup": name,
        "showlegend": first,
        "text": [
            f"{text(name)}, {_depth_name(depth, values.size - 1)}<br>{metric.axis}: {short(value)}"
            for depth, value in enumerate(values)
        ],
        "hoverinfo": "text",
    }


def _depth_name(depth: int, deepest: int) -> str:
    if depth == 0:
        return "the features"
    return f"the scores, after layer {depth}" if depth == deepest else f"after layer {depth}"


def _depth_axis(
    deepest: int, domain: tuple[float, float], anchor: str, title: str
) -> dict[str, Any]:
    step = next(step for step in (1, 2, 4, 8, 16, 32, 64) if deepest / step <= 8)
    return {
        "domain": domain,
        "anchor": anchor,
        "range": [-0.03 * deepest - 0.1, 1.03 * deepest + 0.1],
        "dtick": step,
        "tick0": 0,
        "title": {"text": title},
    }


def _value_axis(
    series: Mapping[str, NDArray[np.float64]],
    metric: Metric,
    domain: tuple[float, float],
    anchor: str,
) -> dict[str, Any]:
    axis: dict[str, Any] = {"domain": domain, "anchor": anchor, "title": {"text": metric.axis}}
    known = np.concatenate(list(series.values()))
    known = known[np.isfinite(known)]
    if known.size and known.min() > 0 and known.max() / known.min() > 10**DECADES:
        return axis | {"type": "log", "dtick": math.ceil(np.log10(known.max() / known.min()) / 5)}
    return axis | {"rangemode": "tozero", "nticks": 5}


def _heading(title: str, left: float, top: float) -> dict[str, Any]:
    return {
        "text": title,
        "x": left,
        "y": top,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "left",
        "yanchor": "bottom",
        "showarrow": False,
    }


def _summary(
    values: Mapping[str, Mapping[str, NDArray[np.float64]]],
    series: Mapping[str, Sequence[Mapping[str, Any]]],
) -> str:
    """Return how the first measure goes, and what to keep in mind of it."""
    name, of_series = next(iter(values.items()))
    metric = KNOWN[name]
    parts = []
    for label, numbers in of_series.items():
        known = np.flatnonzero(np.isfinite(numbers))
        if known.size:
            start, end = known[0], known[-1]
            parts.append(
                f"from {short(numbers[start])} at depth {start} to {short(numbers[end])} "
                f"at depth {end} in {label}"
            )
    if not parts:
        return sentence(f"{metric.axis} is undefined at every depth")
    said = sentence(f"{metric.axis} goes {joined(parts)}: {metric.caveat}")
    sampled = {
        KNOWN[metric].axis
        for of_depth in series.values()
        for measured in of_depth
        for metric in measured.get("sampled", ())
        if metric in values
    }
    if sampled:
        said += " " + sentence(f"estimated from a sample of pairs: {joined(sorted(sampled))}")
    return said


def _table(values: Mapping[str, Mapping[str, NDArray[np.float64]]], deepest: int) -> dict[str, Any]:
    columns = ["Depth"]
    cells: list[NDArray[np.float64]] = []
    for metric, of_series in values.items():
        for name, numbers in of_series.items():
            columns.append(f"{KNOWN[metric].axis}, {name}")
            cells.append(np.pad(numbers, (0, deepest + 1 - numbers.size), constant_values=np.nan))
    rows = [[depth, *(cell[depth] for cell in cells)] for depth in range(deepest + 1)]
    return table(columns, rows)
