"""Random networks on random graphs, small and odd."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

import numpy as np
import pytest
from scipy.sparse import csr_array

from engine.graphs import Neighbourhoods, Neighbours
from engine.graphs.graph import Graph
from engine.integer import Calibrator, Plan, Program, bind, program_of
from engine.spec import (
    FP32,
    Component,
    DiffGroupNorm,
    LayerOperator,
    LayerQuant,
    LayerSpec,
    LearnedRange,
    LearnedStep,
    MinMax,
    ModelSpec,
    PairNorm,
    Percentile,
    QuantSpec,
    Truncation,
)

OPERATORS: tuple[LayerOperator, ...] = ("gcn", "gat", "gin", "sage", "linear")


@dataclass(frozen=True)
class Case:
    """A float program on a graph, and how it is bound."""

    reference: Program
    neighbourhoods: Any
    x: np.ndarray | csr_array
    rng: np.random.Generator

    @property
    def neighbours(self) -> Neighbours:
        return self.neighbourhoods.of("gcn")

    def bind(self, program: Program) -> Plan:
        return bind(program, self.neighbourhoods, self.x)

    def quantized(self, quant: Sequence[LayerQuant]) -> Program:
        return Calibrator(self.reference, self.bind(self.reference).trace()).program(quant)

    def random_quant(self, widths: Sequence[int]) -> tuple[LayerQuant, ...]:
        return tuple(
            LayerQuant().map(lambda component, _, layer=layer: self._spec(layer, component, widths))
            for layer in self.reference.layers
        )

    def random_program(self, widths: Sequence[int]) -> Program:
        """Return a program whose codes reach and pass the ends of their ranges."""
        program = self.quantized(self.random_quant(widths))
        params = {
            slot: replace(p, scale=p.scale * np.float32(self.rng.choice([0.25, 1, 3])))
            for slot, p in program.params.items()
        }
        return replace(program, params=params)

    def _spec(self, layer: LayerSpec, component: Component, widths: Sequence[int]) -> QuantSpec:
        bits = int(self.rng.choice([w for w in widths if w in layer.widths(component)]))
        if bits == 32:
            return FP32
        rules = MinMax(), LearnedStep(), Percentile(tail=0.1), LearnedRange(base=MinMax())
        weight = component == "weight"
        ternary = bits == 2 and not self.rng.integers(4)
        few = ternary or bits == 1
        truncations = get_args(Truncation) if bits == 2 and not few else ["none"]
        return QuantSpec(
            bits=bits,
            signed=ternary or bool(self.rng.integers(2)),
            granularity="channel" if weight and self.rng.integers(2) else "tensor",
            range=rules[self.rng.integers(1 if few else 4)],
            truncation=self.rng.choice(truncations).item(),
            ternary=ternary,
        )


class Arranged:
    """The same neighbours, made by hand, for every operator."""

    def __init__(self, neighbours: Neighbours, pools: Sequence[int] | None = None) -> None:
        self.neighbours = neighbours
        self.nodes = neighbours.nodes
        self.pools = np.array([0, self.nodes] if pools is None else pools)

    def of(self, _operator: str) -> Neighbours:
        return self.neighbours


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


def draw_layers(
    rng: np.random.Generator, operators: Sequence[LayerOperator], features: int, *, pool: bool
) -> tuple[LayerSpec, ...]:
    """Return layers with every choice drawn, and two linear ones after a pool where asked for."""
    count = int(rng.integers(1, 4))
    hidden = int(rng.integers(1, 10))
    total = count + 2 * pool
    layers = []
    for index in range(total):
        operator: LayerOperator = "linear" if index >= count else rng.choice(operators).item()
        last = index == total - 1
        outputs = int(rng.integers(1, 6)) if last else hidden
        inputs = hidden if index else features
        heads, concat = int(rng.integers(1, 4)), bool(rng.integers(2))
        chosen: dict[str, dict[str, Any]] = {
            "gat": {
                "heads": heads if outputs % heads == 0 or not concat else 1,
                "concat": concat,
                "slope": float(rng.choice([0, 0.2, 1])),
            },
            "gin": {
                "hidden": int(rng.integers(1, 8)),
                "hidden_norm": bool(rng.integers(2)),
                "eps": float(rng.choice([0, 0.5, -1, 0.1, -2.7])),
            },
            "sage": {"aggregation": rng.choice(["mean", "max"]).item()},
        }
        pools = index == count and pool
        over_nodes = None
        if operator != "linear" and not last:
            over_nodes = (None, PairNorm(), DiffGroupNorm(groups=2))[rng.integers(3)]
        batch_norms = ["none"] + ["before"] * (over_nodes is None) + ["after"] * (not last)
        layers.append(
            LayerSpec(
                operator=operator,
                inputs=inputs,
                outputs=outputs,
                activation="none" if last else rng.choice(["none", "relu", "elu"]).item(),
                batch_norm=rng.choice(batch_norms).item(),
                normalization=over_nodes,
                residual=not last and not pools and inputs == outputs and bool(rng.integers(2)),
                pool=rng.choice(["sum", "mean", "max"]).item() if pools else "none",
                **chosen.get(operator, {}),
            )
        )
    return tuple(layers)


def draw_constants(
    rng: np.random.Generator, layers: Sequence[LayerSpec]
) -> dict[tuple[int, str], np.ndarray]:
    """Return random constants; gains of all signs, some of them zero or tiny."""
    constants = {
        (layer, name): rng.normal(size=shape).astype(np.float32)
        for layer, spec in enumerate(layers)
        for name, shape in spec.constants.items()
    }
    for (_, name), values in constants.items():
        if name.endswith("gain"):
            values *= rng.choice(np.float32([0, 1e-20, 1, 1, 1]), values.shape)
    return constants


def draw_case(
    seed: int,
    *,
    nodes: int | None = None,
    edges: int | None = None,
    weighted: bool | None = None,
    sparse: bool | None = None,
    model: ModelSpec | None = None,
    operators: Sequence[LayerOperator] | None = None,
    layers: tuple[LayerSpec, ...] | None = None,
    features: int | None = None,
    pool: bool = False,
) -> Case:
    """Return a random case: a GCN, unless other operators, layers or a model are given."""
    rng = np.random.default_rng(seed)
    nodes = int(rng.integers(3, 40)) if nodes is None else nodes
    edges = int(rng.integers(0, 4 * nodes)) if edges is None else edges
    sparse = bool(rng.integers(2)) if sparse is None else sparse
    features = int(rng.integers(1, 14)) if features is None else features
    if operators:
        layers = draw_layers(rng, operators, features, pool=pool)
    if layers is None:
        model = model or ModelSpec(
            layers=int(rng.integers(2, 5)),
            hidden=int(rng.integers(1, 12)),
            residual=bool(rng.integers(2)),
        )
        layers = model.layer_specs(features, int(rng.integers(1, 6)))
    weightless = any(layer.operator not in ("gcn", "linear") for layer in layers)
    if weighted is None:
        weighted = bool(rng.integers(2)) and not weightless
    x = rng.normal(size=(nodes, features)).astype(np.float32)
    if sparse:
        x = csr_array(x * (rng.random(x.shape) < 0.3))
    graph = draw_graph(rng, nodes, edges, weighted=weighted)
    cuts = np.sort(rng.integers(0, nodes + 1, int(rng.integers(0, 6))))  # some graphs have no nodes
    pools = np.concatenate([[0], cuts, [nodes]]) if pool else None
    reference = program_of(layers, draw_constants(rng, layers), {})
    return Case(reference, Neighbourhoods(graph, pools), x, rng)


@pytest.fixture(scope="session")
def case() -> Callable[..., Case]:
    return draw_case


@pytest.fixture(scope="session")
def arranged() -> type[Arranged]:
    return Arranged
