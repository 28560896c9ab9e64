"""How well the simulation and the integer path agree: in every code, and in the classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.metrics.errors import class_flip

Slot = tuple[int, str]
"""A layer's index and a slot's name."""

TIE = 2.0**-16
"""Difference of two scores, as a share of the largest, that counts as none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SlotAgreement:
    """How the codes of one slot differ.

    Args:
        layer: The layer's index.
        component: The component.
        codes: Number of codes compared.
        different: Number of codes that differ.
        max_difference: Largest difference in code steps.
    """

    layer: int
    component: str
    codes: int
    different: int
    max_difference: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """How a simulated forward and the integer path of the same weights differ.

    Args:
        max_code_difference: Largest difference of two codes, in code steps; 0 without codes.
        codes_different: Share of all codes that differ, 0 to 1; 0 without codes.
        same_class: Share of nodes in the same class, 0 to 1; 1 without nodes. Where two classes tie
            within 2^-16 of the largest score, either is the same.
        slots: Each slot by itself, in the order of the integer path.
    """

    max_code_difference: int
    codes_different: float
    same_class: float
    slots: tuple[SlotAgreement, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON data."""
        return {**asdict(self), "slots": [asdict(slot) for slot in self.slots]}


def agreement(
    simulated: Mapping[Slot, NDArray[Any]],
    integer: Mapping[Slot, NDArray[Any]],
    simulated_scores: NDArray[Any],
    integer_scores: NDArray[Any],
) -> Agreement:
    """Return how far a simulated forward and the integer path agree.

    Args:
        simulated: Codes of the fake-quantized tensors by slot, integers of any shape.
        integer: Codes of the integer path by slot, same slots and shapes.
        simulated_scores: Final scores of the simulation, [N, C].
        integer_scores: Final scores of the integer path, [N, C].

    Raises:
        ValueError: If slots or shapes differ, codes are not integers, or a score is nan.
    """
    if set(simulated) != set(integer):
        odd = sorted(set(simulated) ^ set(integer))
        raise ValueError(f"both forwards need codes of the same slots; only one has {odd}")
    slots = tuple(_compared(slot, simulated[slot], integer[slot]) for slot in integer)
    flips = _flips(simulated_scores, integer_scores)
    codes = sum(slot.codes for slot in slots)
    return Agreement(
        max_code_difference=max((slot.max_difference for slot in slots), default=0),
        codes_different=sum(slot.different for slot in slots) / max(codes, 1),
        same_class=1 - float(flips.mean()) if flips.size else 1.0,
        slots=slots,
    )


def _flips(simulated: NDArray[Any], integer: NDArray[Any]) -> NDArray[np.bool_]:
    """Return whether a node's class in integers is another one, and scores clearly less; [N]."""
    flips = class_flip(simulated, integer)
    rows = np.flatnonzero(flips)
    scores = simulated[rows].astype(np.float64)
    chosen = scores[np.arange(rows.size), integer[rows].argmax(axis=1)]
    size = np.abs(scores).max(axis=1, initial=0)
    flips[rows] = scores.max(axis=1, initial=-np.inf) - chosen > TIE * size
    return flips


def _compared(slot: Slot, simulated: NDArray[Any], integer: NDArray[Any]) -> SlotAgreement:
    simulated, integer = np.asarray(simulated), np.asarray(integer)
    layer, component = slot
    if simulated.dtype.kind not in "iu" or integer.dtype.kind not in "iu":
        raise ValueError(
            f"layer {layer} {component}: codes are integers; got {simulated.dtype}, {integer.dtype}"
        )
    if simulated.shape != integer.shape:
        raise ValueError(
            f"layer {layer} {component}: codes need one shape; "
            f"got {simulated.shape} and {integer.shape}"
        )
    differs = simulated != integer
    step = np.abs(simulated[differs].astype(np.int64) - integer[differs].astype(np.int64))
    return SlotAgreement(
        layer=layer,
        component=component,
        codes=integer.size,
        different=step.size,
        max_difference=int(step.max(initial=0)),
    )
