"""The values of one tensor with the grid they are rounded to, and the range that cuts them off."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from engine.affine import QParams, dequantize, quantize
from explorer.captions import percent
from explorer.figures.chart import Trace, blank, chart, sentence, short, table
from explorer.figures.theme import BLUE, GREY, VERMILLION

TITLE = "Values on the grid"
BINS = 90
MOST_LINES = 64
"""Levels up to which each is a line."""
LABEL = 0.2
"""Width of a handle's label, as a share of the axis."""
ROOM = 0.04
"""Beside the values and the range, as a share of both."""


def values(values: ArrayLike, params: QParams, *, subtitle: str = "") -> go.Figure:
    """Return the histogram of a tensor's real values over the levels that they are rounded to.

    Handles mark the ends of the range: what lies beyond, half a step aside, is cut off. Where
    channels have steps of their own, values are drawn in steps. Zeros, which are always exact, are
    counted but not drawn.

    Args:
        values: Real numbers, channels last, [..., F'].
        params: Their scale and zero point.
        subtitle: Which layer and component this is.
    """
    real = np.asarray(values, dtype=np.float64)
    by_channel = params.scale.ndim > 0
    step = (1.0 if by_channel else float(params.scale)) * params.spec.stride
    drawn = (real / params.scale if by_channel else real).ravel()
    zeros = drawn == 0
    if zeros.all():
        said = "All values are exactly 0." if zeros.size else "There are no values."
        return blank(TITLE, said, subtitle=subtitle)
    spec, zero = params.spec, int(params.zero.flat[0])
    low, high = ((end - zero) / spec.stride * step for end in (spec.qmin, spec.qmax))
    kept = drawn[~zeros]
    cut = (kept < low - step / 2) | (kept > high + step / 2)
    ends = min(low, float(kept.min())), max(high, float(kept.max()))
    wide = LABEL * (ends[1] - ends[0])
    room = ROOM * (ends[1] - ends[0])
    edges = np.linspace(ends[0] - room / 2, ends[1] + room / 2, BINS + 1)
    traces = [
        _bars(kept[~cut], edges, zeros.size, "inside the range", BLUE),
        _bars(kept[cut], edges, zeros.size, "cut off", VERMILLION),
    ]
    levels = low + step * np.arange(spec.last + 1)
    rounded = dequantize(quantize(real, params), params).astype(np.float64)
    noise = float(((rounded - real) ** 2).sum())
    sqnr_db = 10 * np.log10(float((real**2).sum()) / noise) if noise else np.inf
    said = (
        f"{spec.bits} bits give {levels.size:,} levels, {short(step)} apart, from {short(low)} to "
        f"{short(high)}; {percent(cut.sum() / zeros.size)} of the values are cut off, "
        f"{percent((rounded.ravel()[~zeros] == 0).sum() / zeros.size)} are rounded to 0, and "
        f"{percent(zeros.mean())} are 0, which is exact"
    )
    if by_channel:
        said = said.replace(f"{short(step)} apart", "a step apart")
    return chart(
        TITLE,
        traces,
        summary=sentence(f"{said}; SQNR {short(sqnr_db)} dB"),
        table=table(
            ["From", "To", "Share of values"],
            [
                [a, b, c]
                for a, b, c in zip(edges, edges[1:], np.histogram(kept, edges)[0], strict=False)
                if c
            ],
        ),
        subtitle=subtitle,
        barmode="stack",
        bargap=0,
        shapes=[*_grid(levels), *(_handle(end) for end in (low, high))],
        annotations=[
            _named(low, f"lowest level {short(low)}", low - ends[0] > wide),
            _named(
                high, f"highest level {short(high)}", ends[1] - high < 0.2 * (ends[1] - ends[0])
            ),
        ],
        xaxis={
            "title": {"text": "Value" + (", in steps of its channel" if by_channel else "")},
            "range": [ends[0] - room, ends[1] + room],
            "showgrid": False,
        },
        yaxis={"title": {"text": "Share of values"}, "tickformat": "~%", "rangemode": "tozero"},
    )


def _bars(
    kept: NDArray[np.float64], edges: NDArray[np.float64], total: int, name: str, color: str
) -> Trace:
    count, _ = np.histogram(kept, edges)
    share = count / total
    return {
        "type": "bar",
        "x": (edges[:-1] + edges[1:]) / 2,
        "y": share,
        "width": np.diff(edges),
        "marker": {"color": color, "opacity": 0.8},
        "name": name,
        "hovertext": [
            f"{short(low)} to {short(high)}: {percent(part)}"
            for low, high, part in zip(edges, edges[1:], share, strict=False)
        ],
        "hoverinfo": "text",
    }


def _grid(levels: NDArray[np.floating[Any]]) -> list[dict[str, Any]]:
    """Return the levels as lines behind the bars; as one band where they are too many."""
    if levels.size <= MOST_LINES:
        line = {"color": GREY, "width": 1}
        return [_shape(level, level, type="line", line=line) for level in levels[1:-1].tolist()]
    fill = "rgba(128, 128, 128, 0.12)"
    low, high = float(levels[0]), float(levels[-1])
    return [_shape(low, high, type="rect", fillcolor=fill, line={"width": 0})]


def _handle(end: float) -> dict[str, Any]:
    return _shape(end, end, type="line", line={"color": VERMILLION, "width": 3}) | {
        "layer": "above"
    }


def _shape(left: float, right: float, **look: Any) -> dict[str, Any]:
    ends = {"x0": left, "x1": right, "y0": 0, "y1": 1, "yref": "paper", "xref": "x"}
    return {"layer": "below", **ends, **look}


def _named(end: float, name: str, before: bool) -> dict[str, Any]:
    return {
        "x": end,
        "y": 1,
        "yref": "paper",
        "xref": "x",
        "xanchor": "right" if before else "left",
        "yanchor": "top",
        "xshift": -4 if before else 4,
        "text": name,
        "showarrow": False,
        "font": {"size": 12, "color": VERMILLION},
    }
