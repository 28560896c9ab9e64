"""The linear layer as stages, of nodes, or of graphs once their nodes are pooled.

aggregate = Q(sum, mean or max of input_hat over a graph's nodes)   where it pools
feature   = Q(input_hat or aggregate_hat @ weight_hat)
"""

from __future__ import annotations

from engine.integer.stages.gather import Gather
from engine.integer.stages.product import Product
from engine.integer.stages.stage import Slot, Stage
from engine.spec import LayerSpec


def stages(layer: int, spec: LayerSpec) -> tuple[Stage, ...]:
    """Return the stages of one layer; its ``feature`` is what the bias is added to."""

    def slot(name: str) -> Slot:
        return layer, name

    if spec.pool == "none":
        return (Product(slot("feature"), slot("input"), slot("weight")),)
    return (
        Gather(slot("aggregate"), slot("input"), "pool", spec.pool),
        Product(slot("feature"), slot("aggregate"), slot("weight")),
    )
