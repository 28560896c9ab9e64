"""Graph convolution with a quantizer at each of its components.

PyG's `MessagePassing` is left aside on purpose: given a sparse adjacency its fused path skips
whatever stands in ``message()``, and one sparse product is several times faster than its
gather and scatter. The tests hold this layer to PyG's `GCNConv`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn

from engine.learning.adjacency import Adjacency
from engine.learning.dropout import dropout
from engine.learning.features import Features, SparseRows
from engine.learning.protection import ProtectedRows
from engine.learning.quantizers import Quantizer, quantizer
from engine.spec import Component, LayerQuant


class GCNLayer(nn.Module):
    """Graph convolution: ``out_i = n_i sum_{j in N(i)} w_ij n_j (x_j W) + b``, with ``n = d^-1/2``.

    Each product, sum and input passes a quantizer Q of its own:

        x_hat = Q_input(x)               W_hat = Q_weight(W)          n_hat = Q_norm(n)
        f = Q_feature(x_hat W_hat)       m_j = Q_message(n_hat_j f_j)
        a_i = Q_aggregate(n_hat_i sum_j w_ij m_j)       out_i = Q_output(a_i + b)

    Args:
        inputs: Features entering, F.
        outputs: Features leaving, F'.
        quant: One spec for each component.
        last: The last layer returns ``out`` itself, a hidden one ``relu(out)``.
        residual: Add ``x_hat`` to what a hidden layer returns; needs F = F'.
        dropout: Share of ``x_hat`` dropped in training.

    Source:
        Kipf and Welling, Semi-Supervised Classification with Graph Convolutional Networks, ICLR
        2017; components as in Tailor et al., Degree-Quant, ICLR 2021.

    Differs:
        Degree-Quant quantizes each edge's coefficient ``n_i w_ij n_j`` and each edge's message.
        The coefficient factorises, so here a message is quantized once per source node, and the
        aggregation is a plain sum of codes. Dropout follows the input's quantizer, so that its
        range is the one evaluation meets.
    """

    quantizers: Mapping[str, Quantizer]

    def __init__(
        self,
        inputs: int,
        outputs: int,
        quant: LayerQuant,
        *,
        last: bool = False,
        residual: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.last = last
        self.residual = residual
        self.dropout = dropout
        quantizers = nn.ModuleDict({name: quantizer(spec, outputs) for name, spec in quant.items()})
        self.quantizers = cast("Mapping[str, Quantizer]", quantizers)
        self.edge_weight = quantizer(quant.edge_weight)

    def forward(
        self,
        x: Features,
        adjacency: Adjacency,
        protected: ProtectedRows | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Return the layer's activation.

        Args:
            x: Features, [N, F], dense or sparse rows.
            adjacency: Incoming edges of the N nodes.
            protected: Nodes left in full precision.
            generator: Source of dropout in training.

        Returns:
            [N, F'].
        """
        q = self._quantize
        x_hat: Features
        kept: Features
        if isinstance(x, SparseRows):
            rows = None if protected is None else protected.spread(x.row)
            x_hat = x.map(lambda values: q("input", values, rows))
            kept = x_hat.map(lambda values: self._drop(values, generator))
        else:
            x_hat = q("input", x, protected)
            kept = self._drop(x_hat, generator)
        norm = q("norm", adjacency.coefficient).unsqueeze(1)
        feature = q("feature", kept @ q("weight", self.weight), protected)
        message = q("message", norm * feature, protected)
        weights = None if adjacency.weights is None else self.edge_weight(adjacency.weights)
        aggregate = q("aggregate", norm * adjacency.sum(message, weights), protected)
        output = q("output", aggregate + self.bias, protected)
        if self.last:
            return output
        activation = output.relu()
        if not self.residual:
            return activation
        assert isinstance(x_hat, Tensor)  # only the first layer, never residual, sees sparse rows
        return activation + x_hat

    def _quantize(
        self, component: Component, x: Tensor, protected: ProtectedRows | None = None
    ) -> Tensor:
        x_hat: Tensor = self.quantizers[component](x, protected)
        return x_hat

    def _drop(self, x: Tensor, generator: torch.Generator | None) -> Tensor:
        return dropout(x, self.dropout, generator) if self.training else x
