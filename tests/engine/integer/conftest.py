"""Random networks on random graphs, small and odd."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.sparse import csr_array

from engine.affine import QParams
from engine.graphs import Neighbours, gcn_neighbours
from engine.graphs.graph import Graph
from engine.integer import Calibrator, GcnWeights, Plan, Program, bind, gcn_program
from engine.spec import FP32, LayerQuant, LearnedStep, MinMax, ModelSpec, Percentile, QuantSpec


@dataclass(frozen=True)
class Case:
    """A float program on a graph, and how it is bound."""

    reference: Program
    neighbours: Neighbours
    x: np.ndarray | csr_array
    rng: np.random.Generator

    def bind(self, program: Program) -> Plan:
        return bind(program, self.neighbours, self.x)

    def quantized(self, quant: Sequence[LayerQuant]) -> Program:
        return Calibrator(self.reference, self.bind(self.reference).trace()).program(quant)

    def random_quant(self, widths: Sequence[int]) -> tuple[LayerQuant, ...]:
        return tuple(
            LayerQuant().map(lambda component, _: self._spec(component, widths))
            for _ in range(self.reference.model.layers)
        )

    def random_program(self, widths: Sequence[int]) -> Program:
        """Return a program whose codes reach and pass the ends of their ranges."""
        program = self.quantized(self.random_quant(widths))
        params = {
            slot: QParams(p.spec, p.scale * np.float32(self.rng.choice([0.25, 1, 3])), p.zero)
            for slot, p in program.params.items()
        }
        return replace(program, params=params)

    def _spec(self, component: str, widths: Sequence[int]) -> QuantSpec:
        bits = int(self.rng.choice(widths))
        if bits == 32:
            return FP32
        rules = MinMax(), LearnedStep(), Percentile(tail=0.1)
        weight = component == "weight"
        return QuantSpec(
            bits=bits,
            signed=bool(self.rng.integers(2)),
            granularity="channel" if weight and self.rng.integers(2) else "tensor",
            range=rules[self.rng.integers(3)],
        )


def draw_graph(rng: np.random.Generator, nodes: int, edges: int, *, weighted: bool) -> Graph:
    """Return a graph with hubs, repeated edges, self-loops and, when sparse, isolated nodes."""
    ends = (nodes * rng.random((2, edges)) ** 2).astype(np.int64)
    weight = rng.random(edges, np.float32) * 3 if weighted else None
    split = np.arange(nodes) % 3
    return Graph(
        name="random",
        edge_index=ends,
        edge_weight=weight,
        x=np.zeros((nodes, 1), np.float32),
        y=np.zeros(nodes, np.int64),
        train=split == 0,
        val=split == 1,
        test=split == 2,
        classes=1,
    )


def draw_case(
    seed: int,
    *,
    nodes: int | None = None,
    edges: int | None = None,
    weighted: bool | None = None,
    sparse: bool | None = None,
    model: ModelSpec | None = None,
    features: int | None = None,
) -> Case:
    rng = np.random.default_rng(seed)
    nodes = int(rng.integers(3, 40)) if nodes is None else nodes
    edges = int(rng.integers(0, 4 * nodes)) if edges is None else edges
    weighted = bool(rng.integers(2)) if weighted is None else weighted
    sparse = bool(rng.integers(2)) if sparse is None else sparse
    features = int(rng.integers(1, 14)) if features is None else features
    if model is None:
        model = ModelSpec(
            layers=int(rng.integers(2, 5)),
            hidden=int(rng.integers(1, 12)),
            residual=bool(rng.integers(2)),
        )
    widths = [features, *[model.hidden] * (model.layers - 1), int(rng.integers(1, 6))]
    layers = [
        GcnWeights(
            rng.normal(size=shape).astype(np.float32),
            rng.normal(size=shape[1]).astype(np.float32),
        )
        for shape in pairwise(widths)
    ]
    x = rng.normal(size=(nodes, features)).astype(np.float32)
    if sparse:
        x = csr_array(x * (rng.random(x.shape) < 0.3))
    graph = draw_graph(rng, nodes, edges, weighted=weighted)
    return Case(gcn_program(model, layers, {}), gcn_neighbours(graph), x, rng)


@pytest.fixture(scope="session")
def case() -> Callable[..., Case]:
    return draw_case
