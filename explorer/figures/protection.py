"""Whom degree protection keeps in full precision: its probability over the graph's degrees."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from engine.graphs.degrees import (
    Starts,
    mean_probability,
    protection_probability,
)
from engine.spec import Protection
from explorer.captions import percent
from explorer.figures.chart import blank, chart, sentence, table, text
from explorer.figures.degree_axis import degree_axis, places
from explorer.figures.degrees import Bins
from explorer.figures.focus import BRUSH_ACROSS, Focus
from explorer.figures.theme import BLUE, FAINT, GREY, VERMILLION

TITLE = "Degree protection"
TOPS = (0.1, 0.2, 0.5, 1.0)
"""Where the axis of probabilities may end: round, and steady while a slider moves."""


def protection(
    degree: ArrayLike,
    protection: Protection,
    *,
    starts: Starts | None = None,
    focus: Focus | None = None,
    subtitle: str = "",
) -> go.Figure:
    """Return the probability of protection over the histogram of in-degrees.

    Args:
        degree: In-degrees before self-loops, [N].
        protection: Its bounds.
        starts: Where each graph's nodes start in a set, whose curve is the mean over the graphs.
        focus: Nodes to bring out.
        subtitle: Which graph this is.
    """
    degree = np.asarray(degree)
    if not degree.size:
        return blank(TITLE, "The graph has no nodes.", subtitle=subtitle)
    probability = protection_probability(degree, protection, starts)
    bins = Bins.of(degree)
    counts, protected = bins.total(), bins.total(probability)
    names = bins.names()
    hover = [
        f"in-degree {name}: {count:,.0f} nodes, {expected:.3g} protected on average"
        for name, count, expected in zip(names, counts, protected, strict=True)
    ]
    distinct, mean = mean_probability(degree, protection, starts)
    curve = {
        "type": "scatter",
        "mode": "lines" if distinct.size > 40 else "lines+markers",
        "x": places(distinct),
        "y": mean,
        "yaxis": "y2",
        "line": {"color": VERMILLION, "width": 2.5},
        "marker": {"color": VERMILLION, "size": 6},
        "name": "probability p(degree)" + ("" if starts is None else ", mean over graphs"),
        "text": [
            f"in-degree {d}: protected with probability {p:.3g}"
            for d, p in zip(distinct, mean, strict=True)
        ],
        "hoverinfo": "text",
    }
    quiet = {"color": FAINT.replace("0.22", "0.55")}
    traces = [
        bins.bars(counts, marker=quiet, name="nodes", hovertext=hover),
        bins.bars(
            protected,
            marker={"color": VERMILLION},
            name="protected on average",
            hovertext=hover,
        ),
        curve,
    ]
    if focus is not None:
        among = bins.total(focus.among)
        told = [
            f"in-degree {name}: {count:,.0f} of {focus.title}"
            for name, count in zip(names, among, strict=True)
        ]
        bars = bins.bars(among, marker={"color": BLUE}, name=text(focus.title), hovertext=told)
        traces.insert(1, bars)
    top = next(top for top in TOPS if protection.p_max <= top)
    return chart(
        TITLE,
        traces,
        summary=_summary(probability, protection, starts),
        table=table(
            ["In-degree", "Nodes", "Protected on average"],
            [[n, int(c), p] for n, c, p in zip(names, counts, protected, strict=True)],
        ),
        subtitle=subtitle,
        barmode="overlay",
        shapes=[] if focus is None else focus.shade(),
        **BRUSH_ACROSS,
        xaxis=degree_axis(int(degree.min()), int(degree.max())),
        yaxis={"title": {"text": "Nodes"}, "rangemode": "tozero", "gridcolor": "rgba(0, 0, 0, 0)"},
        yaxis2={
            "title": {"text": "Probability"},
            "tickmode": "auto",
            "nticks": 5,
            "tickformat": ".0%",
            "overlaying": "y",
            "side": "right",
            "range": [0, 1.04 * top],
            "gridcolor": FAINT,
            "linecolor": GREY,
            "automargin": True,
        },
    )


def _summary(
    probability: NDArray[np.float64], protection: Protection, starts: Starts | None
) -> str:
    if protection.is_off:
        return "Protection is off: every node is quantized in every training step."
    expected, nodes = probability.sum(), probability.size
    leaf, hub = percent(probability.min()), percent(probability.max())
    share = percent(expected / nodes)
    kept = f"{expected:,.1f} of {nodes:,} nodes in full precision ({share})"
    within = ""
    if starts is not None:
        kept, within = f"{share} of its nodes in full precision", "; degrees count within a graph"
    return sentence(
        f"each training step keeps about {kept}: a node of the lowest in-degree with "
        f"probability {leaf}, a hub with {hub}{within}"
    )
