"""What a graph asks of a network, and whether a network answers it."""

from __future__ import annotations

from engine.graphs.graph import Graph
from engine.spec import ModelSpec, OwnModel, SpecError


def check_task(graph: Graph, model: ModelSpec | OwnModel) -> None:
    """Refuse a network that does not answer what a graph asks.

    Args:
        graph: The graph or set to learn on.
        model: The network.

    Raises:
        SpecError: Naming the model's field: its pool; of a person's own also its features and its
            outputs.
    """
    if graph.is_set and model.pool == "none":
        accepts = f"sum, mean or max: {graph.name} is a set of graphs"
        raise SpecError("model.pool", model.pool, accepts)
    if not graph.is_set and model.pool != "none":
        accepts = f"none: the labels of {graph.name} are its nodes'"
        raise SpecError("model.pool", model.pool, accepts)
    if not isinstance(model, OwnModel):
        return
    if model.features != graph.features:
        accepts = f"{graph.features}, the features of a node of {graph.name}"
        raise SpecError("model.features", model.features, accepts)
    if model.outputs != graph.outputs:
        learned = "classes" if graph.targets is None else "targets"
        accepts = f"{graph.outputs}, a number for each of the {learned} of {graph.name}"
        raise SpecError("model.outputs", model.outputs, accepts)
