"""Programs from the shapes of their layers and what those learned."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from engine.affine import QParams, Real
from engine.integer.layers import (
    appnp,
    elastic,
    gat,
    gcn,
    gin,
    linear,
    normalization,
    sage,
    smp,
)
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
    "appnp": appnp.stages,
    "elastic": elastic.stages,
    "smp": smp.stages,
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
        stages += of_layer
        if not spec.propagates:
            stages += [output(layer, spec, of_layer), *normalization.stages(layer, spec)]
            if layer < len(layers) - 1 and not layers[layer + 1].propagates:
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
    index = _check_steps(layers)
    last = layers[index]
    after: Mapping[str, tuple[object, bool]] = {
        "activation": (last.activation, last.activation != "none"),
        "batch_norm": (last.batch_norm, last.batch_norm == "after"),
        "residual": (last.residual, last.residual),
        "normalization": (last.normalization, last.normalization is not None),
    }
    for name, (had, follows) in after.items():
        if follows:
            accepts = "nothing that follows the output of the last layer"
            raise SpecError(f"layers[{index}].{name}", had, accepts)


def _check_steps(layers: Sequence[LayerSpec]) -> int:
    """Return the last layer that is no step; refuse steps that are not one whole propagation.

    Raises:
        SpecError: Naming the layer.
    """
    steps = [layer for layer in layers if layer.propagates]
    before = len(layers) - len(steps)
    for index, layer in enumerate(layers):
        fits = not layer.propagates
        if index >= before:
            alike = replace(layer, step=1) == replace(steps[0], step=1)
            fits = alike and layer.step == index - before + 1
        if before and fits:
            continue
        got = f"{layer.operator}, step {layer.step} of {layer.steps}"
        accepts = "the steps of one propagation in order, last and after another layer"
        raise SpecError(f"layers[{index}]", got, accepts)
    if steps and steps[-1].scaled:
        accepts = f"all {steps[-1].steps} of the propagation"
        raise SpecError("layers", f"{len(steps)} steps", accepts)
    return before - 1


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
