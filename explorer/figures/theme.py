"""How charts look: colours that colour-blind people tell apart, on a light page or a dark one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import plotly.graph_objects as go

BLUE = "#0072B2"
VERMILLION = "#D55E00"
GREEN = "#009E73"
PURPLE = "#CC79A7"
GREY = "#808080"
FAINT = "rgba(128, 128, 128, 0.22)"
"""Of Okabe and Ito's palette (2008), the colours that stand out from white and from black."""


@dataclass(frozen=True, slots=True)
class Style:
    """What marks a series: never the colour alone.

    Args:
        color: Of its lines and points.
        dash: Of its lines.
        symbol: Of its points.
    """

    color: str
    dash: str
    symbol: str

    def line(self, width: float = 2) -> dict[str, Any]:
        """Return the line of a trace."""
        return {"color": self.color, "dash": self.dash, "width": width}

    def marker(self, size: float = 8) -> dict[str, Any]:
        """Return the marker of a trace."""
        return {"color": self.color, "symbol": self.symbol, "size": size}

    def fill(self) -> str:
        """Return the colour of its band, light enough for two to lie on each other."""
        red, green, blue = (int(self.color[i : i + 2], 16) for i in (1, 3, 5))
        return f"rgba({red}, {green}, {blue}, 0.16)"


FLOAT = Style(GREY, "dash", "diamond")
SIMULATED = Style(PURPLE, "dot", "triangle-up")
INTEGER = Style(BLUE, "solid", "circle")
SELECTED = Style(VERMILLION, "solid", "circle-open")
PINNED = Style(GREY, "dot", "x-thin-open")
CONTEXT = Style(GREY, "solid", "line-ew-open")
"""All, where only some are looked at."""
KNOWN = {"float": FLOAT, "simulated": SIMULATED, "integer": INTEGER}
CYCLE = (
    INTEGER,
    Style(VERMILLION, "dash", "square"),
    Style(GREEN, "dashdot", "diamond"),
    Style(PURPLE, "dot", "triangle-up"),
    Style(GREY, "longdash", "cross"),
)


def of_class(label: int) -> Style:
    """Return what marks a class: the cycle's styles, then again with open symbols."""
    look = CYCLE[label % len(CYCLE)]
    return replace(look, symbol=look.symbol + "-open" * (label // len(CYCLE) % 2))


def style(name: str, place: int) -> Style:
    """Return a series' own style if it has one, else the one of its place among the series."""
    return KNOWN.get(name, CYCLE[place % len(CYCLE)])


_AXIS = {
    "automargin": True,
    "gridcolor": FAINT,
    "linecolor": GREY,
    "showline": True,
    "tickcolor": GREY,
    "ticklen": 4,
    "ticks": "outside",
    "title": {"font": {"size": 13}, "standoff": 8},
    "zeroline": False,
}

TEMPLATE = go.layout.Template(
    layout={
        "font": {
            "family": "system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif",
            "size": 13,
            "color": "#737373",
        },
        "title": {
            "font": {"size": 15},
            "pad": {"l": 10},
            "x": 0,
            "xanchor": "left",
            "xref": "container",
            "y": 1,
            "yanchor": "bottom",
            "yref": "paper",
        },
        "paper_bgcolor": "rgba(0, 0, 0, 0)",
        "plot_bgcolor": "rgba(0, 0, 0, 0)",
        "margin": {"l": 56, "b": 48},
        "xaxis": _AXIS,
        "yaxis": _AXIS,
        "legend": {
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": 0,
            "yanchor": "bottom",
            "yref": "container",
        },
        "hovermode": "closest",
        "modebar": {"bgcolor": "rgba(0, 0, 0, 0)", "color": GREY, "activecolor": BLUE},
        "dragmode": "zoom",
        "bargap": 0.06,
        "colorway": [known.color for known in CYCLE],
    }
)
