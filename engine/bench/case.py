"""What a benchmark runs: a graph, a network of random weights, its programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from engine.bench.machine import free_bytes
from engine.graphs import Graph, GraphNotFound, Neighbourhoods, hubs, load_graph
from engine.graphs.catalogue import HUBS_EXPONENT, HUBS_NODES
from engine.integer import Calibrator, Program, bind, program_of
from engine.spec import GraphSpec, LayerQuant, LayerSpec

TORCH, PYG = "torch sparse CSR, float32", "PyG default, float32"

SAMPLE_NODES = 4000
"""Nodes of the smaller graph of the same law on which a made graph's ranges are calibrated."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GraphCase:
    """A graph to measure on: a kept one, or one made in memory.

    Args:
        spec: Its name; ``hubs`` is made, with the nodes and exponent that the spec says.
        degree: Directed edges of a made graph over its nodes; None for its default.
        features: Features of a made graph; None for its default.
        folder: Where public graphs are kept.

    Raises:
        ValueError: If a kept graph is given a degree or features.
    """

    spec: GraphSpec
    degree: float | None = None
    features: int | None = None
    folder: Path | None = None

    def __post_init__(self) -> None:
        if not self.made and (self.degree is not None or self.features is not None):
            raise ValueError(f"{self.spec.name} has its own degrees and features; hubs has none")

    @property
    def made(self) -> bool:
        """Whether the graph is made in memory."""
        return self.spec.name == "hubs"

    def graph(self) -> Graph:
        """Return the graph."""
        if self.made:
            return self._hubs(self.spec.nodes or HUBS_NODES)
        try:
            return load_graph(self.spec, self.folder)
        except GraphNotFound:
            from engine.learning.datasets import fetch

            return fetch(self.spec, self.folder)

    def sample(self) -> GraphCase:
        """Return the case to calibrate on: the same, or fewer nodes of the same law."""
        if not self.made:
            return self
        nodes = min(self.spec.nodes or HUBS_NODES, SAMPLE_NODES)
        return replace(self, spec=replace(self.spec, nodes=nodes))

    def _hubs(self, nodes: int) -> Graph:
        shape: dict[str, Any] = {"mean_degree": self.degree, "features": self.features}
        given = {name: value for name, value in shape.items() if value is not None}
        return hubs(nodes, self.spec.exponent or HUBS_EXPONENT, **given)


class Subject:
    """A network of random weights on a graph; time does not depend on the weights.

    Args:
        case: The graph's.
        layers: The shape of each layer.
        graph: The graph.
    """

    def __init__(self, case: GraphCase, layers: Sequence[LayerSpec], graph: Graph) -> None:
        self.case = case
        self.graph = graph
        self.neighbourhoods = Neighbourhoods(graph)
        self.reference = program_of(layers, _random(layers), {})

    def program(self, quant: Sequence[LayerQuant]) -> Program:
        """Return the network quantized after training."""
        return self._calibrator.program(quant)

    @cached_property
    def _calibrator(self) -> Calibrator:
        case = self.case.sample()
        graph = self.graph if case == self.case else case.graph()
        plan = bind(self.reference, Neighbourhoods(graph), graph.x)
        return Calibrator(self.reference, plan.trace())


def no_room(graph: Graph, width: int) -> dict[str, str]:
    """Return why PyTorch Geometric's default is not run, if its messages take too much memory.

    Args:
        graph: The graph.
        width: Features of a message.
    """
    wanted, free = 2 * 4 * graph.edges * width, free_bytes()  # gathered, and weighted
    if free is None or wanted < free // 2:
        return {}
    return {PYG: f"its messages need {wanted / 1e9:.0f} GB"}


def _random(layers: Sequence[LayerSpec]) -> dict[tuple[int, str], Any]:
    """Return learned tensors as a network has them before it learns: gains 1, maps by Glorot."""
    rng = np.random.default_rng(0)
    constants = {}
    for layer, spec in enumerate(layers):
        for name, shape in spec.constants.items():
            bound = np.sqrt(6 / sum(shape)) if len(shape) == 2 else 0.1
            drawn = rng.uniform(-bound, bound, shape)
            constants[layer, name] = 1 + drawn if name.endswith("gain") else drawn
    return constants
