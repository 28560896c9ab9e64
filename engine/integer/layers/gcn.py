"""The graph convolutional network as a program.

    input_0     = Q(x)                          input_l = Q(relu(output_{l-1}) [+ input_hat_{l-1}])
    feature_l   = Q(input_hat_l @ weight_hat_l)
    message_l   = Q(norm_hat_j feature_hat_j)   once a source node, not once an edge
    aggregate_l = Q(norm_hat_i sum_{j in N(i)} weight_hat_ij message_hat_j)
    output_l    = Q(aggregate_hat + bias_l)

Source:
    Kipf and Welling, Semi-Supervised Classification with Graph Convolutional Networks, ICLR 2017;
    components as in Tailor et al., Degree-Quant, ICLR 2021.

Differs:
    The norm of an edge, d_i^-1/2 d_j^-1/2, is applied in two factors, so that a message does not
    depend on its target.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.affine import QParams
from engine.integer.program import Constant, Program
from engine.integer.stages.aggregate import Aggregate
from engine.integer.stages.combine import Combine, Summand
from engine.integer.stages.product import Product
from engine.integer.stages.scale import Scale
from engine.integer.stages.stage import Slot, Stage
from engine.spec import ModelSpec, SpecError


@dataclass(frozen=True, slots=True, eq=False)
class GcnWeights:
    """What one layer learned.

    Args:
        weight: [F, F'].
        bias: [F'].
    """

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]


def gcn_program(
    model: ModelSpec, layers: Sequence[GcnWeights], params: Mapping[Slot, QParams | None]
) -> Program:
    """Return the program of a GCN.

    Args:
        model: The network's shape.
        layers: What each layer learned; weights are quantized here.
        params: Parameters by slot, ``(layer, component)``; None or left out holds it in float32.

    Raises:
        SpecError: Naming what does not fit.
    """
    constants: dict[Slot, Constant] = {}
    for layer, learned in enumerate(layers):
        constants[layer, "weight"] = np.asarray(learned.weight, np.float32)
        constants[layer, "bias"] = np.asarray(learned.bias, np.float32)
    program = assemble_gcn(model, constants, {})
    return program.quantize({slot: held for slot, held in params.items() if held is not None})


def assemble_gcn(
    model: ModelSpec, constants: Mapping[Slot, Constant], params: Mapping[Slot, QParams]
) -> Program:
    """Return the program of a GCN whose weights are already as they are to be held.

    Args:
        model: The network's shape.
        constants: ``weight`` [F, F'] and ``bias`` [F'] of each layer.
        params: Parameters of the other slots held in codes.

    Raises:
        SpecError: Naming what does not fit.
    """
    names = {(layer, name) for layer in range(model.layers) for name in ("weight", "bias")}
    if set(constants) != names:
        accepts = f"weight and bias of each of the model's {model.layers} layers"
        raise SpecError("layers", sorted(constants), accepts)
    last = model.layers - 1
    for layer in range(model.layers):
        shape = constants[layer, "weight"].shape
        fan_in = shape[0] if layer == 0 else model.hidden
        wanted = (fan_in, shape[-1] if layer == last else model.hidden)
        if shape != wanted or 0 in shape:
            raise SpecError(f"layers[{layer}].weight", f"shape {shape}", f"shape {wanted}")
        if constants[layer, "bias"].shape != shape[1:]:
            name, bias = f"layers[{layer}].bias", constants[layer, "bias"]
            raise SpecError(name, f"shape {bias.shape}", f"shape {shape[1:]}")
    stages = tuple(stage for layer in range(model.layers) for stage in _stages(model, layer))
    return Program(model=model, stages=stages, constants=constants, params=params)


def _stages(model: ModelSpec, layer: int) -> tuple[Stage, ...]:
    def slot(component: str) -> Slot:
        return layer, component

    stages: tuple[Stage, ...] = (
        Product(slot("feature"), slot("input"), slot("weight")),
        Scale(slot("message"), slot("feature"), slot("norm")),
        Aggregate(slot("aggregate"), slot("message"), slot("norm"), slot("edge_weight")),
        Combine(slot("output"), Summand(slot("aggregate")), bias=slot("bias")),
    )
    if layer == model.layers - 1:
        return stages
    added = Summand(slot("input")) if model.residual and layer > 0 else None
    return *stages, Combine((layer + 1, "input"), Summand(slot("output"), relu=True), added)
