"""Depth: how alike nodes become, where they lie, and what each step of a propagation does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ipywidgets as widgets
import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from engine.metrics.projection import planes
from explorer.captions import scheme_title, subtitle
from explorer.chosen import Choice
from explorer.fields import choice, html, offer, row
from explorer.figures.chart import blank
from explorer.figures.depth import (
    FIRST,
    FIRST_STEPS,
    METRICS,
    STEPS,
    TITLE,
    depth,
    steps_of,
)
from explorer.figures.embedding import embedding
from explorer.pace import Pace
from explorer.panels.error import NOTHING
from explorer.plot import PlotlyView, picked_number
from explorer.seen import draw_when_seen
from explorer.shown import Shown
from explorer.state import State
from explorer.stepper import Stepper

PAGE = "Depth"
"""The page it stands on."""
STALE = "gb-stale"
"""The class of a chart whose successor is being worked out."""
OVERVIEW = "overview"
SMOOTHNESS, PLANE, WALK = "smoothness", "plane", "walk"
CHARTS = [("How alike nodes become", SMOOTHNESS), ("Where nodes lie", PLANE)]
LOOK = {
    SMOOTHNESS: (
        "Look for curves that fall: nodes become alike. Where integers leave float, rounding "
        "does it."
    ),
    PLANE: (
        "Look for groups that run into each other from depth to depth, and for nodes that "
        "rounding throws together."
    ),
    WALK: ("Look for the step after which nothing gets better, and for integers that leave float."),
}
"""What to look for in each chart."""
OF_STEPS = ("What each step does", WALK)
"""Offered where the network propagates."""
STEPS_TITLE = "Steps of the propagation"
ROOM = 1.08
"""The plane drawn, in units of what reaches farthest."""


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """Where nodes lie at one depth.

    Args:
        exact: In the float forward, [N, 2].
        integer: In the integer one, [N, 2].
        shared: The depths that have the same plane.
    """

    exact: NDArray[np.float64]
    integer: NDArray[np.float64]
    shared: range

    @property
    def reach(self) -> float:
        """How far from the plane's middle a node lies."""
        return float(max(np.abs(self.exact).max(), np.abs(self.integer).max()))


class DepthPanel(widgets.VBox):
    """Smoothness against depth, nodes in a plane depth by depth, a propagation step by step.

    Args:
        state: Holds what is shown, what is chosen and what is pinned.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self.chart = choice(
            "Chart of depth", CHARTS, SMOOTHNESS, "What is followed from layer to layer"
        )
        options = [("Four at once", OVERVIEW), *((m.title, name) for name, m in METRICS.items())]
        self.metric = choice(
            "Measure of smoothness", options, OVERVIEW, "How it is measured that nodes become alike"
        )
        steps = [("Four at once", OVERVIEW), *((m.title, name) for name, m in STEPS.items())]
        self.step_metric = choice(
            "Measure of the steps", steps, OVERVIEW, "What is drawn of each step"
        )
        self.stepper = Stepper()
        self.advice = html(name="gb-note")
        self.view = PlotlyView(height=420)
        self._placed: tuple[Shown, list[Placed]] | None = None
        self._pace: Pace[_Measured, go.Figure] = Pace(_Measured.figure, self._take)
        for control in (self.chart, self.metric, self.step_metric, self.stepper):
            control.observe(self._draw, "value")
        self.view.observe(self._pick, "clicked")
        controls = row(self.chart, self.metric, self.step_metric)
        super().__init__([controls, self.advice, self.stepper, self.view])
        self.add_class("gb-tab")
        self.view.add_class("gb-follows")
        draw_when_seen(state, PAGE, self._draw, ["shown", "chosen", "pinned", "node"])

    def _draw(self, _: Any) -> None:
        shown = self._state.shown
        propagates = shown is not None and any(layer.propagates for layer in shown.layers)
        offer(self.chart, [*CHARTS, *[OF_STEPS] * propagates], SMOOTHNESS, self._draw)
        kind = self.chart.value
        self.advice.value = LOOK[kind]
        for control, of in (
            (self.metric, SMOOTHNESS),
            (self.stepper, PLANE),
            (self.step_metric, WALK),
        ):
            control.layout.display = None if kind == of else "none"
        if shown is None:
            self.view.figure = blank(TITLE, NOTHING)
        elif kind == PLANE:
            self.view.figure = self._plane(shown)
        elif kind == WALK:
            self.view.figure = self._walk(shown)
        else:
            self._measure(shown)

    def _pick(self, change: dict[str, Any]) -> None:
        picked = picked_number(change["new"])
        if picked is not None and self.chart.value == PLANE:
            self._state.node = picked

    def _walk(self, shown: Shown) -> go.Figure:
        """Return what each step of the propagation does."""
        metric = self.step_metric.value
        return depth(
            steps_of([at.to_dict() for at in shown.analysis.depths]),
            metrics=FIRST_STEPS if metric == OVERVIEW else (metric,),
            title=STEPS_TITLE,
            axis="Step (0 = before the first)",
            subtitle=subtitle(shown),
        )

    def _plane(self, shown: Shown) -> go.Figure:
        """Return the nodes at the depth of the slider."""
        if self._placed is None or self._placed[0] is not shown:
            self._placed = shown, placed(shown)
        depths = self._placed[1]
        self.stepper.most = len(depths) - 1
        self.stepper.names = [_depth_name(at, len(depths) - 1) for at in range(len(depths))]
        at = min(self.stepper.value, len(depths) - 1)
        here = depths[at]
        chosen, graph = self._state.chosen, shown.measured
        label = graph.y[graph.graph_of_node] if graph.is_set else graph.y
        return embedding(
            here.exact,
            here.integer,
            label,
            reach=ROOM * max(depths[depth].reach for depth in here.shared) or 1.0,
            depth_name=self.stepper.names[at],
            number=None if chosen is None else np.flatnonzero(chosen.nodes(shown)),
            selected=self._state.node,
            subtitle=subtitle(shown, self.stepper.names[at]),
        )

    def _measure(self, shown: Shown) -> None:
        """Have smoothness measured beside the thread that draws, unless all is drawn at once."""
        state, metric = self._state, self.metric.value
        asked = _Measured(shown, state.chosen, state.pinned, metric)
        if state.page == PAGE:
            self.view.add_class(STALE)
            self._pace.ask(asked)
        else:
            self._pace.settle(asked)

    def _take(self, asked: _Measured, figure: go.Figure | Exception) -> None:
        """Draw what was measured, where it is still what is looked at."""
        if isinstance(figure, Exception):
            raise figure
        if asked.shown is self._state.shown and self.chart.value == SMOOTHNESS:
            self.view.figure = figure
        self.view.remove_class(STALE)


@dataclass(frozen=True, slots=True, eq=False)
class _Measured:
    """What smoothness is measured of.

    Args:
        shown: What is shown.
        chosen: Which nodes alone; None for all.
        pinned: What stands beside it.
        metric: The measure, or `OVERVIEW`.
    """

    shown: Shown
    chosen: Choice | None
    pinned: Shown | None
    metric: str

    def figure(self) -> go.Figure:
        """Return the measures of smoothness against depth."""
        shown, chosen, pinned, place = self.shown, self.chosen, self.pinned, list[str]()
        analysis, study = shown.analysis, shown.analysis.study
        exact, integer = study.smoothness, analysis.smoothness
        beside = None if pinned is None or pinned is shown else pinned.analysis.smoothness
        if chosen is not None:
            nodes = chosen.nodes(shown)
            if not nodes.any():
                return blank(TITLE, f"No node here is “{chosen.title}”.")
            exact, integer = (
                study.smoothness_among(trace, nodes) for trace in (study.trace, analysis.trace)
            )
            place = [f"only {chosen.title}"]
            if beside is not None and pinned is not None:
                same = pinned.recipe.graph == shown.recipe.graph
                of = pinned.analysis
                beside = of.study.smoothness_among(of.trace, nodes) if same else None
        series = {"float": exact, "integer": integer}
        if beside is not None and pinned is not None:
            series[f"{scheme_title(pinned.recipe)} (pinned)"] = beside
        return depth(
            {name: [at.to_dict() for at in measured] for name, measured in series.items()},
            metrics=FIRST if self.metric == OVERVIEW else (self.metric,),
            subtitle=subtitle(shown, *place),
        )


def placed(shown: Shown) -> list[Placed]:
    """Return where nodes lie at each depth."""
    study = shown.analysis.study
    exact, held = study.states(study.trace), study.states(shown.analysis.trace)
    return [
        Placed(plane.place(before), plane.place(after), plane.depths)
        for plane, before, after in zip(planes(exact), exact, held, strict=True)
    ]


def _depth_name(at: int, deepest: int) -> str:
    """Return what a depth is called."""
    if at == 0:
        return "The features"
    return f"Scores, after layer {at}" if at == deepest else f"After layer {at}"
