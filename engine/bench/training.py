"""What an epoch costs: Degree-Quant beside plain quantization-aware training and float."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

import torch

from engine.analysis import extent
from engine.graphs import measured_part
from engine.learning.batch import Batch
from engine.learning.datasets import fetch
from engine.learning.feed import feed_of
from engine.learning.network import Network
from engine.learning.threads import threads_for
from engine.learning.training import fit
from engine.metrics.cost import multiply_adds
from engine.spec import GraphSpec, ModelSpec, TrainingSpec, scheme

SCHEMES = {"float": "float", "qat": "qat", "degree_quant": "degree-quant"}
WARM_UP = 20


def bench_training(
    graph: GraphSpec,
    model: ModelSpec,
    *,
    bits: int = 8,
    epochs: int = 200,
    size: int = 128,
    folder: Path | None = None,
) -> dict[str, Any]:
    """Return the median time of an epoch (training step and evaluation) by scheme, and ratios.

    The schemes train in turn, an epoch each, so that a slower minute of the machine is all theirs.

    Args:
        graph: The graph or set.
        model: The network.
        bits: Width of the quantized schemes.
        epochs: Epochs each; before them come some that are not counted, a tenth as many, at least
            one and at most `WARM_UP`.
        size: Graphs in a step, of a set.
        folder: Where public graphs are kept.
    """
    loaded = fetch(graph, folder)
    measured = measured_part(loaded)
    batch = Batch.of(measured)
    layers = model.layer_specs(loaded.features, loaded.outputs)
    work = multiply_adds(layers, extent(measured, batch.neighbourhoods, layers))
    uncounted = min(WARM_UP, max(epochs // 10, 1))
    training = TrainingSpec(epochs=epochs + uncounted, batch=size)
    with threads_for(work) as threads:
        trainings = {}
        for label, name in SCHEMES.items():
            spec = scheme(name, bits=bits, graph=graph, model=model, training=training)
            generator = torch.Generator().manual_seed(0)
            network = Network(layers, spec.quant, generator)
            feed = feed_of(loaded, batch, spec.protection, size)
            trainings[label] = fit(network, feed, spec.training, generator)
        times: dict[str, list[float]] = {label: [] for label in trainings}
        for _ in range(epochs + uncounted):
            for label, epochs_of in trainings.items():
                start = time.perf_counter()
                next(epochs_of)
                times[label].append(1000 * (time.perf_counter() - start))
    medians = {label: statistics.median(of[uncounted:]) for label, of in times.items()}
    return {
        "graph": loaded.name,
        "bits": bits,
        "threads": threads,
        "epoch_ms": medians,
        "ratio": {
            "degree_quant_over_qat": medians["degree_quant"] / medians["qat"],
            "degree_quant_over_float": medians["degree_quant"] / medians["float"],
        },
    }
