"""What a network costs by its spec alone: bit operations and float bytes.

Packed bytes and buffers are not here: the integer program knows its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from engine.spec import Component, ModelSpec, RunSpec

FLOAT_BYTES = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class StageCost:
    """What one stage of one layer multiplies.

    Args:
        layer: The layer's index.
        component: The component that the stage makes.
        macs: Multiply-accumulates.
        bits: Widths of the two numbers in each product.
    """

    layer: int
    component: Component
    macs: int
    bits: tuple[int, int]

    @property
    def bit_operations(self) -> int:
        """Multiply-accumulates times both widths."""
        return self.macs * self.bits[0] * self.bits[1]


def stage_costs(
    spec: RunSpec, nodes: int, edges: int, entries: int, classes: int, *, weighted: bool = False
) -> tuple[StageCost, ...]:
    """Return what each stage of each GCN layer multiplies in one forward of the whole graph.

    With F features entering a layer and F' leaving it:

        feature    N F F'  (layer 0: entries F')    input x weight
        message    N F'                             norm x feature
        aggregate  E' F'                            message x edge weight, or x 1 bit: a plain sum
        aggregate  N F'                             message x norm

    Float counts as 32 bits. Accumulators count with the width of what they sum; requantization,
    bias and activation, which take one operation a code, are left out, as is usual.

    Args:
        spec: The run.
        nodes: Number of nodes, N.
        edges: Number of edges aggregated over, a self-loop of each node among them, E'.
        entries: Entries of the graph's features that are multiplied: the non-zero ones where they
            are sparse, else all N F.
        classes: Number of classes, C.
        weighted: Whether edges have weights.
    """
    stages = []
    for layer, quant in enumerate(spec.quant):
        outputs = classes if layer == spec.model.layers - 1 else spec.model.hidden
        entering = entries if layer == 0 else nodes * spec.model.hidden
        edge_bits = quant.edge_weight.bits if weighted else 1
        products: tuple[tuple[Component, int, int, int], ...] = (
            ("feature", entering, quant.input.bits, quant.weight.bits),
            ("message", nodes, quant.norm.bits, quant.feature.bits),
            ("aggregate", edges, quant.message.bits, edge_bits),
            ("aggregate", nodes, quant.message.bits, quant.norm.bits),
        )
        stages += [
            StageCost(layer=layer, component=component, macs=count * outputs, bits=(a, b))
            for component, count, a, b in products
        ]
    return tuple(stages)


def bit_operations(
    spec: RunSpec, nodes: int, edges: int, entries: int, classes: int, *, weighted: bool = False
) -> int:
    """Return the bit operations of one forward of the whole graph.

        sum over stages of multiply-accumulates x bits_a x bits_b

    Args:
        spec: The run.
        nodes: Number of nodes.
        edges: Number of edges aggregated over, a self-loop of each node among them.
        entries: Entries of the graph's features that are multiplied.
        classes: Number of classes.
        weighted: Whether edges have weights.
    """
    stages = stage_costs(spec, nodes, edges, entries, classes, weighted=weighted)
    return sum(stage.bit_operations for stage in stages)


def float_model_bytes(model: ModelSpec, features: int, classes: int) -> int:
    """Return the bytes of a network's weights and biases in float32.

        4 sum over layers of (F + 1) F'

    Args:
        model: The network.
        features: Features of a node, F of layer 0.
        classes: Number of classes, F' of the last layer.
    """
    widths = [features, *[model.hidden] * (model.layers - 1), classes]
    return FLOAT_BYTES * sum((f + 1) * g for f, g in pairwise(widths))
