"""The frame of every layer: its quantizers, and the learned tensors it hands to the program."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import cast, overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.learning.adjacency import Adjacencies
from engine.learning.features import Features, dense
from engine.learning.layers.state import State
from engine.learning.nested import quantizer_of
from engine.learning.protection import ProtectedRows
from engine.learning.quantizers import Quantizer
from engine.spec import LayerQuant, LayerSpec


class Layer(nn.Module, ABC):
    """A layer with a quantizer Q at each of its slots.

    Args:
        spec: The layer's shape.
        quant: One spec for each component.
    """

    quantizers: Mapping[str, Quantizer]
    watch: Callable[[str, Features], None] | None = None
    """Told each slot's ``x_hat``, if set."""

    def __init__(self, spec: LayerSpec, quant: LayerQuant) -> None:
        super().__init__()
        self.spec, self.quant = spec, quant
        quantizers = {
            slot: quantizer_of(spec.quant_of(slot, quant), spec.constants.get(slot, (1,))[-1])
            for slot in spec.slots
        }
        self.quantizers = cast("Mapping[str, Quantizer]", nn.ModuleDict(quantizers))

    @abstractmethod
    def initialize(self, generator: torch.Generator | None) -> None:
        """Draw what the layer learns."""

    @abstractmethod
    def advance(
        self,
        state: State,
        adjacencies: Adjacencies,
        protected: ProtectedRows | None,
        generator: torch.Generator | None,
    ) -> State:
        """Return what leaves the layer.

        Args:
            state: What enters it.
            adjacencies: Edges between the N nodes.
            protected: Nodes left in full precision.
            generator: Source of dropout in training.
        """

    @abstractmethod
    def folded(self) -> dict[str, Tensor]:
        """Return the learned tensors by their names in `LayerSpec.constants`."""

    @overload
    def quantize(self, slot: str, x: Tensor, protected: ProtectedRows | None = None) -> Tensor: ...

    @overload
    def quantize(
        self, slot: str, x: Features, protected: ProtectedRows | None = None
    ) -> Features: ...

    def quantize(self, slot: str, x: Features, protected: ProtectedRows | None = None) -> Features:
        """Return a slot's ``x_hat``, as ``x`` is held; dense where 0 does not stay 0."""
        move = self.quantizers[slot]
        if isinstance(x, Tensor) or not move.keeps_zero:
            x_hat: Features = move(dense(x), protected)
        else:
            rows = None if protected is None else protected.spread(x.row)
            x_hat = x.map(lambda values: move(values, rows))
        if self.watch is not None:
            self.watch(slot, x_hat.detach())
        return x_hat

    def constants(self) -> dict[str, NDArray[np.float32]]:
        """Return copies of what `LayerSpec.constants` names, batch normalisation folded."""
        held = self.folded()
        return {
            name: held[name].detach().cpu().float().numpy().copy() for name in self.spec.constants
        }
