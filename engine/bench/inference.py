"""How fast the integer path is beside float32: ratios in one process, in turn, same threads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from engine.analysis import Study
from engine.export import reference
from engine.learning.datasets import fetch
from engine.learning.network import Network
from engine.learning.threads import threads_for
from engine.metrics.cost import multiply_adds
from engine.peers import median_ms, pyg_default, torch_best
from engine.spec import GraphSpec, LayerQuant, ModelSpec, scheme


def bench_inference(
    graph: GraphSpec,
    model: ModelSpec,
    *,
    bits: int = 8,
    rounds: int = 30,
    folder: Path | None = None,
) -> dict[str, Any]:
    """Return the time of a forward of the whole graph, from input codes to scores, and ratios.

    Weights are random: time does not depend on them. A ratio above 1 says the integers are faster.

    Args:
        graph: The graph.
        model: The network.
        bits: Width of every component but the final scores.
        rounds: Times each forward is run.
        folder: Where public graphs are kept.
    """
    loaded = fetch(graph, folder)
    layers = model.layer_specs(loaded.features, loaded.classes)
    network = Network(layers, (LayerQuant(),) * len(layers), torch.Generator().manual_seed(0))
    study = Study(loaded, reference(network))
    plan = study.preview(scheme("ptq", bits=bits, graph=graph, model=model).quant).plan
    work = multiply_adds(layers, study.extent)
    with threads_for(work) as threads:
        integer_ms, best_ms, pyg_ms = median_ms(
            plan.run,
            torch_best(study.reference, study.neighbourhoods, loaded),
            pyg_default(study.reference, loaded),
            rounds=rounds,
            budget_s=60,
        )
    return {
        "graph": loaded.name,
        "bits": bits,
        "threads": threads,
        "torch": torch.__version__,
        "integer_ms": integer_ms,
        "torch_best_ms": best_ms,
        "pyg_ms": pyg_ms,
        "ratio": {"torch_best": best_ms / integer_ms, "pyg": pyg_ms / integer_ms},
    }
