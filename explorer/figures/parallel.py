"""What was chosen, choice by choice, against what came of it: parallel coordinates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from engine.metrics.merit import ACCURACY, Merit
from explorer.captions import told
from explorer.figures.chart import Trace, blank, chart, sentence, table, text
from explorer.figures.drawing import SCALE
from explorer.figures.theme import FAINT, GREY, VERMILLION

TITLE = "What was chosen, and what came of it"
SPREAD = 0.36
"""Room of an option on its axis, in steps between options: lines through it lie side by side."""
MOST_LINES = 120
"""The best are drawn; all are counted."""
TELLING = 3
"""Runs with an option, and without, from which it is said what the option does."""

Option = int | str | bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Axis:
    """One choice.

    Args:
        name: Its name.
        title: What stands under its axis.
        options: What it may be, from the bottom.
    """

    name: str
    title: str
    options: tuple[Option, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """A run as a line.

    Args:
        key: Its key; what a click tells.
        name: What to call it.
        options: What each choice was, by name; a choice that it did not have is missing.
        result: What the merit says of it.
    """

    key: str
    name: str
    options: Mapping[str, Option]
    result: float


def parallel(
    axes: Sequence[Axis],
    runs: Sequence[Chosen],
    *,
    merit: Merit = ACCURACY,
    measured: str = "Integer",
    selected: str | None = None,
    subtitle: str = "",
) -> go.Figure:
    """Return a line for each run, through what it chose on every axis to its result on the last.

    Lines through one option lie side by side, the better ones higher. A line's customdata is its
    run's key.

    Args:
        axes: The choices.
        runs: The runs.
        merit: What they are judged by.
        measured: What the result was measured of.
        selected: Key of the run that is shown elsewhere.
        subtitle: Which runs these are.
    """
    held = [axis for axis in axes if any(axis.name in run.options for run in runs)]
    if not held:
        return blank(TITLE, "No run of a search is known yet.", subtitle=subtitle)
    ordered = sorted(runs, key=lambda run: merit.rank(run.result))
    drawn = ordered[-MOST_LINES:]
    low, high = drawn[0].result, drawn[-1].result
    span = (high - low) or 1.0
    share = [(run.result - low) / span for run in drawn]
    if high == low:
        share = [1.0] * len(drawn)
    colors = sample_colorscale(SCALE, share)
    traces = [
        _line(run, held, rank / max(len(drawn) - 1, 1), share[rank], colors[rank], merit, selected)
        for rank, run in enumerate(drawn)
    ]
    what = f"{measured} {merit.title}"
    ends = [told(merit, value) for value in (low, high)]
    return chart(
        TITLE,
        [*traces, _colors(ends, what)],
        summary=_summary(held, ordered, merit),
        table=_table(held, ordered[::-1], merit, what),
        subtitle=subtitle,
        right=100,
        xaxis={
            "tickvals": list(range(len(held) + 1)),
            "ticktext": [*(text(axis.title) for axis in held), text(what)],
            "tickangle": -40,
            "range": [-0.45, len(held) + 0.3],
            "showgrid": True,
            "gridcolor": FAINT,
            "showline": False,
        },
        yaxis={"visible": False, "range": [-0.14, 1.14], "automargin": False},
        annotations=[*_labels(held), *_ends(len(held), ends)],
        showlegend=False,
    )


def _place(axis: Axis, option: Option, lift: float) -> float:
    """Return where a line crosses an axis, 0 to 1 and a little beyond.

    Args:
        axis: The axis.
        option: What was chosen.
        lift: Where the line lies among all, the worst 0 and the best 1.
    """
    steps = max(len(axis.options) - 1, 1)
    return (axis.options.index(option) + SPREAD * (lift - 0.5)) / steps


def _line(
    run: Chosen,
    axes: Sequence[Axis],
    lift: float,
    share: float,
    color: str,
    merit: Merit,
    selected: str | None,
) -> Trace:
    places = [
        _place(axis, run.options[axis.name], lift) if axis.name in run.options else None
        for axis in axes
    ]
    is_selected = run.key == selected
    said = f"<b>{text(run.name)}</b><br>{told(merit, run.result)}"
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": list(range(len(axes) + 1)),
        "y": [*places, share],
        "customdata": [run.key] * (len(axes) + 1),
        "line": {
            "color": VERMILLION if is_selected else color,
            "width": 3.5 if is_selected else 1.6,
            "shape": "spline",
            "smoothing": 0.5,
        },
        "marker": {"size": 6, "color": VERMILLION if is_selected else color},
        "name": text(run.name),
        "text": [
            *(f"{said}<br>{text(a.title)}: {run.options.get(a.name, '–')}" for a in axes),
            said,
        ],
        "hoverinfo": "text",
    }


def _colors(ends: Sequence[str], what: str) -> Trace:
    """Return a trace of nothing, whose colour bar says what the lines' colours mean."""
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [None],
        "y": [None],
        "hoverinfo": "skip",
        "marker": {
            "color": [0],
            "cmin": 0,
            "cmax": 1,
            "colorscale": SCALE,
            "showscale": True,
            "colorbar": {
                "thickness": 12,
                "outlinewidth": 0,
                "len": 0.9,
                "tickvals": [0, 1],
                "ticktext": list(ends),
                "title": {"text": text(what), "side": "right", "font": {"size": 13}},
            },
        },
        "name": "colours",
    }


def _labels(axes: Sequence[Axis]) -> list[dict[str, Any]]:
    """Return the options' names beside the first of neighbouring axes that have the same ones."""
    return [
        {
            "text": text(str(option)),
            "x": at,
            "y": _place(axis, option, 0.5),
            "xanchor": "right",
            "xshift": -6,
            "showarrow": False,
            "font": {"size": 12},
        }
        for at, axis in enumerate(axes)
        if at == 0 or axes[at - 1].options != axis.options
        for option in axis.options
    ]


def _ends(at: int, ends: Sequence[str]) -> list[dict[str, Any]]:
    """Return the least and the best result at the ends of the last axis."""
    return [
        {
            "text": end,
            "x": at,
            "y": place,
            "yanchor": anchor,
            "yshift": shift,
            "showarrow": False,
            "font": {"size": 12, "color": GREY},
        }
        for place, end, anchor, shift in zip((0, 1), ends, ("top", "bottom"), (-5, 5), strict=True)
    ]


def _summary(axes: Sequence[Axis], runs: Sequence[Chosen], merit: Merit) -> str:
    """Say how many lines there are, and which choice goes along with the largest difference."""
    count = f"{len(runs)} run{'s' * (len(runs) > 1)}"
    drawn = f", the best {MOST_LINES} drawn" if len(runs) > MOST_LINES else ""
    said = sentence(f"{count}{drawn}; lines through an option lie the higher, the better they end")
    effects = [(abs(gap), axis, option, gap) for axis in axes for option, gap in _gaps(axis, runs)]
    if effects:
        _, axis, option, gap = max(effects, key=lambda effect: effect[0])
        more = (gap > 0) == merit.more_is_better
        by = f"{100 * abs(gap):.1f} points" if merit.is_share else f"{abs(gap):.3g}"
        by += " better" if more else " worse"
        said += " " + sentence(
            f"runs whose {axis.title} is {option} end {by} on average than the others, "
            "which is the largest such difference"
        )
    return said


def _gaps(axis: Axis, runs: Sequence[Chosen]) -> list[tuple[Option, float]]:
    """Return how much better or worse the runs with an option ended than those with another."""
    of = [(run.options[axis.name], run.result) for run in runs if axis.name in run.options]
    gaps = []
    for option in axis.options:
        having = [result for held, result in of if held == option]
        others = [result for held, result in of if held != option]
        if min(len(having), len(others)) >= TELLING:
            gaps.append((option, float(np.mean(having) - np.mean(others))))
    return gaps


def _table(axes: Sequence[Axis], runs: Sequence[Chosen], merit: Merit, what: str) -> dict[str, Any]:
    rows = [
        [run.name, told(merit, run.result), *(run.options.get(axis.name) for axis in axes)]
        for run in runs
    ]
    columns = ["Run", what, *(axis.title for axis in axes)]
    return table(columns, rows, [run.key for run in runs])
