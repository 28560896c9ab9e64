"""The graph convolution as stages.

    feature   = Q(input_hat @ weight_hat)
    message   = Q(norm_hat_j feature_hat_j)   once a source node, not once an edge
    aggregate = Q(norm_hat_i sum_{j in N(i)} weight_hat_ij message_hat_j)

Source:
    Kipf and Welling, Semi-Supervised Classification with Graph Convolutional Networks, ICLR 2017;
    components as in Tailor et al., Degree-Quant, ICLR 2021.

Differs:
    The norm of an edge, d_i^-1/2 d_j^-1/2, is applied in two factors, so that a message does not
    depend on its target.
"""

from __future__ import annotations

from engine.integer.stages.aggregate import Aggregate
from engine.integer.stages.product import Product
from engine.integer.stages.scale import Scale
from engine.integer.stages.stage import Slot, Stage
from engine.spec import LayerSpec


def stages(layer: int, spec: LayerSpec) -> tuple[Stage, ...]:
    """Return the stages of one layer; its ``aggregate`` is what the bias is added to."""

    def slot(name: str) -> Slot:
        return layer, name

    return (
        Product(slot("feature"), slot("input"), slot("weight")),
        Scale(slot("message"), slot("feature"), slot("norm")),
        Aggregate(slot("aggregate"), slot("message"), slot("norm"), slot("edge_weight")),
    )
