"""Graph convolution."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.learning.adjacency import Adjacencies
from engine.learning.features import Features
from engine.learning.layers.learned import LearnedLayer
from engine.learning.protection import ProtectedRows
from engine.learning.quantizers import quantizer
from engine.spec import LayerQuant, LayerSpec


class GCNLayer(LearnedLayer):
    """Graph convolution: ``z_i = n_i sum_{j in N(i) or j = i} w_ij n_j (x_j W)``, ``n = d^-1/2``.

        feature = Q(x_hat W_hat)                 message_j = Q(n_hat_j feature_j)
        aggregate_i = Q(n_hat_i sum_j w_ij message_j)              z = aggregate

    Source:
        Kipf and Welling, Semi-Supervised Classification with Graph Convolutional Networks, ICLR
        2017; components as in Tailor et al., Degree-Quant, ICLR 2021.

    Differs:
        Degree-Quant quantizes each edge's coefficient ``n_i w_ij n_j``. It factorises, so here
        ``n`` is quantized for each node, and the aggregation is a plain sum of codes.
    """

    def __init__(self, spec: LayerSpec, quant: LayerQuant) -> None:
        super().__init__(spec, quant)
        self.edge_weight = quantizer(quant.edge_weight)

    def gather(
        self,
        x: Features,
        adjacencies: Adjacencies,
        protected: ProtectedRows | None,
        generator: torch.Generator | None,
    ) -> Tensor:
        """Return ``z``, [N, F']."""
        q, adjacency = self.quantize, adjacencies.of("gcn")
        norm = q("norm", adjacency.coefficient).unsqueeze(1)
        feature = q("feature", x @ q("weight", self.weight), protected)
        message = q("message", norm * feature, protected)
        weights = None if adjacency.weights is None else self.edge_weight(adjacency.weights)
        return q("aggregate", norm * adjacency.sum(message, weights), protected)
