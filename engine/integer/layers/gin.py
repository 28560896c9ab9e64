"""The graph isomorphism layer as stages.

    message        = Q(input_hat_j)
    aggregate      = Q(sum_{j in N(i)} message_hat_j + (1 + eps) message_hat_i)
    feature        = Q(aggregate_hat @ weight_hat)
    hidden         = Q(relu(hidden_gain (feature_hat + hidden_bias)))
    hidden_feature = Q(hidden_hat @ hidden_weight_hat)

Source:
    Xu et al., How Powerful are Graph Neural Networks?, ICLR 2019.
"""

from __future__ import annotations

from engine.integer.stages.combine import Combine, Summand
from engine.integer.stages.gather import Gather
from engine.integer.stages.product import Product
from engine.integer.stages.stage import Slot, Stage
from engine.spec import LayerSpec


def stages(layer: int, spec: LayerSpec) -> tuple[Stage, ...]:
    """Return the stages of one layer; its ``hidden_feature`` is what the bias is added to."""

    def slot(name: str) -> Slot:
        return layer, name

    return (
        Combine(slot("message"), Summand(slot("input"))),
        Gather(slot("aggregate"), slot("message"), "gin", "sum", own=1 + spec.eps),
        Product(slot("feature"), slot("aggregate"), slot("weight")),
        Combine(
            slot("hidden"),
            Summand(slot("feature")),
            bias=slot("hidden_bias"),
            gain=slot("hidden_gain") if spec.hidden_norm else None,
            relu=True,
        ),
        Product(slot("hidden_feature"), slot("hidden"), slot("hidden_weight")),
    )
