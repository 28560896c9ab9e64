"""The frame of every layer that learns: what stands before and after its linear maps."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import elu

from engine.learning.adjacency import Adjacencies
from engine.learning.batch_norm import BatchNorm
from engine.learning.dropout import dropout
from engine.learning.features import Features, dense
from engine.learning.layers.layer import Layer
from engine.learning.layers.state import State
from engine.learning.normalizers import normalizer
from engine.learning.protection import ProtectedRows
from engine.spec import Activation, LayerQuant, LayerSpec
from engine.spec.layer import WEIGHTS

ACTIVATIONS: Mapping[Activation, Callable[[Tensor], Tensor]] = {
    "none": lambda x: x,
    "relu": torch.relu,
    "elu": elu,
}


class LearnedLayer(Layer):
    """A layer with linear maps.

        x_hat = Q_input(x)      z = gather(dropout(x_hat))
        output = Q_output(z + bias)
        what leaves = activation(output) [+ x_hat if residual]

    Batch normalisation stands around ``z + bias`` or around the activation, where asked for. A
    normalisation over the nodes takes the output as it is held, and the activation is of
    ``normalized = Q_normalized(normalize(output))``.

    PyG's `MessagePassing` is left aside on purpose: given a sparse adjacency its fused path skips
    whatever stands in ``message()``, and one sparse product is several times faster than its
    gather and scatter. The tests hold every layer to PyG's own.

    Args:
        spec: The layer's shape.
        quant: One spec for each component.

    Differs:
        Degree-Quant quantizes each edge's message; here a message is quantized once for its source
        node, and gathered as codes. Dropout follows the input's quantizer, so that its range is the
        one evaluation meets.
    """

    def __init__(self, spec: LayerSpec, quant: LayerQuant) -> None:
        super().__init__(spec, quant)
        self.weight = nn.Parameter(torch.empty(spec.inputs, spec.width))
        self.bias = nn.Parameter(torch.zeros(spec.outputs))
        self.norm = None if spec.batch_norm == "none" else BatchNorm(spec.outputs)
        self.over_nodes = normalizer(spec)

    def initialize(self, generator: torch.Generator | None) -> None:
        """Draw the linear maps as Glorot and Bengio do; biases start at 0."""
        nn.init.xavier_uniform_(self.weight, generator=generator)
        if self.over_nodes is not None:
            self.over_nodes.initialize(generator)

    @abstractmethod
    def gather(
        self,
        x: Features,
        adjacencies: Adjacencies,
        protected: ProtectedRows | None,
        generator: torch.Generator | None,
    ) -> Tensor:
        """Return ``z``, all that comes before the bias.

        Args:
            x: Quantized input after dropout, [N, F].
            adjacencies: Edges between the N nodes.
            protected: Nodes left in full precision.
            generator: Source of dropout in training.

        Returns:
            [N, F'], or [G, F'] where nodes are pooled.
        """

    def forward(
        self,
        x: Features,
        adjacencies: Adjacencies,
        protected: ProtectedRows | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Return what leaves the layer.

        Args:
            x: Features, [N, F], dense or sparse rows.
            adjacencies: Edges between the N nodes.
            protected: Nodes left in full precision.
            generator: Source of dropout in training.

        Returns:
            [N, F'], or [G, F'] where nodes are pooled.
        """
        x_hat = self.quantize("input", x, protected)
        kept = (
            self.drop(x_hat, generator)
            if isinstance(x_hat, Tensor)
            else x_hat.map(lambda values: self.drop(values, generator))
        )
        z = self.gather(kept, adjacencies, protected, generator)
        if self.spec.pool != "none":
            protected = None
        before = self.norm if self.spec.batch_norm == "before" else None
        output = self.quantize("output", shifted(z, self.bias, before), protected)
        if self.over_nodes is not None:
            output = self._normalized(output, adjacencies, protected)
        leaves = ACTIVATIONS[self.spec.activation](output)
        if self.norm is not None and self.spec.batch_norm == "after":
            leaves = self.norm.after(leaves)
        return leaves + dense(x_hat) if self.spec.residual else leaves

    def advance(
        self,
        state: State,
        adjacencies: Adjacencies,
        protected: ProtectedRows | None,
        generator: torch.Generator | None,
    ) -> State:
        """Return what leaves the layer, which a propagation that follows is anchored at."""
        leaves: Tensor = self(state.x, adjacencies, protected, generator)
        return State(leaves, leaves)

    def drop(self, x: Tensor, generator: torch.Generator | None) -> Tensor:
        """Return ``x`` after dropout in training, itself in evaluation."""
        return dropout(x, self.spec.dropout, generator) if self.training else x

    def folded(self) -> dict[str, Tensor]:
        """Return the learned tensors by their names in `LayerSpec.constants`."""
        held: dict[str, Tensor] = {"weight": self.weight, "bias": self.bias}
        if self.norm is not None and self.spec.batch_norm == "before":
            held["gain"], held["bias"] = self.norm.folded_before(self.bias)
        if self.norm is not None and self.spec.batch_norm == "after":
            held["after_gain"], held["after_bias"] = self.norm.folded_after()
        if self.over_nodes is not None:
            held |= self.over_nodes.folded()
        return held

    def _normalized(
        self, output: Tensor, adjacencies: Adjacencies, protected: ProtectedRows | None
    ) -> Tensor:
        """Return the output normalised over the nodes, [N, F']."""
        assert self.over_nodes is not None

        def quantized(slot: str, x: Tensor) -> Tensor:
            return self.quantize(slot, x, None if slot in WEIGHTS else protected)

        normalized = self.over_nodes(output, adjacencies, quantized)
        return quantized("normalized", normalized)


def shifted(z: Tensor, bias: Tensor, norm: BatchNorm | None) -> Tensor:
    """Return ``z + bias``, batch normalised where there is a norm."""
    return z + bias if norm is None else norm.before(z, bias)
