"""GraphSAGE as stages.

    message     = Q(input_hat_j)
    aggregate   = Q(mean or max_{j in N(i)} message_hat_j)
    feature     = Q(aggregate_hat @ weight_hat)
    own_feature = Q(input_hat @ own_weight_hat)

Source:
    Hamilton et al., Inductive Representation Learning on Large Graphs, NeurIPS 2017.

Differs:
    All neighbours are gathered, none sampled, and rows are not normalised to length 1: as PyTorch
    Geometric's defaults.
"""

from __future__ import annotations

from engine.integer.stages.combine import Combine, Summand
from engine.integer.stages.gather import Gather
from engine.integer.stages.product import Product
from engine.integer.stages.stage import Slot, Stage
from engine.spec import LayerSpec


def stages(layer: int, spec: LayerSpec) -> tuple[Stage, ...]:
    """Return the stages of one layer; its two ``feature``s are what the bias is added to."""

    def slot(name: str) -> Slot:
        return layer, name

    return (
        Combine(slot("message"), Summand(slot("input"))),
        Gather(slot("aggregate"), slot("message"), "sage", spec.aggregation),
        Product(slot("feature"), slot("aggregate"), slot("weight")),
        Product(slot("own_feature"), slot("input"), slot("own_weight")),
    )
