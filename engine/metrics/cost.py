"""What a network costs by its spec alone: bit operations.

Packed bytes and buffers are not here: the integer program knows its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.spec import Component, DiffGroupNorm, LayerOperator, LayerQuant, LayerSpec, PairNorm

PLAIN = 1
"""Width of the other factor in a plain sum of codes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Extent:
    """What a forward pass covers.

    Args:
        nodes: Number of nodes, N.
        edges: Edges that each operator sums over, E'.
        entries: Entries of the features that are multiplied: the non-zero ones where they are
            sparse, else all N F.
        weighted: Whether edges have weights.
        graphs: Number of graphs, G, that a pool leaves of the nodes.
        pairs: Undirected edges between different nodes, P, where an operator sums over them.
    """

    nodes: int
    edges: Mapping[LayerOperator, int]
    entries: int
    weighted: bool = False
    graphs: int = 1
    pairs: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class StageCost:
    """What one stage of one layer multiplies.

    Args:
        layer: The layer's index.
        slot: The slot that the stage fills.
        macs: Multiply-accumulates.
        bits: Widths of the two numbers in each product.
    """

    layer: int
    slot: str
    macs: int
    bits: tuple[int, int]

    @property
    def bit_operations(self) -> int:
        """Multiply-accumulates times both widths."""
        return self.macs * self.bits[0] * self.bits[1]


def stage_costs(
    layers: Sequence[LayerSpec], quant: Sequence[LayerQuant], extent: Extent
) -> tuple[StageCost, ...]:
    """Return what each stage of each layer multiplies in one forward.

    With F features entering a layer, M after its first map and F' leaving it:

        gcn     feature N F F';  message N F';  aggregate E' F', and N F' by the norm
        gat     feature N F M;  logit 2 N M;  aggregate E' M
        gin     aggregate (E' + N) F;  feature N F M;  hidden_feature N M F'
        sage    aggregate E' F;  feature and own_feature N F F' each
        linear  feature N F F', of G rows after the pool's aggregate N F
        appnp   output E' F
        elastic aggregate E' F;  proposal, but in the first step, dual and output 2 P F each
        smp     change and output E' F each

    A differentiable group normalisation of G groups multiplies group_logit and group_scale N F' G
    each, and normalized N F'; PairNorm squares what it normalises, normalized N F'.

    In layer 0 the features' stored entries stand for N F where they are multiplied as they are.
    Float counts as 32 bits, a plain sum as one bit. Accumulators count with the width of what they
    sum, rows whose widths depend on the in-degree with that of the grid they are widened to.
    Requantization with its factors by row or column, bias, activation and gat's float softmax,
    which take a few operations a number, are left out, as is usual.

    Args:
        layers: Their shapes.
        quant: Their widths.
        extent: What the forward pass covers.
    """
    stages, rows = [], extent.nodes
    for index, (layer, of_layer) in enumerate(zip(layers, quant, strict=True)):
        entries = extent.entries if index == 0 else rows * layer.inputs
        if layer.pool != "none":
            entries, rows = extent.graphs * layer.inputs, extent.graphs
        entering = quant[index - 1].output.bits if layer.step > 1 else of_layer.message.bits
        products = [
            *_products(layer, of_layer, extent, rows, entries, entering),
            *_of_normalization(layer, rows),
        ]
        for slot, macs, first, second in products:
            bits = _bits(of_layer, first), _bits(of_layer, second)
            stages.append(StageCost(layer=index, slot=slot, macs=macs, bits=bits))
    return tuple(stages)


def multiply_adds(layers: Sequence[LayerSpec], extent: Extent) -> int:
    """Return the multiply-accumulates of one forward.

    Args:
        layers: Their shapes.
        extent: What the forward pass covers.
    """
    quant = [LayerQuant()] * len(layers)
    return sum(stage.macs for stage in stage_costs(layers, quant, extent))


def bit_operations(layers: Sequence[LayerSpec], quant: Sequence[LayerQuant], extent: Extent) -> int:
    """Return the bit operations of one forward: over stages, macs times both widths.

    Args:
        layers: Their shapes.
        quant: Their widths.
        extent: What the forward pass covers.
    """
    return sum(stage.bit_operations for stage in stage_costs(layers, quant, extent))


Factor = Component | int
Product = tuple[str, int, Factor, Factor]
"""A slot, its multiply-accumulates, and what is multiplied: a component, or a width."""


def _products(
    layer: LayerSpec, quant: LayerQuant, extent: Extent, rows: int, entries: int, entering: int
) -> list[Product]:
    """Return a layer's products; ``entering`` is the width of what a step's nodes send."""
    inputs, width, outputs = layer.inputs, layer.width, layer.outputs
    edges = extent.edges.get(layer.operator, 0)
    match layer.operator:
        case "gcn":
            weight = quant.edge_weight.bits if extent.weighted else PLAIN
            return [
                ("feature", entries * outputs, "input", "weight"),
                ("message", rows * outputs, "norm", "feature"),
                ("aggregate", edges * outputs, "message", weight),
                ("aggregate", rows * outputs, "message", "norm"),
            ]
        case "gat":
            return [
                ("feature", entries * width, "input", "weight"),
                ("logit", 2 * rows * width, "feature", "attention"),
                ("aggregate", edges * width, "message", "coefficient"),
            ]
        case "gin":
            return [
                ("aggregate", (edges + rows) * inputs, "message", PLAIN),
                ("feature", rows * inputs * width, "aggregate", "weight"),
                ("hidden_feature", rows * width * outputs, "input", "weight"),
            ]
        case "sage":
            return [
                ("aggregate", edges * inputs, "message", PLAIN),
                ("feature", rows * inputs * outputs, "aggregate", "weight"),
                ("own_feature", entries * outputs, "input", "weight"),
            ]
        case "linear":
            if layer.pool == "none":
                return [("feature", entries * outputs, "input", "weight")]
            return [
                ("aggregate", extent.nodes * inputs, "input", PLAIN),
                ("feature", entries * outputs, "aggregate", "weight"),
            ]
        case "appnp":
            return [("output", edges * outputs, entering, PLAIN)]
        case "smp":
            return [
                ("change", edges * outputs, entering, PLAIN),
                ("output", edges * outputs, "aggregate", PLAIN),
            ]
        case "elastic":
            ends = 2 * extent.pairs * outputs
            proposal: Product = ("proposal", ends, "message", PLAIN)
            return [
                ("aggregate", edges * outputs, entering, PLAIN),
                *([proposal] if layer.step > 1 else []),
                ("dual", ends, "aggregate", PLAIN),
                ("output", ends, "message", PLAIN),
            ]


def _of_normalization(layer: LayerSpec, rows: int) -> list[Product]:
    """Return the products of what normalises a layer's output over the nodes."""
    entries = rows * layer.outputs
    match layer.normalization:
        case PairNorm():
            return [("normalized", entries, "output", "output")]
        case DiffGroupNorm(groups=groups):
            return [
                ("group_logit", entries * groups, "output", "weight"),
                ("group_scale", entries * groups, "coefficient", "weight"),
                ("normalized", entries, "output", "feature"),
            ]
    return []


def _bits(quant: LayerQuant, factor: Factor) -> int:
    return factor if isinstance(factor, int) else quant[factor].bits
