"""Where a front's measure begins: the usual network in float32 that learned nothing."""

from __future__ import annotations

import numpy as np

from engine.graphs import Graph, Neighbourhoods, measured_part, subset
from engine.integer import bind, program_of
from engine.metrics.merit import MAE, merit_of, result
from engine.search.space import Space
from engine.search.trial import Corner


def corner_of(space: Space, graph: Graph) -> Corner:
    """Return what gains nothing: float32 bytes, and the best constant answer on validation units.

    Args:
        space: Its usual network counts.
        graph: The graph or set that it learns on.
    """
    layers = space.model.layer_specs(graph.features, graph.outputs)
    constants = {
        (index, name): np.zeros(shape, np.float32)
        for index, layer in enumerate(layers)
        for name, shape in layer.constants.items()
    }
    measured = measured_part(graph)
    plan = bind(program_of(layers, constants, {}), Neighbourhoods(measured), measured.x)
    y = (subset(graph, graph.val) if graph.is_set else graph).labels
    y = y if graph.is_set else y[graph.val]
    merit = merit_of(y)
    if merit is MAE:
        constant = np.broadcast_to(np.median(y, axis=0), y.shape)
    else:
        constant = np.broadcast_to(np.bincount(y, minlength=graph.outputs), (len(y), graph.outputs))
    return Corner(
        rank=merit.rank(result(constant.astype(np.float32), y)),
        model_bytes=plan.model_bytes,
        buffer_bytes=plan.buffer_bytes,
    )
