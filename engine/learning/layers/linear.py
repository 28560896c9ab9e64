"""A linear layer, of nodes or of pooled graphs."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.learning.adjacency import Adjacencies
from engine.learning.features import Features, dense
from engine.learning.layers.learned import LearnedLayer
from engine.learning.protection import ProtectedRows


class LinearLayer(LearnedLayer):
    """A linear layer: ``z = x W``, of each node, or of each graph's pooled nodes.

        [aggregate_g = Q(sum, mean or max of x_hat over the nodes of graph g)]
        z = feature = Q(x_hat W_hat), or Q(aggregate W_hat)

    A graph without nodes pools 0. Protection is of nodes: what is pooled is always quantized.
    """

    def gather(
        self,
        x: Features,
        adjacencies: Adjacencies,
        protected: ProtectedRows | None,
        generator: torch.Generator | None,
    ) -> Tensor:
        """Return ``z``, [N, F'] or [G, F']."""
        if self.spec.pool != "none":
            pools = adjacencies.pools
            over = {"sum": pools.sum, "mean": pools.mean, "max": pools.max}[self.spec.pool]
            x, protected = self.quantize("aggregate", over(dense(x))), None
        product = x @ self.quantize("weight", self.weight)
        return self.quantize("feature", product, protected)
