"""Graph isomorphism layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engine.learning.adjacency import Adjacencies
from engine.learning.batch_norm import BatchNorm
from engine.learning.features import Features
from engine.learning.layers.learned import LearnedLayer, shifted
from engine.learning.protection import ProtectedRows
from engine.learning.sparse_sums import summed
from engine.spec import LayerQuant, LayerSpec


class GINLayer(LearnedLayer):
    """Graph isomorphism layer: two linear maps of what a node and its neighbours add up to.

        message = Q(x_hat)
        aggregate_i = Q(sum_{j in N(i)} message_j + (1 + eps) message_i)
        feature = Q(aggregate W_hat)            hidden = Q(relu(feature + hidden_bias))
        z = hidden_feature = Q(hidden V_hat)

    Batch normalisation stands before the ReLU, where asked for.

    Source:
        Xu et al., How Powerful are Graph Neural Networks?, ICLR 2019.
    """

    def __init__(self, spec: LayerSpec, quant: LayerQuant) -> None:
        super().__init__(spec, quant)
        self.hidden_bias = nn.Parameter(torch.zeros(spec.width))
        self.hidden_norm = BatchNorm(spec.width) if spec.hidden_norm else None
        self.hidden_weight = nn.Parameter(torch.empty(spec.width, spec.outputs))

    def initialize(self, generator: torch.Generator | None) -> None:
        """Draw both linear maps."""
        super().initialize(generator)
        nn.init.xavier_uniform_(self.hidden_weight, generator=generator)

    def gather(
        self,
        x: Features,
        adjacencies: Adjacencies,
        protected: ProtectedRows | None,
        generator: torch.Generator | None,
    ) -> Tensor:
        """Return ``z``, [N, F']."""
        q = self.quantize
        message = q("message", x, protected)
        total = summed(adjacencies.of("gin"), message, own=1 + self.spec.eps)
        aggregate = q("aggregate", total, protected)
        feature = q("feature", aggregate @ q("weight", self.weight), protected)
        activation = shifted(feature, self.hidden_bias, self.hidden_norm).relu()
        hidden = q("hidden", activation, protected)
        return q("hidden_feature", hidden @ q("hidden_weight", self.hidden_weight), protected)

    def folded(self) -> dict[str, Tensor]:
        """Return the learned tensors by their names in `LayerSpec.constants`."""
        held = {**super().folded(), "hidden_weight": self.hidden_weight}
        held["hidden_bias"] = self.hidden_bias
        if self.hidden_norm is not None:
            gain, bias = self.hidden_norm.folded_before(self.hidden_bias)
            held["hidden_gain"], held["hidden_bias"] = gain, bias
        return held
