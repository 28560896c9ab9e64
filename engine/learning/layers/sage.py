"""GraphSAGE."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engine.learning.adjacency import Adjacencies
from engine.learning.features import Features, dense
from engine.learning.layers.learned import LearnedLayer
from engine.learning.protection import ProtectedRows
from engine.learning.sparse_sums import averaged
from engine.spec import LayerQuant, LayerSpec


class SAGELayer(LearnedLayer):
    """GraphSAGE: ``z_i = (mean or max_{j in N(i)} x_j) W + x_i U``.

        message = Q(x_hat)                  aggregate_i = Q(mean or max_{j in N(i)} message_j)
        feature = Q(aggregate W_hat)        own_feature = Q(x_hat U_hat)
        z = feature + own_feature

    A node without neighbours aggregates 0.

    Source:
        Hamilton, Ying and Leskovec, Inductive Representation Learning on Large Graphs, NeurIPS
        2017.

    Differs:
        All neighbours count, none are sampled; the maximum is of the messages themselves, as in
        PyTorch Geometric.
    """

    def __init__(self, spec: LayerSpec, quant: LayerQuant) -> None:
        super().__init__(spec, quant)
        self.own_weight = nn.Parameter(torch.empty(spec.inputs, spec.outputs))

    def initialize(self, generator: torch.Generator | None) -> None:
        """Draw both linear maps."""
        super().initialize(generator)
        nn.init.xavier_uniform_(self.own_weight, generator=generator)

    def gather(
        self,
        x: Features,
        adjacencies: Adjacencies,
        protected: ProtectedRows | None,
        generator: torch.Generator | None,
    ) -> Tensor:
        """Return ``z``, [N, F']."""
        q, adjacency = self.quantize, adjacencies.of("sage")
        message = q("message", x, protected)
        if self.spec.aggregation == "mean":
            gathered = averaged(adjacency, message)
        else:
            gathered = adjacency.max(dense(message))
        aggregate = q("aggregate", gathered, protected)
        feature = q("feature", aggregate @ q("weight", self.weight), protected)
        own = q("own_feature", x @ q("own_weight", self.own_weight), protected)
        return feature + own

    def folded(self) -> dict[str, Tensor]:
        """Return the learned tensors by their names in `LayerSpec.constants`."""
        return {**super().folded(), "own_weight": self.own_weight}
