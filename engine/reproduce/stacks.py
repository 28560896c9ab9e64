"""Deep stacks of layers, plain and with the known remedies for oversmoothing, by depth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from engine.reproduce.study import Cell
from engine.spec import DiffGroupNorm, GraphSpec, ModelSpec, PairNorm, TrainingSpec, scheme

OPERATORS: Mapping[str, ModelSpec] = {
    "GCN": ModelSpec(),
    "GIN": ModelSpec(operator="gin"),
    "GAT": ModelSpec(operator="gat"),
}
REMEDIES: Mapping[str, ModelSpec] = {
    "plain": ModelSpec(),
    "residual": ModelSpec(residual=True),
    "PairNorm": ModelSpec(normalization=PairNorm()),
    "group norm": ModelSpec(normalization=DiffGroupNorm()),
}
"""What each remedy is, in the fields of a network that have not their defaults."""

WIDTHS = (32, 8, 4)

NOTES = (
    "Stacks have 16 hidden features and are quantized by Degree-Quant as it is; plain is without",
    "any remedy but gin's batch normalisation, residual adds each hidden layer's input to its",
    "activation, PairNorm and group norm (10 groups, weight 0.01) stand before the activation.",
)


def stacks(
    graph: str, depths: tuple[int, ...], training: TrainingSpec, seeds: int
) -> tuple[Cell, ...]:
    """Return a cell for each operator, remedy, depth and width.

    Args:
        graph: The graph.
        depths: Numbers of layers.
        training: How each is trained.
        seeds: Runs of each cell.
    """
    return tuple(
        _cell(graph, f"{operator}, {remedy}", replace(model, layers=depth), bits, training, seeds)
        for operator, plain in OPERATORS.items()
        for remedy, added in REMEDIES.items()
        for model in (_with(plain, added),)
        for depth in depths
        for bits in WIDTHS
    )


def _with(plain: ModelSpec, added: ModelSpec) -> ModelSpec:
    return replace(plain, residual=added.residual, normalization=added.normalization)


def _cell(
    graph: str, name: str, model: ModelSpec, bits: int, training: TrainingSpec, seeds: int
) -> Cell:
    spec = scheme(
        "float" if bits == 32 else "degree-quant",
        bits=bits,
        graph=GraphSpec(name=graph),
        model=model,
        training=training,
    )
    return Cell(
        graph=graph,
        model=f"{name}, {model.layers} layers",
        scheme="float32" if bits == 32 else f"{bits} bits",
        runs=tuple(replace(spec, seed=seed) for seed in range(seeds)),
        section=f"{graph}, stacks by depth",
    )
