"""A person's own trained network as a value: the shape of its layers, and where its weights are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from engine.spec.errors import SpecError, check_instance
from engine.spec.layer import LayerSpec, Pool

NAME = re.compile(r"own:[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnModel:
    """A network that was trained elsewhere, kept beside the runs under its name.

    Args:
        name: ``own:<sha256>``, of its layers and weights.
        layers: The shape of each layer.

    Raises:
        SpecError: Naming the invalid field.
    """

    name: str
    layers: tuple[LayerSpec, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not NAME.fullmatch(self.name):
            raise SpecError("name", self.name, "own: and 64 hexadecimal digits")
        check_instance("layers", self.layers, tuple)
        if not self.layers:
            raise SpecError("layers", (), "at least one layer")
        for at, layer in enumerate(self.layers):
            check_instance(f"layers[{at}]", layer, LayerSpec)
        for at, (before, layer) in enumerate(pairwise(self.layers), start=1):
            if layer.inputs != before.outputs:
                accepts = f"{before.outputs}, what leaves the layer before"
                raise SpecError(f"layers[{at}].inputs", layer.inputs, accepts)

    @property
    def depth(self) -> int:
        """Number of layers."""
        return len(self.layers)

    @property
    def pool(self) -> Pool:
        """How the nodes of a graph are gathered; ``none`` for a network for nodes."""
        return next((layer.pool for layer in self.layers if layer.pool != "none"), "none")

    @property
    def features(self) -> int:
        """Features of a node, F."""
        return self.layers[0].inputs

    @property
    def outputs(self) -> int:
        """Scores or targets of a node or graph, C."""
        return self.layers[-1].outputs

    def layer_specs(self, features: int, outputs: int) -> tuple[LayerSpec, ...]:
        """Return the shape of each layer, which is what it is whatever is asked of it."""
        return self.layers
