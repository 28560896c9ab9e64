"""The explorer's charts one by one, of a finished run: plain Plotly figures for one's own notebook.

    run = complete(scheme("degree-quant", bits=4))
    error_against_degree(run, layer=0, component="aggregate")

Each is what the explorer draws of the run, with the same choices.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import plotly.graph_objects as go
import traitlets

from engine.runs import Run, RunStore
from engine.spec import RunSpec, SpecError
from explorer.answers import Answers
from explorer.fields import close
from explorer.packaged import stores
from explorer.panels.arithmetic import ArithmeticPanel
from explorer.panels.codes import CodesPanel
from explorer.panels.degrees import DegreesPanel
from explorer.panels.depth import PLANE, WALK, DepthPanel
from explorer.panels.error import ErrorPanel
from explorer.panels.map import MapPanel
from explorer.panels.node import NodePanel
from explorer.panels.predictions import PredictionsPanel
from explorer.panels.results import ResultsPanel
from explorer.panels.training import TrainingPanel
from explorer.shown import Shown
from explorer.state import State

REMEMBERED = 4
"""Runs whose numbers are kept, so that a second chart of one comes at once."""


def error_against_degree(
    run: Run,
    *,
    layer: int | None = None,
    component: str = "output",
    kind: str = "total",
    path: str = "integer",
    measure: str = "relative_l2",
    store: RunStore | None = None,
) -> go.Figure:
    """Return each node's quantization error against its in-degree; of a set's graphs, their size.

    Args:
        run: The run.
        layer: The layer's index; None for the last.
        component: Which of its tensors.
        kind: ``total``, ``own``, ``inherited``, both as ``parts``, or, of the scores, ``only`` and
            ``all_but`` the component quantized.
        path: ``integer``, ``simulated`` or ``both``.
        measure: ``relative_l2``, ``absolute_l2``, ``sqnr_db`` or ``class_flip``.
        store: Where the run and its float twin are; None for the usual one.

    Raises:
        SpecError: Naming a choice that the run does not offer.
    """
    chosen: dict[str, Any] = {"kind": kind, "layer": layer, "component": component, "path": path}
    return _drawn(ErrorPanel, run, store, **chosen, measure=measure)


def graph_map(
    run: Run,
    *,
    left: str = "predicted",
    right: str = "error",
    size: str = "degree",
    node: int | None = None,
    store: RunStore | None = None,
) -> go.Figure:
    """Return the whole graph twice, in float and in integers.

    Args:
        run: The run.
        left: What colours say in float: ``predicted``, ``correct``, ``label``, ``degree`` or
            ``protection``.
        right: What they say in integers; also ``error``.
        size: What the area of a node says: ``alike``, ``error``, ``degree`` or ``protection``.
        node: A node to mark.
        store: Where the run and its float twin are; None for the usual one.

    Raises:
        SpecError: Naming a choice that the run does not offer.
    """
    return _drawn(MapPanel, run, store, node=node, left=left, right=right, size=size)


def smoothness_against_depth(
    run: Run, *, metric: str = "overview", store: RunStore | None = None
) -> go.Figure:
    """Return how alike nodes become from layer to layer, float beside integer.

    Args:
        run: The run.
        metric: A field of `engine.metrics.smoothness.Smoothness`, or ``overview`` for four.
        store: Where the run and its float twin are; None for the usual one.

    Raises:
        SpecError: If there is no such measure.
    """
    return _drawn(DepthPanel, run, store, metric=metric)


def nodes_in_the_plane(
    run: Run, depth: int, *, node: int | None = None, store: RunStore | None = None
) -> go.Figure:
    """Return where nodes lie after some layers, float beside integer, in the depths' own plane.

    Args:
        run: The run.
        depth: How many layers; 0 for the features.
        node: A node to mark.
        store: Where the run and its float twin are; None for the usual one.

    Raises:
        SpecError: If the network is not that deep.
    """
    return _drawn(DepthPanel, run, store, node=node, chart=PLANE, stepper=depth)


def steps_of_the_propagation(
    run: Run, *, metric: str = "overview", store: RunStore | None = None
) -> go.Figure:
    """Return what each step of a propagation does.

    Args:
        run: The run, of a network that propagates.
        metric: What to draw of each step, or ``overview`` for four.
        store: Where the run and its float twin are; None for the usual one.

    Raises:
        SpecError: If the network does not propagate, or there is no such measure.
    """
    return _drawn(DepthPanel, run, store, chart=WALK, step_metric=metric)


def codes(
    run: Run,
    *,
    chart: str = "values",
    layer: int | None = None,
    component: str | None = None,
    store: RunStore | None = None,
) -> go.Figure:
    """Return one tensor's numbers on its grid, its codes, or by degree what is cut off or to spare.

    Args:
        run: The run.
        chart: ``values``, ``codes``, ``saturation`` or ``headroom``.
        layer: The layer's index; None for the last.
        component: Which of its tensors; None for its messages, or else its output.
        store: Where the run and its float twin are; None for the usual one.

    Raises:
        SpecError: Naming a choice that the run does not offer.
    """
    return _drawn(CodesPanel, run, store, chart=chart, layer=layer, component=component)


def arithmetic(
    run: Run,
    node: int,
    *,
    layer: int = 0,
    component: str | None = None,
    feature: int = 0,
    store: RunStore | None = None,
) -> go.Figure:
    """Return what each message adds to one number of a node's sum, in integers and in float.

    Args:
        run: The run.
        node: Whose sum.
        layer: The layer's index.
        component: Which of its sums; None for the first.
        feature: Which of a message's numbers.
        store: Where the run and its float twin are; None for the usual one.

    Raises:
        SpecError: Naming a choice that the run does not offer.
    """
    chosen: dict[str, Any] = {"layer": layer, "slot": component, "channel": feature}
    return _drawn(ArithmeticPanel, run, store, node=node, **chosen)


def neighbourhood(run: Run, node: int, *, store: RunStore | None = None) -> go.Figure:
    """Return a node's k-hop neighbourhood, coloured by error.

    Args:
        run: The run.
        node: The one in the middle.
        store: Where the run and its float twin are; None for the usual one.
    """
    return _drawn(NodePanel, run, store, node=node)


def degree_protection(run: Run, *, store: RunStore | None = None) -> go.Figure:
    """Return the probability of protection over the histogram of in-degrees.

    Args:
        run: The run.
        store: Where the run and its float twin are; None for the usual one.
    """
    return _drawn(DegreesPanel, run, store)


def predictions(run: Run, *, target: int = 0, store: RunStore | None = None) -> go.Figure:
    """Return each prediction in integers against that in float.

    Args:
        run: The run.
        target: Which of the numbers learned, where numbers are.
        store: Where the run and its float twin are; None for the usual one.

    Raises:
        SpecError: If there is no such target.
    """
    return _drawn(PredictionsPanel, run, store, target=target)


def training(run: Run, *, store: RunStore | None = None) -> go.Figure:
    """Return the loss and the accuracies of each epoch.

    Args:
        run: The run.
        store: Where the run and its float twin are; None for the usual one.
    """
    return _drawn(lambda state: TrainingPanel(state, _NoJobs()), run, store)


def results(run: Run, *, store: RunStore | None = None) -> go.Figure:
    """Return accuracy, bytes and latency beside those of the float twin.

    Args:
        run: The run.
        store: Where the run and its float twin are; None for the usual one.
    """
    held = _usual(store)
    return _drawn(lambda state: ResultsPanel(state, held), run, store, view="results")


class _NoJobs:
    """A queue where nothing happens."""

    def listen(self, _: Any) -> None:
        """Listen to nothing."""

    def unlisten(self, _: Any) -> None:
        """Listen to it no more."""


def _usual(store: RunStore | None) -> RunStore:
    return _shipped_beside(RunStore().folder) if store is None else store


@lru_cache(1)
def _shipped_beside(folder: Path) -> RunStore:
    return RunStore(folder, shipped=stores())


@lru_cache(REMEMBERED)
def _answered(recipe: RunSpec, store: RunStore) -> Shown:
    """Return what the explorer shows of a recipe.

    Raises:
        SpecError: If the store has no run of it.
    """
    shown = Answers(store).answer(recipe)
    if not isinstance(shown, Shown) or shown.run is None:
        raise SpecError("run", recipe.key[:12], f"one that is in {store.folder}, or give its store")
    return shown


def _drawn(
    make: Callable[[State], widgets.Widget],
    run: Run,
    store: RunStore | None,
    *,
    view: str = "view",
    node: int | None = None,
    **chosen: Any,
) -> go.Figure:
    """Return what a panel draws of a run once its controls are set, in their order.

    Args:
        make: Makes the panel.
        run: The run.
        store: Where it is.
        view: Which of the panel's views.
        node: The node that is picked.
        chosen: Values of the panel's controls; None leaves one as it is.
    """
    shown = _answered(run.spec, _usual(store))
    state = State(run.spec)
    with state.hold_trait_notifications():
        state.graph, state.shown, state.node = shown.graph, shown, node
    panel = make(state)
    try:
        for name, value in chosen.items():
            if value is not None:
                _set(getattr(panel, name), name, value)
        figure: go.Figure = getattr(panel, view).figure
    finally:
        close(panel)
    return figure


def _set(control: Any, name: str, value: Any) -> None:
    """Set a control.

    Raises:
        SpecError: If it has no such value.
    """
    options = getattr(control, "options", None)
    offered = range(control.most + 1) if options is None else [held for _, held in options]
    if value not in offered:
        raise SpecError(name, value, f"one of {', '.join(map(str, offered))}")
    try:
        control.value = value
    except traitlets.TraitError as error:
        raise SpecError(name, value, str(error)) from None
