"""How stored runs fare on some of what they predicted: on the nodes, or graphs, that are chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.graphs.graph import Graph
from engine.metrics.merit import MAE, merit_in, merit_of, result
from explorer.shown import Shown

FORWARDS = ("float", "simulated", "integer")


def metrics_among(
    metrics: Mapping[str, Any],
    arrays: Mapping[str, NDArray[Any]],
    graph: Graph,
    among: NDArray[np.bool_],
) -> dict[str, Any]:
    """Return a run's metrics with its results on the chosen test units in place of those on all.

    Args:
        metrics: The run's.
        arrays: What it kept: its classes, or where targets are learned its outputs.
        graph: What was measured.
        among: Which of the predicted are chosen, [U]; where none of them is a test unit, there is
            no result.
    """
    merit, tested = merit_in(metrics), among & graph.test
    held = dict(metrics)
    of_all = held.pop(merit.name, {})
    kept = "output" if merit is MAE else "class"
    found = {
        name: _result(arrays[f"{kept}.{name}"][tested], graph.labels[tested])
        for name in FORWARDS
        if name in of_all and f"{kept}.{name}" in arrays and tested.any()
    }
    return {**held, merit.name: found} if found else held


def shown_among(shown: Shown, among: NDArray[np.bool_]) -> dict[str, Any]:
    """Return the metrics of what is shown, a run or a preview, on the chosen test units.

    Args:
        shown: What is shown.
        among: Which of the predicted are chosen, [U].
    """
    graph = shown.measured
    if shown.run is not None:
        return metrics_among(shown.metrics, shown.run.arrays, graph, among)
    tested, held = among & graph.test, dict(shown.metrics)
    held.pop(shown.merit.name)
    if not tested.any():
        return held
    traces = {"float": shown.analysis.study.trace, "integer": shown.analysis.trace}
    labels = graph.labels[tested]
    of = {name: result(trace.scores[tested], labels) for name, trace in traces.items()}
    return {**held, shown.merit.name: of}


def _result(predicted: NDArray[Any], labels: NDArray[Any]) -> float:
    """Return how good classes, [U], or predictions of targets, [U, T], are."""
    if merit_of(labels) is MAE:
        return result(predicted, labels)
    return float((predicted == labels).mean())
