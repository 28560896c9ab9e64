"""A stack of layers of one operator, with a quantizer at every component of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import cast

import torch
from torch import Tensor, nn

from engine.affine import QParams
from engine.learning.adjacency import Adjacency
from engine.learning.features import Features
from engine.learning.layers.gcn import GCNLayer
from engine.learning.protection import ProtectedRows
from engine.learning.quantizers import Quantizer
from engine.spec import LayerQuant, ModelSpec

Slot = tuple[int, str]
"""A layer's index and a component's name."""

OPERATORS = {"gcn": GCNLayer}


class Network(nn.Module):
    """A graph neural network for node classification.

    Args:
        model: Its shape.
        quant: One `LayerQuant` for each layer.
        features: Width of the input, F.
        classes: Width of the scores, C.
        generator: Source of the initial weights.
    """

    layers: Sequence[GCNLayer]

    def __init__(
        self,
        model: ModelSpec,
        quant: tuple[LayerQuant, ...],
        features: int,
        classes: int,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        widths = [features, *[model.hidden] * (model.layers - 1), classes]
        last = model.layers - 1
        layer_class = OPERATORS[model.operator]
        layers = nn.ModuleList(
            layer_class(
                widths[index],
                widths[index + 1],
                quant[index],
                last=index == last,
                residual=model.residual and 0 < index < last,
                dropout=model.dropout,
            )
            for index in range(model.layers)
        )
        self.layers = cast("Sequence[GCNLayer]", layers)
        for layer in self.layers:
            nn.init.xavier_uniform_(layer.weight, generator=generator)

    def forward(
        self,
        x: Features,
        adjacency: Adjacency,
        protected: Sequence[ProtectedRows | None] = (),
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Return class scores.

        Args:
            x: Node features, [N, F].
            adjacency: Incoming edges of the N nodes.
            protected: Protected nodes of each layer; none by default.
            generator: Source of dropout in training.

        Returns:
            [N, C].
        """
        rows_of_layers = protected or [None] * len(self.layers)
        for layer, rows in zip(self.layers, rows_of_layers, strict=True):
            x = layer(x, adjacency, rows, generator)
        assert isinstance(x, Tensor)  # a layer returns one whatever it is given
        return x

    def quantizers(self) -> Iterator[tuple[Slot, Quantizer]]:
        """Yield each component's quantizer with its layer and name."""
        for index, layer in enumerate(self.layers):
            for component, held in layer.quantizers.items():
                yield (index, component), held

    def qparams(self) -> dict[Slot, QParams | None]:
        """Return what each quantizer learned, None where a component stays in float.

        Raises:
            ValueError: If the network never saw a batch.
        """
        return {slot: held.qparams() for slot, held in self.quantizers()}

    def load_qparams(self, params: Mapping[Slot, QParams | None]) -> None:
        """Take every component's scale and zero point from outside.

        Raises:
            ValueError: If they were found for other specs.
        """
        for slot, held in self.quantizers():
            held.load(params[slot])

    @contextmanager
    def recording(self) -> Iterator[dict[Slot, Tensor]]:
        """Collect what leaves each quantizer while the block runs: slot to ``x_hat``."""
        seen: dict[Slot, Tensor] = {}
        hooks = [
            held.register_forward_hook(
                lambda _module, _inputs, x_hat, slot=slot: seen.__setitem__(slot, x_hat.detach())
            )
            for slot, held in self.quantizers()
        ]
        try:
            yield seen
        finally:
            for hook in hooks:
                hook.remove()
