"""A quantized network as one frozen value: learned tensors, parameters of its slots, stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.affine import QParams
from engine.integer.packing import IntArray
from engine.integer.stages.stage import Slot, Stage, slot_name
from engine.spec import LayerSpec, SpecError

Constant = IntArray | NDArray[np.float32]
"""A learned tensor: in packed codes, or in float32."""

ENTRY: Slot = (0, "input")
"""The slot that the graph's features fill."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Program:
    """A network that runs without torch, slot by slot in codes or in float32.

    Args:
        layers: The shape of each layer.
        stages: What is computed after the features are quantized, in order; the last one's target
            holds the scores.
        constants: The learned tensors, by slot; biases and gains in float32, from which their
            integers are made.
        params: Parameters of the slots held in codes, the constants' aside; a slot that is not
            here is held in float32.

    Raises:
        SpecError: Naming the slot whose parameters or constant are invalid.
    """

    layers: tuple[LayerSpec, ...]
    stages: tuple[Stage, ...]
    constants: Mapping[Slot, Constant]
    params: Mapping[Slot, QParams]

    def __post_init__(self) -> None:
        read = {slot for stage in self.stages for slot in stage.sources}
        slots = (read | {ENTRY} | {stage.target for stage in self.stages}) - set(self.constants)
        for slot, params in self.params.items():
            if slot not in slots:
                accepts = "one of the program's slots, " + ", ".join(map(slot_name, sorted(slots)))
                raise SpecError("params", slot, accepts)
            _check_params(f"params[{slot_name(slot)}]", params, ())
        for slot, constant in self.constants.items():
            name = f"constants[{slot_name(slot)}]"
            if isinstance(constant, IntArray):
                channels = constant.shape[-1:]
                _check_params(name, constant.params, channels)
            elif constant.dtype != np.float32 or not np.isfinite(constant).all():
                raise SpecError(name, f"{constant.dtype} array", "finite float32 numbers")

    @property
    def features(self) -> int:
        """Features of a node."""
        return self.layers[0].inputs

    @property
    def classes(self) -> int:
        """Scores of a node, or of a graph."""
        return self.layers[-1].outputs

    @property
    def scores(self) -> Slot:
        """The slot that holds the scores."""
        return self.stages[-1].target

    def params_of(self, slot: Slot) -> QParams | None:
        """Return the parameters of a slot, None if it is held in float32."""
        constant = self.constants.get(slot)
        return constant.params if isinstance(constant, IntArray) else self.params.get(slot)

    def quantize(self, params: Mapping[Slot, QParams]) -> Program:
        """Return the program with more slots held in codes, those of learned tensors included.

        Args:
            params: Parameters by slot; the constants among them are now in float32.
        """
        constants = dict(self.constants)
        held = dict(self.params)
        for slot, of_slot in params.items():
            constant = constants.get(slot)
            if isinstance(constant, np.ndarray):
                constants[slot] = IntArray.quantize(constant, of_slot)
            else:
                held[slot] = of_slot
        return replace(self, constants=constants, params=held)

    @property
    def float_stages(self) -> list[str]:
        """The stages that compute in float32 or float64, or hold it, ``layer.name``, in order."""
        entry = [slot_name(ENTRY)] if self.params_of(ENTRY) is None else []
        return entry + [
            slot_name(stage.target)
            for stage in self.stages
            if not stage.integer
            or any(self.params_of(slot) is None for slot in (stage.target, *stage.sources))
        ]

    @property
    def model_bytes(self) -> int:
        """Bytes of the packed constants, and of all scales and zero points."""
        held = [c.params for c in self.constants.values() if isinstance(c, IntArray)]
        params = sum(p.nbytes for p in (*held, *self.params.values()))
        return params + sum(constant.nbytes for constant in self.constants.values())

    @property
    def float_model_bytes(self) -> int:
        """Bytes of the same constants in float32."""
        return sum(4 * int(np.prod(constant.shape)) for constant in self.constants.values())


def _check_params(name: str, params: QParams, channels: tuple[int, ...]) -> None:
    """Refuse parameters that no kernel could use.

    Raises:
        SpecError: Naming the parameters.
    """
    spec, scale, zero = params.spec, params.scale, params.zero
    shape = channels if spec.granularity == "channel" else ()
    if spec.is_float:
        raise SpecError(f"{name}.spec.bits", 32, "1 to 8 or 16; a slot left out is float32")
    if scale.shape != shape or zero.shape != shape:
        raise SpecError(name, f"scale {scale.shape}, zero {zero.shape}", f"both of shape {shape}")
    if scale.dtype != np.float32 or not (np.isfinite(scale) & (scale > 0)).all():
        raise SpecError(f"{name}.scale", scale, "positive finite float32 numbers")
    if zero.dtype != np.int32 or not ((zero >= spec.qmin) & (zero <= spec.qmax)).all():
        raise SpecError(f"{name}.zero", zero, f"int32 codes from {spec.qmin} to {spec.qmax}")
    if (zero != zero.flat[0]).any():
        raise SpecError(f"{name}.zero", zero, "one zero point for all channels")
    if tuple(n.bits for n in params.nested) != tuple(b.bits for b in spec.buckets):
        raise SpecError(f"{name}.nested", params.nested, f"codes for each of {spec.buckets}")
    under, over = params.room
    for index, nested in enumerate(params.nested):
        fits = nested.multiple * nested.below <= under and nested.multiple * nested.above <= over
        if nested.multiple < 1 or nested.below < 0 or nested.above < 0 or not fits:
            accepts = f"codes that lie on the grid's, {under} below 0.0 and {over} above"
            raise SpecError(f"{name}.nested[{index}]", nested, accepts)
