"""How fast the integer path is beside float32: ratios in one process, in turn, same threads."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.analysis import Study
from engine.integer import GcnWeights, gcn_program
from engine.learning.datasets import fetch
from engine.learning.features import features
from engine.learning.threads import forward_operations, threads_for
from engine.peers import median_ms, pyg_default, torch_best
from engine.spec import GraphSpec, ModelSpec, scheme


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
    random = np.random.default_rng(0)
    widths = [loaded.features, *[model.hidden] * (model.layers - 1), loaded.classes]
    weights = [
        GcnWeights(
            (random.standard_normal((f, g)) / f**0.5).astype(np.float32), np.zeros(g, np.float32)
        )
        for f, g in pairwise(widths)
    ]
    study = Study(loaded, gcn_program(model, weights, {}))
    plan = study.preview(scheme("ptq", bits=bits, graph=graph, model=model).quant).plan
    x = features(loaded.x)
    work = forward_operations(x, study.neighbours.edges, model.hidden, model.layers)
    with threads_for(work) as threads:
        integer_ms, best_ms, pyg_ms = median_ms(
            plan.run,
            torch_best(study.reference, study.neighbours, loaded),
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
