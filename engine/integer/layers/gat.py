"""Graph attention as stages.

    feature     = Q(input_hat @ weight_hat)                heads h side by side
    logit       = Q(the heads' vectors on feature_hat)     as a source, and as a target
    coefficient = Q(softmax over i's edges of leaky_relu(logit_hat_jh + logit_hat_i,heads+h))
    message     = Q(feature_hat_j)                         once a source node, not once an edge
    aggregate   = Q(sum_{j in N(i)} coefficient_hat_ij,h message_hat_jh)

The softmax is the one stage in float.

Source:
    Velickovic et al., Graph Attention Networks, ICLR 2018.
"""

from __future__ import annotations

from engine.integer.stages.attention import Attend, Logits, Softmax
from engine.integer.stages.combine import Combine, Summand
from engine.integer.stages.product import Product
from engine.integer.stages.stage import Slot, Stage
from engine.spec import LayerSpec


def stages(layer: int, spec: LayerSpec) -> tuple[Stage, ...]:
    """Return the stages of one layer; its ``aggregate`` is what the bias is added to."""

    def slot(name: str) -> Slot:
        return layer, name

    heads = spec.heads
    return (
        Product(slot("feature"), slot("input"), slot("weight")),
        Logits(slot("logit"), slot("feature"), slot("attention"), heads),
        Softmax(slot("coefficient"), slot("logit"), heads, spec.slope),
        Combine(slot("message"), Summand(slot("feature"))),
        Attend(slot("aggregate"), slot("message"), slot("coefficient"), heads, spec.concat),
    )
