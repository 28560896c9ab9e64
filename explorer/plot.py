"""A thin Plotly view: one figure in a trait, drawn by a plotly.js that a page loads once."""

from __future__ import annotations

import json
import os
import sys
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import traitlets
from anywidget import AnyWidget
from ipywidgets import Widget, widget_serialization

from explorer.library import SERVED, packed_library

HERE = Path(__file__).parent


class PlotlyLibrary(Widget):
    """One to a process, so that a page gets it once.

    Attributes:
        source: plotly.js, gzipped; empty where the page has it from the server.
    """

    _shared: PlotlyLibrary | None = None

    source = traitlets.Bytes().tag(sync=True)

    @classmethod
    def shared(cls) -> PlotlyLibrary:
        """Return the process's library; a new one where it was closed."""
        if cls._shared is None or cls._shared.comm is None:
            cls._shared = cls(source=b"" if SERVED in os.environ else packed_library())
        return cls._shared


def figure_json(figure: go.Figure, view: Widget | None = None) -> dict[str, Any]:
    """Return a figure as JSON data: arrays packed, no NaN, and without its ``layout.meta``."""
    data: dict[str, Any] = json.loads(figure.to_json(validate=False))
    data["layout"].pop("meta", None)
    return data


class Drawing(traitlets.Instance[go.Figure]):
    """A figure, another one wherever it is another object.

    Traitlets would compare what two figures hold, for which Plotly makes data of both: that took a
    fifth of the time to the first chart.
    """

    def set(self, obj: traitlets.HasTraits, value: go.Figure) -> None:
        """Set the figure, and tell unless it is the very same."""
        assert self.name is not None
        figure, before = self._validate(obj, value), obj._trait_values.get(self.name)
        obj._trait_values[self.name] = figure
        if figure is not before:
            obj._notify_trait(self.name, before, figure)


def picked_number(clicked: dict[str, Any]) -> int | None:
    """Return the number that a clicked point or table row stands for; None where it has none."""
    picked = clicked.get("customdata")
    picked = picked[0] if isinstance(picked, list) and picked else picked
    return picked if isinstance(picked, int) and not isinstance(picked, bool) else None


def picked_key(clicked: dict[str, Any]) -> str | None:
    """Return the key that a clicked point or table row stands for; None where it has none."""
    picked = clicked.get("customdata")
    picked = picked[0] if isinstance(picked, list) and picked else picked
    return picked if isinstance(picked, str) else None


def drawn_box(selected: dict[str, Any]) -> dict[str, list[float]]:
    """Return the ends of a box on its axes, the lower ones first; nothing if it is none."""
    if not selected or not selected.keys() <= {"x", "y"}:
        return {}
    box = {}
    for axis, ends in selected.items():
        if not (isinstance(ends, list) and len(ends) == 2 and all(map(_is_finite, ends))):
            return {}
        box[axis] = sorted(map(float, ends))
    return box


def _is_finite(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) <= sys.float_info.max


class PlotlyView(AnyWidget):
    """A figure as a widget: as wide as its container, redrawn whenever ``figure`` is set.

    Args:
        figure: What to draw. Set it anew to redraw; a change made inside it is not seen.
        height: Height of the chart, in pixels.
        summary: What the chart says, in a sentence: its caption and its text alternative. Setting
            a figure that carries one (see `explorer.figures.chart`) sets it.
        table: The numbers behind the chart: ``columns`` [C], ``rows`` [R][C] and, where rows can be
            picked, ``keys`` [R]. Setting a figure that carries one sets it.

    Attributes:
        clicked: The last point or table row clicked: ``curve`` (None for a row), ``point``,
            ``customdata``, and ``count``, which tells two clicks on one point apart.
        selected: The last box drawn: ``x`` and ``y``, each [low, high]; empty when cleared, and
            where what the page sent is no box.

    Raises:
        TypeError: If a keyword is no trait; ipywidgets alone would ignore it.
    """

    _esm = HERE / "plot.js"
    _css = HERE / "plot.css"

    library = traitlets.Instance(PlotlyLibrary).tag(sync=True, **widget_serialization)
    figure = Drawing(go.Figure).tag(sync=True, to_json=figure_json)
    height = traitlets.Int(380).tag(sync=True)
    summary = traitlets.Unicode().tag(sync=True)
    table = traitlets.Dict().tag(sync=True)
    clicked = traitlets.Dict().tag(sync=True)
    selected = traitlets.Dict().tag(sync=True)

    def __init__(self, figure: go.Figure | None = None, **traits: Any) -> None:
        for name in traits:
            if not self.has_trait(name):
                close = get_close_matches(name, self.trait_names(), n=1)
                hint = f"; did you mean {close[0]!r}?" if close else ""
                raise TypeError(f"PlotlyView has no trait {name!r}{hint}")
        super().__init__(library=PlotlyLibrary.shared(), figure=figure or go.Figure(), **traits)

    @traitlets.validate("selected")
    def _take_box(self, proposal: dict[str, Any]) -> dict[str, list[float]]:
        return drawn_box(proposal["value"])

    @traitlets.observe("figure")
    def _describe(self, change: dict[str, Any]) -> None:
        meta = change["new"].layout.meta
        if isinstance(meta, dict):
            self.summary = meta.get("summary", "")
            self.table = meta.get("table", {})
