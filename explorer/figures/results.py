"""One run's result in float and in integers, its size and latency, beside the pinned run's."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import plotly.graph_objects as go

from engine.metrics.merit import Merit, merit_in
from explorer.captions import size, told, told_change
from explorer.figures.chart import (
    HALF_PAGE,
    Trace,
    blank,
    chart,
    joined,
    sentence,
    short,
    table,
    text,
)
from explorer.figures.theme import FLOAT, GREY, INTEGER, SIMULATED, Style

TITLE = "Results"
FAR_APART = 10
"""A ratio beyond which the smaller number would lie on the axis."""


@dataclass(frozen=True, slots=True)
class Number:
    """One row: a number of a run.

    Args:
        path: Where it stands in a run's metrics.
        title: Its name.
        look: Its style.
    """

    path: str
    title: str
    look: Style


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that share an axis.

    Args:
        axis: Its title, with the unit.
        factor: From the metrics' unit to the axis'.
        told: How one of its numbers reads.
        change: How a difference from the pinned run reads.
        is_close_up: Whether its axis starts where the numbers are: it is their differences that
            count.
        numbers: The rows, from top to bottom.
    """

    axis: str
    factor: float
    told: Callable[[float], str]
    change: Callable[[float, float], str]
    is_close_up: bool
    numbers: tuple[Number, ...]


def _milliseconds(value: float) -> str:
    return f"{short(value)} ms"


def _times(value: float, pinned: float) -> str:
    if value <= 0 or pinned <= 0:
        return ""
    if value == pinned:
        return "the same"
    return f"{short(pinned / value)}× less" if value < pinned else f"{short(value / pinned)}× more"


def _of_results(merit: Merit) -> Group:
    return Group(
        f"Test {merit.title}" + (" (%)" if merit.is_share else ""),
        100 if merit.is_share else 1,
        partial(told, merit),
        partial(told_change, merit),
        True,
        (
            Number(f"{merit.name}.float", "float32", FLOAT),
            Number(f"{merit.name}.simulated", "simulated", SIMULATED),
            Number(f"{merit.name}.integer", "integer", INTEGER),
        ),
    )


COSTS = (
    Group(
        "Size (kB)",
        1e-3,
        size,
        _times,
        False,
        (
            Number("size.float_model_bytes", "model, float32", FLOAT),
            Number("size.model_bytes", "model, packed", INTEGER),
            Number("size.buffer_bytes", "buffers", INTEGER),
        ),
    ),
    Group(
        "Latency of one forward (ms)",
        1,
        _milliseconds,
        _times,
        False,
        (
            Number("latency.float_ms", "float32", FLOAT),
            Number("latency.integer_ms", "integer", INTEGER),
        ),
    ),
)


def results(
    metrics: Mapping[str, Any],
    *,
    pinned: Mapping[str, Any] | None = None,
    pinned_name: str = "pinned run",
    subtitle: str = "",
) -> go.Figure:
    """Return a run's numbers as dots, the pinned run's as crosses with a line between.

    Args:
        metrics: The run's nested metrics; what is missing is left out.
        pinned: The metrics of the run to compare with.
        pinned_name: What to call that run.
        subtitle: Which run this is.
    """
    merit = merit_in(metrics)
    groups = [group for group in (_of_results(merit), *COSTS) if _known(metrics, group)]
    if not groups:
        return blank(TITLE, "This run has no results yet.", subtitle=subtitle)
    total = sum(len(_known(metrics, group)) + MARGIN_ROWS for group in groups)
    traces: list[Trace] = []
    labels: list[dict[str, Any]] = []
    layout: dict[str, Any] = {}
    top = 1.0
    for place, group in enumerate(groups):
        number = "" if place == 0 else str(place + 1)
        rows = _known(metrics, group)
        bottom = max(top - len(rows) / (total - MARGIN_ROWS), 0.0)
        layout[f"yaxis{number}"] = _rows_axis(rows, (bottom, top), f"x{number}")
        layout[f"xaxis{number}"] = {
            "anchor": f"y{number}",
            "title": {"text": group.axis},
            **_range(group, merit, metrics, pinned),
        }
        top = bottom - MARGIN_ROWS / (total - MARGIN_ROWS)
        if pinned:
            traces += _pinned(group, rows, metrics, pinned, text(pinned_name), number)
        traces.append(_dots(group, rows, metrics, number))
        labels += [_label(group, row, metrics, pinned, number) for row in rows]
    seen = False
    for trace in traces:
        trace["showlegend"] = trace.get("showlegend", False) and not seen
        seen |= trace["showlegend"]
    return chart(
        TITLE,
        traces,
        summary=_summary(merit, metrics, pinned, pinned_name),
        table=_table(groups, metrics, pinned, pinned_name),
        subtitle=subtitle,
        line=HALF_PAGE,
        annotations=labels,
        right=165 if pinned else 85,
        **layout,
    )


MARGIN_ROWS = 2.2
"""Height between two groups, in rows: an axis with its title."""


def number_at(metrics: Mapping[str, Any], path: str) -> float | None:
    """Return the number at a dotted path of nested metrics; None where there is no finite one."""
    value: Any = metrics
    for name in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _known(metrics: Mapping[str, Any], group: Group) -> list[Number]:
    return [number for number in group.numbers if number_at(metrics, number.path) is not None]


def _rows_axis(rows: list[Number], domain: tuple[float, float], anchor: str) -> dict[str, Any]:
    return {
        "domain": domain,
        "anchor": anchor,
        "type": "category",
        "categoryorder": "array",
        "categoryarray": [row.title for row in reversed(rows)],
        "range": [-0.6, len(rows) - 0.4],
        "ticks": "",
    }


def _range(
    group: Group, merit: Merit, metrics: Mapping[str, Any], pinned: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the range that holds both runs: from 0, or logarithmic where they are far apart."""
    values = [number_at(run, n.path) for run in (metrics, pinned or {}) for n in group.numbers]
    known = [value * group.factor for value in values if value is not None]
    low, high = min(known), max(known)
    if group.is_close_up and merit.is_share:
        room = max(high - low, 2) * 0.2
        return {"range": [max(low - room, -1), min(high + room, 101)]}
    if group.is_close_up:
        room = max(high - low, 0.02 * high) * 0.2 or 1
        return {"range": [low - room, high + room]}
    if 0 < FAR_APART * low < high:
        ends = math.log10(low) - 0.2, math.log10(high) + 0.2
        return {"type": "log", "dtick": 1, "range": ends}
    return {"range": [0, high * 1.06 or 1]}


def _dots(group: Group, rows: list[Number], metrics: Mapping[str, Any], number: str) -> Trace:
    values = [number_at(metrics, row.path) or 0.0 for row in rows]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [value * group.factor for value in values],
        "y": [row.title for row in rows],
        "xaxis": f"x{number}",
        "yaxis": f"y{number}",
        "marker": {
            "size": 12,
            "color": [row.look.color for row in rows],
            "symbol": [row.look.symbol for row in rows],
        },
        "text": [f"{row.title}: {group.told(v)}" for row, v in zip(rows, values, strict=True)],
        "hoverinfo": "text",
        "cliponaxis": False,
        "showlegend": False,
        "name": group.axis,
    }


def _label(
    group: Group,
    row: Number,
    metrics: Mapping[str, Any],
    pinned: Mapping[str, Any] | None,
    number: str,
) -> dict[str, Any]:
    """Return a row's number, and its change, as text right of the row."""
    value, before = number_at(metrics, row.path) or 0.0, number_at(pinned or {}, row.path)
    change = "" if before is None else group.change(value, before)
    return {
        "text": f"<b>{group.told(value)}</b>" + (f"  {change}" if change else ""),
        "x": 1,
        "xref": "paper",
        "xanchor": "left",
        "xshift": 8,
        "y": row.title,
        "yref": f"y{number}",
        "showarrow": False,
    }


def _pinned(
    group: Group,
    rows: list[Number],
    metrics: Mapping[str, Any],
    pinned: Mapping[str, Any],
    name: str,
    number: str,
) -> list[Trace]:
    before = {row: number_at(pinned, row.path) for row in rows}
    known = {row: value * group.factor for row, value in before.items() if value is not None}
    if not known:
        return []
    axes = {"type": "scatter", "xaxis": f"x{number}", "yaxis": f"y{number}"}
    x: list[float | None] = []
    for row, value in known.items():
        x += [value, (number_at(metrics, row.path) or 0.0) * group.factor, None]
    return [
        {
            **axes,
            "mode": "lines",
            "x": x,
            "y": [place for row in known for place in (row.title, row.title, None)],
            "line": {"color": GREY, "width": 1.5},
            "hoverinfo": "skip",
        },
        {
            **axes,
            "mode": "markers",
            "x": list(known.values()),
            "y": [row.title for row in known],
            "marker": {"symbol": "line-ns-open", "size": 14, "color": GREY, "line": {"width": 3}},
            "name": name,
            "showlegend": True,
            "text": [f"{name}: {group.told(v / group.factor)}" for v in known.values()],
            "hoverinfo": "text",
        },
    ]


def _summary(
    merit: Merit,
    metrics: Mapping[str, Any],
    pinned: Mapping[str, Any] | None,
    pinned_name: str,
) -> str:
    parts = []
    for path, name in (
        ("float", "float32"),
        ("simulated", "simulated"),
        ("integer", "in integers"),
    ):
        value = number_at(metrics, f"{merit.name}.{path}")
        if value is not None:
            parts.append(f"{told(merit, value)} {name}")
    said = sentence(f"{merit.title} {joined(parts)}") if parts else ""
    packed, full = (
        number_at(metrics, f"size.{name}") for name in ("model_bytes", "float_model_bytes")
    )
    if packed and full:
        said += " " + sentence(
            f"the model takes {size(packed)}, {_times(packed, full)} than in float32"
        )
    now, before = (number_at(run, f"{merit.name}.integer") for run in (metrics, pinned or {}))
    if now is not None and before is not None:
        change = told_change(merit, now, before)
        said += " " + sentence(f"in integers {change} against {pinned_name}")
    return said.strip() or f"No {merit.title} was measured."


def _table(
    groups: list[Group],
    metrics: Mapping[str, Any],
    pinned: Mapping[str, Any] | None,
    pinned_name: str,
) -> dict[str, Any]:
    rows = []
    for group in groups:
        for row in _known(metrics, group):
            value, before = number_at(metrics, row.path), number_at(pinned or {}, row.path)
            change = "" if value is None or before is None else group.change(value, before)
            told = [None if number is None else group.told(number) for number in (value, before)]
            rows.append([row.path, *told, change] if pinned else [row.path, told[0]])
    columns = ["Number", "This run", pinned_name, "Change"] if pinned else ["Number", "This run"]
    return table(columns, rows)
