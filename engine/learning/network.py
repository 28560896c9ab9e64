"""A stack of layers with a quantizer at every slot of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import cast

import torch
from torch import Tensor, nn

from engine.affine import QParams
from engine.learning.adjacency import Adjacencies
from engine.learning.features import Features
from engine.learning.layers.appnp import APPNPStep
from engine.learning.layers.elastic import ElasticStep
from engine.learning.layers.gat import GATLayer
from engine.learning.layers.gcn import GCNLayer
from engine.learning.layers.gin import GINLayer
from engine.learning.layers.layer import Layer
from engine.learning.layers.linear import LinearLayer
from engine.learning.layers.sage import SAGELayer
from engine.learning.layers.smp import SMPStep
from engine.learning.layers.state import State
from engine.learning.protection import ProtectedRows, with_degree
from engine.learning.quantizers import Quantizer
from engine.spec import LayerOperator, LayerQuant, LayerSpec
from engine.spec.layer import check_buckets

Slot = tuple[int, str]
"""A layer's index and the name of a place in it where a tensor is held."""

OPERATORS: Mapping[LayerOperator, type[Layer]] = {
    "gcn": GCNLayer,
    "gat": GATLayer,
    "gin": GINLayer,
    "sage": SAGELayer,
    "linear": LinearLayer,
    "appnp": APPNPStep,
    "elastic": ElasticStep,
    "smp": SMPStep,
}


class Network(nn.Module):
    """A graph neural network for nodes, or for graphs where a layer pools.

    Attributes:
        by_degree: Whether some width depends on the in-degree.

    Args:
        layers: The shape of each layer.
        quant: One `LayerQuant` for each layer.
        generator: Source of the initial weights.

    Raises:
        SpecError: If widths depend on the in-degree where rows are not nodes.
    """

    layers: Sequence[Layer]

    def __init__(
        self,
        layers: Sequence[LayerSpec],
        quant: Sequence[LayerQuant],
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        check_buckets(layers, quant)
        made = [
            OPERATORS[spec.operator](spec, of_layer)
            for spec, of_layer in zip(layers, quant, strict=True)
        ]
        self.layers = cast("Sequence[Layer]", nn.ModuleList(made))
        for layer in made:
            layer.initialize(generator)
        self.by_degree = any(of_layer.is_by_degree for of_layer in quant)

    def forward(
        self,
        x: Features,
        adjacencies: Adjacencies,
        protected: Sequence[ProtectedRows | None] = (),
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Return the scores.

        Args:
            x: Node features, [N, F].
            adjacencies: Edges between the N nodes.
            protected: Protected nodes of each layer, of no account once nodes are pooled; none by
                default.
            generator: Source of dropout in training.

        Returns:
            [N, C], or [G, C] where a layer pools.
        """
        state, of_nodes = State(x), True
        if self.by_degree:
            each = protected or [None] * len(self.layers)
            protected = [with_degree(rows, adjacencies.in_degree) for rows in each]
        for layer, rows in zip(self.layers, protected or [None] * len(self.layers), strict=True):
            state = layer.advance(state, adjacencies, rows if of_nodes else None, generator)
            of_nodes = of_nodes and layer.spec.pool == "none"
        assert isinstance(state.x, Tensor)  # a layer leaves one whatever it is given
        return state.x

    def quantizers(self) -> Iterator[tuple[Slot, Quantizer]]:
        """Yield each slot's quantizer."""
        for index, layer in enumerate(self.layers):
            for name, held in layer.quantizers.items():
                yield (index, name), held

    def qparams(self) -> dict[Slot, QParams | None]:
        """Return what each quantizer learned, None where a slot stays in float.

        Raises:
            ValueError: If the network never saw a batch.
        """
        return {slot: held.qparams() for slot, held in self.quantizers()}

    def load_qparams(self, params: Mapping[Slot, QParams | None]) -> None:
        """Take every slot's scale and zero point from outside.

        Raises:
            ValueError: If they were found for other specs.
        """
        for slot, held in self.quantizers():
            held.load(params[slot])

    @contextmanager
    def recording(self) -> Iterator[dict[Slot, Features]]:
        """Collect what leaves each quantizer while the block runs: slot to ``x_hat``."""
        seen: dict[Slot, Features] = {}
        for index, layer in enumerate(self.layers):
            layer.watch = lambda name, x_hat, index=index: seen.update({(index, name): x_hat})
        try:
            yield seen
        finally:
            for layer in self.layers:
                layer.watch = None
