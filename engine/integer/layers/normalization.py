"""What stands between a layer's output and its activation where it is normalised over the nodes.

    PairNorm       normalized = Q(scale c / sqrt(eps + mean |c|^2)),   c = output_hat less its mean

    DiffGroupNorm  group_logit = Q(output_hat @ group_weight_hat)
                   group_share = Q(softmax(group_logit_hat))
                   group_scale = Q(group_share_hat @ group_gain_hat)
                   normalized  = Q(output_hat + weight output_hat group_scale_hat + group_bias)

PairNorm's statistics are of the nodes at hand, and integers. Those of the groups are running ones,
which are folded to gains and a bias; their softmax is in float.

Source:
    Zhao and Akoglu, PairNorm, ICLR 2020; Zhou et al., Towards Deeper Graph Neural Networks with
    Differentiable Group Normalization, NeurIPS 2020.
"""

from __future__ import annotations

from engine.integer.stages.group_norm import Regroup, Share
from engine.integer.stages.pair_norm import PairNormalize
from engine.integer.stages.product import Product
from engine.integer.stages.stage import Slot, Stage
from engine.spec import DiffGroupNorm, LayerSpec, PairNorm


def stages(layer: int, spec: LayerSpec) -> tuple[Stage, ...]:
    """Return the stages of one layer, none where it is not normalised."""

    def slot(name: str) -> Slot:
        return layer, name

    match spec.normalization:
        case PairNorm() as how:
            return (PairNormalize(slot("normalized"), slot("output"), how),)
        case DiffGroupNorm() as how:
            return (
                Product(slot("group_logit"), slot("output"), slot("group_weight")),
                Share(slot("group_share"), slot("group_logit")),
                Product(slot("group_scale"), slot("group_share"), slot("group_gain")),
                Regroup(
                    slot("normalized"),
                    slot("output"),
                    slot("group_scale"),
                    slot("group_bias"),
                    how.weight,
                ),
            )
    return ()
