"""Predictions one by one: what each is in float and in integers, and what it should be."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from explorer.captions import percent
from explorer.figures.chart import Trace, blank, chart, sentence, short, table
from explorer.figures.focus import BRUSH_BOX, Focus
from explorer.figures.theme import BLUE, FAINT, FLOAT, GREY, INTEGER, SELECTED, VERMILLION

TITLE = "Predictions"
MOST_POINTS = 1500
FAINTEST = 0.12
"""Opacity of what is not looked at."""
MOST_ROWS = 300
"""Rows of the table; what changes most stands first."""

Reals = NDArray[np.floating[Any]]
Numbers = NDArray[np.int64]


def margins(scores: Reals, label: Numbers) -> NDArray[np.float64]:
    """Return by how much each label's score exceeds the best other one; below 0 it is mistaken.

    Args:
        scores: [U, C].
        label: The right classes, [U].
    """
    unit = np.arange(len(label))
    others = np.array(scores, dtype=np.float64)
    right = others[unit, label]
    others[unit, label] = -np.inf
    best: NDArray[np.float64] = others.max(axis=1)
    return right - np.where(np.isfinite(best), best, 0)


def predicted_classes(
    number: Numbers,
    label: Numbers,
    exact: Reals,
    integer: Reals,
    *,
    one: str = "node",
    selected: int | None = None,
    focus: Focus | None = None,
    subtitle: str = "",
) -> go.Figure:
    """Return the margin of the right class in integers against that in float, a point a prediction.

    Points above 0 are right in integers, points right of 0 in float: what lies in the quadrants
    between has another class. A point's customdata is its number.

    Args:
        number: What each prediction is of, [U].
        label: The right classes, [U].
        exact: The float scores, [U, C].
        integer: The integer path's, [U, C].
        one: What a prediction is of: ``node`` or ``graph``.
        selected: A number to mark.
        focus: Of all that there is, what is looked at; all else is faint.
        subtitle: Which run this is.
    """
    if not number.size:
        return blank(TITLE, f"No {one} has a label to be tested on.", subtitle=subtitle)
    before, after = margins(exact, label), margins(integer, label)
    classes = exact.argmax(axis=1), integer.argmax(axis=1)
    flips = classes[0] != classes[1]
    order = np.lexsort((-np.abs(after - before), ~flips))
    kinds = (
        ("same class", ~flips, BLUE, "circle-open"),
        ("another class", flips, VERMILLION, "x"),
    )
    drawn = order[:MOST_POINTS]
    ends = _ends(before, after)
    traces: list[Trace] = [_diagonal(ends, "unchanged")]
    for name, which, color, symbol in kinds:
        places = drawn[which[drawn]]
        told = [
            f"{one} {number[at]}: class {label[at]}<br>float says {classes[0][at]}, "
            f"integer {classes[1][at]}<br>margin {short(before[at])} → {short(after[at])}"
            for at in places
        ]
        traces.append(_points(before, after, number, places, told, name, color, symbol, focus))
    traces += _mark(before, after, number, selected, one)
    among = np.ones(number.size, np.bool_) if focus is None else focus.among[number]
    right = [float((scores == label)[among].mean()) if among.any() else 0.0 for scores in classes]
    rows = order[:MOST_ROWS]
    return chart(
        TITLE,
        traces,
        summary=_only(focus, number, one)
        + sentence(
            f"{percent(right[0])} of {among.sum():,} {one}s are right in float, "
            f"{percent(right[1])} in integers; {flips[among].sum():,} have another class"
        ),
        table=table(
            [one.capitalize(), "Class", "Float", "Integer", "Margin, float", "Margin, integer"],
            [
                [number[at], label[at], classes[0][at], classes[1][at], before[at], after[at]]
                for at in rows
            ],
            number[rows].tolist(),
        ),
        subtitle=subtitle,
        xaxis={"title": {"text": "Margin of the right class, float"}, **_axis(ends)},
        yaxis={"title": {"text": "The same, integer"}, **_axis(ends)},
        **BRUSH_BOX,
    )


def predicted_targets(
    number: Numbers,
    target: Reals,
    exact: Reals,
    integer: Reals,
    *,
    one: str = "node",
    selected: int | None = None,
    focus: Focus | None = None,
    subtitle: str = "",
) -> go.Figure:
    """Return predictions in float and in integers against what they should be.

    A point's customdata is its number.

    Args:
        number: What each prediction is of, [U].
        target: What it should be, [U].
        exact: The float predictions, [U].
        integer: The integer path's, [U].
        one: What a prediction is of: ``node`` or ``graph``.
        selected: A number to mark.
        focus: Of all that there is, what is looked at; all else is faint.
        subtitle: Which run this is.
    """
    if not number.size:
        return blank(TITLE, f"No {one} is to be tested on.", subtitle=subtitle)
    wanted, before, after = (np.asarray(held, np.float64) for held in (target, exact, integer))
    order = np.argsort(-np.abs(after - before), kind="stable")
    drawn = order[:MOST_POINTS]
    ends = _ends(wanted, before, after)
    told = [
        f"{one} {number[at]}: {short(wanted[at])}<br>float says {short(before[at])}, "
        f"integer {short(after[at])}"
        for at in drawn
    ]
    traces: list[Trace] = [_diagonal(ends, "exactly right")]
    for name, values, look in (("float", before, FLOAT), ("integer", after, INTEGER)):
        traces.append(
            _points(
                *(wanted, values, number, drawn, told, name, look.color, f"{look.symbol}-open"),
                focus,
            )
        )
    traces += _mark(wanted, after, number, selected, one)
    among = np.ones(number.size, np.bool_) if focus is None else focus.among[number]
    if not among.any():
        among[:] = True
    errors = [float(np.abs(values - wanted)[among].mean()) for values in (before, after)]
    change = float(np.median(np.abs(after - before)[among]))
    rows = order[:MOST_ROWS]
    return chart(
        TITLE,
        traces,
        summary=_only(focus, number, one)
        + sentence(
            f"over {among.sum():,} {one}s the mean absolute error is {errors[0]:.4g} in float, "
            f"{errors[1]:.4g} in integers; half of the predictions change by at most "
            f"{short(change)}"
        ),
        table=table(
            [one.capitalize(), "Target", "Float", "Integer", "Change"],
            [
                [number[at], wanted[at], before[at], after[at], after[at] - before[at]]
                for at in rows
            ],
            number[rows].tolist(),
        ),
        subtitle=subtitle,
        xaxis={"title": {"text": "Target"}, "range": ends},
        yaxis={"title": {"text": "Prediction"}, "range": ends},
        **BRUSH_BOX,
    )


def _only(focus: Focus | None, number: Numbers, one: str) -> str:
    """Return in a sentence what is looked at, if not all."""
    if focus is None:
        return ""
    count = int(focus.among[number].sum())
    return sentence(f"only {focus.title}: {count:,} of {number.size:,} {one}s tested on") + " "


def _ends(*of: NDArray[np.float64]) -> tuple[float, float]:
    values = np.concatenate(of)
    low, high = float(values.min()), float(values.max())
    room = 0.05 * (high - low) or 1.0
    return low - room, high + room


def _axis(ends: tuple[float, float]) -> dict[str, Any]:
    return {"range": ends, "zeroline": True, "zerolinecolor": GREY}


def _diagonal(ends: tuple[float, float], name: str) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": ends,
        "y": ends,
        "line": {"color": FAINT.replace("0.22", "0.6"), "width": 1.5, "dash": "dot"},
        "hoverinfo": "skip",
        "name": name,
    }


def _points(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    number: Numbers,
    places: Numbers,
    told: list[str],
    name: str,
    color: str,
    symbol: str,
    focus: Focus | None,
) -> Trace:
    opacity: Any = 0.8
    if focus is not None:
        opacity = np.where(focus.among[number[places]], 0.9, FAINTEST)
    return {
        "type": "scatter",
        "mode": "markers",
        "x": x[places].astype(np.float32),
        "y": y[places].astype(np.float32),
        "customdata": number[places],
        "text": told,
        "hoverinfo": "text",
        "marker": {"color": color, "symbol": symbol, "size": 7, "opacity": opacity},
        "name": name,
    }


def _mark(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    number: Numbers,
    selected: int | None,
    one: str,
) -> list[Trace]:
    place = np.flatnonzero(number == selected) if selected is not None else np.empty(0, int)
    if not place.size:
        return []
    return [
        {
            "type": "scatter",
            "mode": "markers+text",
            "x": x[place],
            "y": y[place],
            "customdata": number[place],
            "text": f"<b>{one} {selected}</b>",
            "textposition": "top center",
            "hoverinfo": "skip",
            "marker": {**SELECTED.marker(15), "line": {"width": 3}},
            "cliponaxis": False,
            "name": f"selected {one}",
            "showlegend": False,
        }
    ]
