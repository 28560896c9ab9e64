"""Programs from the shapes of their layers and what those learned."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np

from engine.affine import QParams, Real
from engine.integer.layers import gat, gcn, gin, linear, sage
from engine.integer.layers.ending import leaving, output
from engine.integer.program import Constant, Program
from engine.integer.stages.stage import Slot, Stage, slot_name
from engine.spec import LayerOperator, LayerSpec, SpecError

STAGES: Mapping[LayerOperator, Callable[[int, LayerSpec], tuple[Stage, ...]]] = {
    "gcn": gcn.stages,
    "gat": gat.stages,
    "gin": gin.stages,
    "sage": sage.stages,
    "linear": linear.stages,
}


def program_of(
    layers: Sequence[LayerSpec],
    constants: Mapping[Slot, Real],
    params: Mapping[Slot, QParams | None],
) -> Program:
    """Return the program of a network.

    Args:
        layers: The shape of each layer.
        constants: What each learned, real, by slot: the names and shapes of `LayerSpec.constants`;
            those that have parameters are quantized here.
        params: Parameters by slot; None or left out holds it in float32.

    Raises:
        SpecError: Naming what does not fit.
    """
    real = {slot: np.asarray(constant, np.float32) for slot, constant in constants.items()}
    held = {slot: of_slot for slot, of_slot in params.items() if of_slot is not None}
    return assemble(layers, real, {}).quantize(held)


def assemble(
    layers: Sequence[LayerSpec], constants: Mapping[Slot, Constant], params: Mapping[Slot, QParams]
) -> Program:
    """Return the program of a network whose learned tensors are already as they are to be held.

    Args:
        layers: The shape of each layer.
        constants: What each learned, by slot.
        params: Parameters of the other slots held in codes.

    Raises:
        SpecError: Naming what does not fit.
    """
    _check_stack(layers)
    _check_constants(layers, constants)
    stages: list[Stage] = []
    for layer, spec in enumerate(layers):
        of_layer = STAGES[spec.operator](layer, spec)
        stages += [*of_layer, output(layer, spec, of_layer)]
        if layer < len(layers) - 1:
            stages.append(leaving(layer, spec))
    return Program(
        layers=tuple(layers), stages=tuple(stages), constants=dict(constants), params=dict(params)
    )


def _check_stack(layers: Sequence[LayerSpec]) -> None:
    """Refuse layers that do not follow each other.

    Raises:
        SpecError: Naming the layer's field.
    """
    if not layers:
        raise SpecError("layers", "none", "at least one")
    for index, (spec, following) in enumerate(pairwise(layers), start=1):
        if following.inputs != spec.outputs:
            accepts = f"{spec.outputs}, what leaves the layer before"
            raise SpecError(f"layers[{index}].inputs", following.inputs, accepts)
    pooled = False
    for index, spec in enumerate(layers):
        if pooled and (spec.operator != "linear" or spec.pool != "none"):
            got = f"{spec.operator}, pool {spec.pool}"
            raise SpecError(f"layers[{index}]", got, "linear without a pool, after a pool")
        pooled = pooled or spec.pool != "none"
    last = layers[-1]
    after: Mapping[str, tuple[object, bool]] = {
        "activation": (last.activation, last.activation != "none"),
        "batch_norm": (last.batch_norm, last.batch_norm == "after"),
        "residual": (last.residual, last.residual),
    }
    for name, (had, follows) in after.items():
        if follows:
            accepts = "nothing that follows the output of the last layer"
            raise SpecError(f"layers[{len(layers) - 1}].{name}", had, accepts)


def _check_constants(layers: Sequence[LayerSpec], constants: Mapping[Slot, Constant]) -> None:
    """Refuse constants that are not those of the layers.

    Raises:
        SpecError: Naming the layer and the constant.
    """
    wanted = {
        (layer, name): shape
        for layer, spec in enumerate(layers)
        for name, shape in spec.constants.items()
    }
    for slot, constant in constants.items():
        if slot not in wanted:
            accepts = ", ".join(map(slot_name, wanted))
            raise SpecError("constants", slot_name(slot), f"those of the layers, {accepts}")
        if tuple(constant.shape) != wanted[slot]:
            field, got = f"layers[{slot[0]}].{slot[1]}", f"shape {tuple(constant.shape)}"
            raise SpecError(field, got, f"shape {wanted[slot]}")
    for layer, name in wanted:
        if (layer, name) not in constants:
            raise SpecError(f"layers[{layer}].{name}", "nothing", f"shape {wanted[layer, name]}")
