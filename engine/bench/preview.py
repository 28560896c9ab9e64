"""How soon the charts follow a changed bit width: post-training quantization of a float model."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.analysis import REFERENCE, Analysis, Study
from engine.events import Finished
from engine.experiment import run
from engine.integer import read
from engine.learning.datasets import fetch
from engine.runs import RunStore
from engine.spec import GraphSpec, LayerQuant, ModelSpec, TrainingSpec, scheme

WIDTHS = (2, 4, 8, 3, 6, 16)


def bench_preview(
    graph: GraphSpec, model: ModelSpec, *, changes: int = 40, folder: Path | None = None
) -> dict[str, Any]:
    """Return how long it takes from a changed width to the data of every chart.

    The float model is trained, or found in the store, beforehand; what does not change with the
    widths is known from the first preview on, as in the explorer. Kernels that a width needs are
    compiled when it is first used on a machine; ``slowest_first_ms`` says what that costs.

    Args:
        graph: The graph.
        model: The network.
        changes: Width changes timed, one component each.
        folder: The run store.
    """
    store = RunStore(folder)
    spec = scheme("float", graph=graph, model=model, training=TrainingSpec(epochs=50))
    for event in run(spec, store):
        last = event
    assert isinstance(last, Finished)
    with last.run.open(REFERENCE) as file:
        study = Study(fetch(graph, store.folder), read(file))
    chart_data(study.preview(scheme("ptq", bits=8, graph=graph, model=model).quant))
    moves = itertools.cycle(itertools.product(WIDTHS, study.components))
    quants = [
        scheme("ptq", graph=graph, model=model, component_bits={component: width}).quant
        for width, component in itertools.islice(moves, changes)
    ]
    first = [_preview_ms(study, quant) for quant in quants]
    times = [_preview_ms(study, quant) for quant in quants]
    return {
        "graph": study.graph.name,
        "changes": changes,
        "p50_ms": float(np.percentile(times, 50)),
        "p95_ms": float(np.percentile(times, 95)),
        "slowest_first_ms": max(first),
    }


def _preview_ms(study: Study, quant: Sequence[LayerQuant]) -> float:
    start = time.perf_counter()
    chart_data(study.preview(quant))
    return 1000 * (time.perf_counter() - start)


def chart_data(analysis: Analysis) -> list[Any]:
    """Return what the explorer's charts and tables are drawn from."""
    layers = analysis.study.layers
    errors = [analysis.error(layer, kind=k) for layer in range(layers) for k in ("total", "own")]
    known = analysis.study.smoothness
    return [errors, analysis.smoothness, known, analysis.result, analysis.size]
