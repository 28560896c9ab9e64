"""Graph attention."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engine.learning.adjacency import Adjacencies
from engine.learning.features import Features
from engine.learning.layers.learned import LearnedLayer
from engine.learning.protection import ProtectedRows
from engine.spec import LayerQuant, LayerSpec


class GATLayer(LearnedLayer):
    """Graph attention: each head weighs a node's neighbours and itself by a softmax over them.

        feature = Q(x_hat W_hat)                logit = Q(feature of each head · attention_hat)
        coefficient_ij = Q(softmax_j(leaky_relu(logit_j of sources + logit_i of targets)))
        message = Q(feature)                    aggregate_i = Q(sum_j coefficient_ij message_j)
        z = aggregate, the heads side by side or their mean

    Dropout follows the coefficient's quantizer. A protected node keeps the coefficients of the
    edges it sends along in full precision, as it does its message.

    Source:
        Veličković et al., Graph Attention Networks, ICLR 2018; components as in Tailor et al.,
        Degree-Quant, ICLR 2021.
    """

    def __init__(self, spec: LayerSpec, quant: LayerQuant) -> None:
        super().__init__(spec, quant)
        self.attention = nn.Parameter(torch.empty(2, spec.width))

    def initialize(self, generator: torch.Generator | None) -> None:
        """Draw weight and attention vectors, each end's as a map of [heads, C]."""
        super().initialize(generator)
        for vectors in self.attention.detach():
            nn.init.xavier_uniform_(vectors.view(self.spec.heads, -1), generator=generator)

    def gather(
        self,
        x: Features,
        adjacencies: Adjacencies,
        protected: ProtectedRows | None,
        generator: torch.Generator | None,
    ) -> Tensor:
        """Return ``z``, [N, F']."""
        q, adjacency = self.quantize, adjacencies.of("gat")
        feature = q("feature", x @ q("weight", self.weight), protected)
        logit = q("logit", feature @ self._by_head(q("attention", self.attention)), protected)
        sources = None if protected is None else protected.spread(adjacency.source)
        softmax = adjacency.softmax(logit, self.spec.slope)
        coefficient = self.drop(q("coefficient", softmax, sources), generator)
        sums = adjacency.weighted_sum(coefficient, q("message", feature, protected))
        if not self.spec.concat:
            sums = sums.view(len(sums), self.spec.heads, self.spec.outputs).mean(1)
        return q("aggregate", sums, protected)

    def folded(self) -> dict[str, Tensor]:
        """Return the learned tensors by their names in `LayerSpec.constants`."""
        return {**super().folded(), "attention": self.attention}

    def _by_head(self, attention: Tensor) -> Tensor:
        """Return vectors [2, heads C] as the matrix [heads C, 2 heads] that gives the logits."""
        heads = self.spec.heads
        apart = torch.eye(heads, dtype=attention.dtype, device=attention.device)
        parts = attention.view(2, heads, self.spec.width // heads)
        return torch.einsum("ehc,hg->hceg", parts, apart).reshape(self.spec.width, 2 * heads)
