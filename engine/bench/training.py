"""What an epoch costs: Degree-Quant beside plain quantization-aware training and float."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

import torch

from engine.analysis import extent
from engine.learning.batch import Batch
from engine.learning.datasets import fetch
from engine.learning.feed import WholeGraph
from engine.learning.network import Network
from engine.learning.protection import DegreeProtection
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
    folder: Path | None = None,
) -> dict[str, Any]:
    """Return the median time of an epoch (training step and evaluation) by scheme, and ratios.

    The schemes train in turn, an epoch each, so that a slower minute of the machine is all theirs.

    Args:
        graph: The graph.
        model: The network.
        bits: Width of the quantized schemes.
        epochs: Epochs each, the first `WARM_UP` not counted.
        folder: Where public graphs are kept.
    """
    loaded = fetch(graph, folder)
    batch = Batch.of(loaded)
    layers = model.layer_specs(loaded.features, loaded.classes)
    work = multiply_adds(layers, extent(loaded, batch.neighbourhoods, layers))
    training = TrainingSpec(epochs=epochs + WARM_UP)
    with threads_for(work) as threads:
        trainings = {}
        for label, name in SCHEMES.items():
            spec = scheme(name, bits=bits, graph=graph, model=model, training=training)
            generator = torch.Generator().manual_seed(0)
            network = Network(layers, spec.quant, generator)
            protection = DegreeProtection(loaded, spec.protection)
            trainings[label] = fit(network, WholeGraph(batch, protection), spec.training, generator)
        times: dict[str, list[float]] = {label: [] for label in trainings}
        for _ in range(epochs + WARM_UP):
            for label, epochs_of in trainings.items():
                start = time.perf_counter()
                next(epochs_of)
                times[label].append(1000 * (time.perf_counter() - start))
    medians = {label: statistics.median(of[WARM_UP:]) for label, of in times.items()}
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
